//! The operator: what OpenStack's table says, carried to one `NodeNetworkConfig` per node.
//!
//! ```text
//!            one SELECT                       watches
//!  MariaDB ─────────────▶ inventory      cluster ◀──────── Kubernetes API
//!     ▲                   rows ▶ Snapshot   │ Nodes, objects     ▲
//!     │                        └─────┬──────┘                    │
//!     │                              ▼                           │
//!     │                  plan (slots, absence): pure             │
//!     │                              ├──▶ apply: spec, Synced ───┘
//!     │                              ▼
//!     └── netplan_success ◀── mirror: pure
//! ```
//!
//! [`run`] turns this once per interval, and sooner when a Node or an object
//! changes. Everything that decides is synchronous and takes time as an argument;
//! [`inventory::Database`] and [`apply`] only act. Nothing is remembered that a
//! restart could not lose safely: absence is counted anew, slots are in the objects. Of several
//! operators `leader` lets one do this at a time.
//!
//! [`check()`] asks once, before or after, whether all that this takes is there.

pub mod absence;
pub mod apply;
mod check;
pub mod cluster;
mod config;
mod few;
#[cfg(test)]
mod fixtures;
pub mod inventory;
mod journal;
mod leader;
pub mod metrics;
pub mod mirror;
mod outage;
pub mod plan;
pub mod report;
mod run;
pub mod slots;
mod sync;
pub mod verdict;

pub use check::check;
pub use config::{Args, CheckArgs, Cli};
pub use run::run;
