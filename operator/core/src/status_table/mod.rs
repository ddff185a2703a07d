//! An optional table that tells OpenStack's side how every NIC is: what it should have, and how it differs from that.
//!
//! ```text
//!  what the table has ─▶ Sheet ─▶ Batch: rows to put, rows to delete
//!  objects, as watched ──▲
//! ```

mod entry;
mod name;
mod sheet;

pub use entry::{Entry, Id, UNCLAIMED};
pub use name::TableName;
pub use sheet::{Batch, Sheet};
