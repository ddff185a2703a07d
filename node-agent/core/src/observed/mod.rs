//! What is there: the kernel's links and routes, and what we did before.

pub mod boot;
pub mod files;
pub mod lease;
pub mod ledger;
pub mod link;
pub mod route;
pub mod routing;
