//! Prometheus and promtool, built from a pinned Go module.

use std::path::PathBuf;

use anyhow::Result;

use super::cache;
use super::go::Module;

const MODULE: Module = Module {
    go_mod: include_str!("../../prometheus/go.mod"),
    go_sum: include_str!("../../prometheus/go.sum"),
    linker_flags: "-s -w -X github.com/prometheus/common/version.Version=3.16.0",
    // What finds targets in clouds is most of it, and stories name theirs in the configuration.
    tags: &["remove_all_sd"],
    commands: &[
        "github.com/prometheus/prometheus/cmd/prometheus",
        "github.com/prometheus/prometheus/cmd/promtool",
    ],
};

/// The directory of `prometheus` and `promtool`, built first where they are not in the cache yet.
pub fn ensure() -> Result<PathBuf> {
    cache::ensure("prometheus", &MODULE.fingerprint(), |directory| MODULE.build("prometheus", directory))
}
