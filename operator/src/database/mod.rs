//! The only place that talks to the database server: over sessions that are set up the same on every server.
//!
//! [`Database`] reads and writes; [`Inspection`] is for people who ask why not.

mod access;
mod change;
mod connect;
mod deadline;
mod error;
mod inspect;
mod means;
mod select;
mod session;
mod shape;
mod statement;
mod status_table;
mod writer;

pub use access::Database;
pub use connect::{DatabaseSettings, MAX_HOSTS, Password, SslMode};
pub use error::{Cause, DatabaseError};
pub use inspect::{Inspection, Refusal};
pub use status_table::{StatusSession, StatusTable};
pub use writer::Written;
