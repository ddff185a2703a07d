//! What OpenStack wants: the table, parsed row by row and placed on Nodes.
//!
//! [`Database`] reads and writes, over sessions that are set up the same on every server; [`Schema`]
//! says which columns there are, [`parse`]
//! turns one row into a [`Row`] or a [`BadRow`], [`Snapshot`] puts them together.
//! [`Inspection`] is for people who ask why not.

mod address;
mod agenda;
mod change;
mod connect;
mod database;
mod error;
mod fault;
mod inspect;
mod relied;
mod row;
mod schema;
mod select;
mod session;
mod snapshot;
mod statement;
mod subnets;
mod writer;

pub use connect::{DatabaseSettings, Password, SslMode};
pub use database::{Database, Rows};
pub use error::{Cause, DatabaseError};
pub use fault::Fault;
pub use inspect::{Inspection, Refusal};
pub use relied::Relied;
pub use row::{BadRow, Nic, RawRow, Row, RowKey, parse};
pub use schema::{Column, Key, Schema, SchemaError, Shape};
pub use snapshot::{Mark, Protection, Rejection, Snapshot, Stray, Strays, Unmatched};
pub use subnets::Cidr;
pub use writer::Written;
