//! What this is.

/// Version and commit, as `--version` prints them.
pub const VERSION: &str = env!("MULTINIC_VERSION");
