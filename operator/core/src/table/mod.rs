//! What OpenStack wants: the table, parsed row by row and placed on Nodes.
//!
//! [`Schema`] says which columns there are, [`parse`] turns one row into a [`Row`] or a [`BadRow`], [`Snapshot`] puts
//! them together.

mod address;
mod agenda;
mod newest;
mod relied;
mod row;
pub mod schema;
mod snapshot;
mod subnets;

pub use agenda::Agenda;
pub use newest::{Newest, Older};
pub use relied::Relied;
pub use row::{BadRow, Nic, RawRow, Row, RowKey, Rows, parse};
pub use schema::{Column, Key, Schema, SchemaError, Shape};
pub use snapshot::{Mark, Protection, Rejection, Snapshot, Stray, Strays, Unmatched};
pub use subnets::{Cidr, Subnets};
