//! Virtual machines, for what a network namespace cannot show: NICs with permanent MAC addresses that come and go over
//! PCI, the names that udev gives them, a kernel that boots, a carrier that is lost.
//!
//! ```text
//!  setup            a disk with Debian, its kernel and QEMU's agent, made once and cached
//!    |
//!  VirtualMachine   QEMU in a Testbed, by software emulation: no KVM is needed
//!    |-- Monitor    QEMU itself is told to plug, to unplug, to cut a carrier
//!    |-- Session    commands in the guest, over a serial port: its network is what is tested
//!    '-- Witness    what happens to the uplink
//! ```
//!
//! The cluster, the database and the operator are those of [`multinic_testbed`], on the other side of the uplink.

mod agent;
mod board;
mod guest;
mod guests;
mod line;
mod machine;
mod monitor;
mod names;
mod session;
mod setup;
mod witness;

pub use guest::Guest;
pub use guests::GUESTS;
pub use machine::VirtualMachine;
pub use names::Names;
pub use witness::Witness;
