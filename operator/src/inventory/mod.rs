//! What OpenStack wants: the table, parsed row by row and placed on Nodes.
//!
//! [`Database`] reads and writes, [`Schema`] says which columns there are, [`parse`]
//! turns one row into a [`Row`] or a [`BadRow`], [`Snapshot`] puts them together.
//! [`Inspection`] is for people who ask why not.

mod address;
mod database;
mod fault;
mod inspect;
mod row;
mod schema;
mod snapshot;
mod statement;

pub use database::{Database, DatabaseError, DatabaseSettings, Password, Rows, SslMode, Written};
pub use fault::Fault;
pub use inspect::{Cause, Inspection, Refusal};
pub use row::{BadRow, Nic, RawRow, Row, RowKey, parse};
pub use schema::{Schema, SchemaError, Shape};
pub use snapshot::{Mark, Protection, Rejection, Snapshot, Unmatched};
