//! Puts the commit into `--version` and the metrics.

use std::{env, process::Command};

fn main() {
    let commit = env::var("MULTINIC_COMMIT").ok().or_else(git_commit).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=MULTINIC_REVISION={commit}");
    println!("cargo:rerun-if-env-changed=MULTINIC_COMMIT");
    println!("cargo:rerun-if-changed=../.git/logs/HEAD");
}

fn git_commit() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}
