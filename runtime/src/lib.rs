//! What both binaries need and neither is about: logs, the admin endpoint, shutdown, the way to the API server.
//!
//! ```text
//!  RuntimeArgs ──▶ telemetry::init            (JSON lines on stderr)
//!             └──▶ admin::serve(listener, …)  GET / /healthz /readyz /metrics
//!  SIGTERM, SIGINT ──▶ shutdown::requested    (one future, handed to everything that runs)
//! ```

pub mod admin;
pub mod api;
pub mod heartbeat;
pub mod shutdown;
pub mod telemetry;
mod version;

pub use version::{VERSION, build_info};

/// The settings that both binaries share.
#[derive(Debug, Clone, clap::Args)]
pub struct RuntimeArgs {
    /// Addresses of the admin endpoint (health and metrics), comma-separated; IPv4 only where there is no IPv6
    #[arg(long, env = "LISTEN", default_value = "[::]:8080", value_name = "ADDR:PORT")]
    pub listen: admin::Listen,

    /// Least severe level to log, with optional targets, such as info,kube=debug
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: telemetry::Filter,

    /// Log lines: json or text
    #[arg(long, env = "LOG_FORMAT", default_value = "json", value_enum, hide_possible_values = true)]
    pub log_format: telemetry::Format,
}
