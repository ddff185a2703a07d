//! What is reached over a NIC besides its subnet, and by which way its replies leave.
//!
//! ```text
//!  multi_subnet.gateway_ip, .host_routes ▶ Columns ────┐
//!  the chart's value `networking` ───────▶ Networking ─┼─ Policy ─▶ Routing of one NIC
//!  the annotation of the Node ─────────────────────────┘            └▶ what it goes without
//! ```
//!
//! Of these, the first that says anything counts. What cannot be read is a fault of the row, so that the NIC stays as it
//! is; what can be read and cannot be a route of a NIC is left out, and said.

mod columns;
mod policy;
mod settings;

pub use columns::Columns;
pub use policy::{Policy, Replies, Routing};
pub use settings::{Networking, NetworkingError};
