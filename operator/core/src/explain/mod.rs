//! What is wrong on the nodes and what to do about it, for people, from a list of Nodes and one of objects.
//!
//! ```text
//!  ListedNode, GuardedConfig ─▶ Fleet ──report──▶ Report ─▶ text, or JSON
//! ```
//!
//! Meaning and remedy are those of [`multinic_crds::Reason`], as everywhere.

mod facts;
mod finding;
mod judge;
mod report;
#[cfg(test)]
mod tests;
mod text;

pub use facts::{Fleet, ListedNode, Node, Object};
pub use finding::{Finding, Nic, Severity};
pub use report::{Nothing, Report, report};
