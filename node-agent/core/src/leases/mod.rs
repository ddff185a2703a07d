//! What the networks of NICs give them: the leases of DHCP servers, and the prefixes that routers advertise. Pure.
//!
//! ```text
//!  object ──▶ Desired ──learned──▶ Desired with addresses ──▶ plan
//!  DHCP clients ──▶ Leases ─┘
//! ```
//!
//! To everything behind it, a leased address is an address that is wanted, for as long as the lease says.

mod extension;
mod learned;
#[cfg(test)]
mod tests;
mod words;

pub use extension::extension;
pub use learned::learned;
pub use words::{Leases, Word};
