//! The operator: what OpenStack's table says, carried to one `NodeNetworkConfig` per node.
//!
//! ```text
//!            one SELECT                          watches
//!  MariaDB ─────────────▶ database      kubernetes ◀──────── Kubernetes API
//!     ▲                   rows │             │ Nodes, objects     ▲
//!     │                        └──────┬──────┘                    │
//!     │                               ▼                           │
//!     │                  multinic_operator_core: plan             │
//!     │                               ├──▶ apply: spec, Synced ───┘
//!     │                               ▼
//!     └── netplan_success ◀── multinic_operator_core: mirror
//!                                     │
//!                                     ▼
//!                                  report: log, Events, metrics, health, dashboard
//! ```
//!
//! [`run`] turns this once per interval, and sooner when a Node or an object changes: `controller.rs` says when, and
//! `sync.rs` is one turn. What decides is [`multinic_operator_core`]'s; in here is what acts. Of several operators the
//! lease lets one do this at a time.
//!
//! [`check()`] asks once, before or after, whether all that this takes is there. [`explain()`] says to people what is wrong
//! on the nodes, from what the API server has.

mod check;
mod cli;
mod config;
mod controller;
mod dashboard;
pub mod database;
mod explain;
pub mod kubernetes;
pub mod report;
mod run;
mod status_table;
mod sync;

pub use check::check;
pub use cli::{Cli, Completion};
pub use config::{Args, CheckArgs, ExplainArgs, Output};
pub use explain::{Verdict, explain};
pub use run::run;
