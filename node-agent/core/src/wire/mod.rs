//! What the network of a NIC says: whether another host has an address, whether the gateway is there, how much passes; and
//! what is said to it: that an address is here now.
//!
//! ```text
//!  present    the NICs of ours that have a network to ask
//!  announced  ──▶ addresses to tell of            ──▶ frame
//!  ask        ──▶ Question ──▶ Inquiry ──▶ Findings
//!                              frame, size
//!  proofs     what was asked and what came of it, and when to ask again; what that means for plan and status
//! ```
//!
//! An [`Inquiry`] is a conversation without a socket: it is told the time and the frames that came, and says what to send.

mod announced;
mod ask;
pub mod frame;
mod inquiry;
mod narrow;
mod present;
mod proofs;
mod question;
mod size;

pub use self::{
    announced::{Announced, Announcement},
    ask::{expected, questions},
    inquiry::Inquiry,
    present::{Done, present},
    proofs::Proofs,
    question::{Findings, Question},
};
pub(crate) use self::{ask::before, proofs::in_use};
