//! What netplan would make of the host's files at the next boot, and whether that is still right. Pure.
//!
//! ```text
//!  files as they lie ──────────▶ generator ─▶ before ─┐
//!  files after the change ─────▶ generator ─▶ after ──┼─▶ judge ─▶ Ok, or why not
//!  only the files we write ────▶ generator ─▶ alone ──┘
//! ```
//!
//! On netplan up to 1.0 one invalid file takes the whole node off the network at the next boot. So every change of a file
//! of ours, a removal too, is put to this host's own generator first: it must still take all files, make the same of
//! everybody else's, and make of ours what it makes of them alone.

mod boot;
mod complaint;
mod doubts;
mod fit;
mod judge;
mod outputs;
mod rivals;
#[cfg(test)]
mod tests;

pub use boot::{Answer, Boot, Files, Generator};
pub use complaint::Complaint;
pub use doubts::Doubts;
pub use fit::unfit;
pub use outputs::Outputs;
