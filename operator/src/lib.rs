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
//! restart could not lose safely: absence is counted anew, slots are in the objects.

pub mod absence;
pub mod apply;
pub mod cluster;
mod config;
#[cfg(test)]
mod fixtures;
pub mod inventory;
mod journal;
pub mod metrics;
pub mod mirror;
mod outage;
pub mod plan;
pub mod report;
mod run;
pub mod slots;
mod sync;
pub mod verdict;

pub use config::Args;
pub use run::run;
