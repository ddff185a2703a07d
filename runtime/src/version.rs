//! What this is.

use prometheus_client::metrics::info::Info;

const RELEASE: &str = env!("CARGO_PKG_VERSION");
const REVISION: &str = env!("MULTINIC_REVISION");

/// Version and commit, as `--version` prints them.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("MULTINIC_REVISION"), ")");

/// The same for `/metrics`, where a query compares what runs on each node.
#[must_use]
pub fn build_info() -> Info<[(&'static str, &'static str); 2]> {
    Info::new([("version", RELEASE), ("revision", REVISION)])
}
