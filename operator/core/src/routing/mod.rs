//! What others than a NIC's row say of it: where its addresses come from, what is reached over it besides its subnet, by
//! which way its replies leave, and how far all that is proven.
//!
//! ```text
//!  multi_subnet ───────────────────▶ Columns ────┐
//!  the chart's value `networking` ─▶ Networking ─┼─ Policy ─▶ Routing of one NIC
//!  the annotations of the Node ──────────────────┘            └▶ what it goes without
//! ```
//!
//! Of these, the first that says anything counts. What cannot be read is a fault of the row, so that the NIC stays as it
//! is; what can be read and a NIC cannot have is left out, and said.

mod columns;
mod policy;
mod settings;
mod site;

pub use columns::{Columns, RawColumns};
pub use policy::{Policy, Replies, Routing, Said};
pub use settings::{Networking, NetworkingError};
