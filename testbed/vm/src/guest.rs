//! What a virtual machine is made of, as data.

use std::net::Ipv4Addr;

use multinic_testbed::setup::System;

use crate::board::Board;

/// The only machine of its testbed, since its disk says who it is.
pub(crate) const NAME: &str = "worker-1";
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
pub(crate) const UPLINK_MAC: &str = "fa:16:3e:ff:00:00";

/// One kind of virtual machine.
#[derive(Debug)]
pub struct Guest {
    /// What tests call it.
    pub name: &'static str,
    /// By what the files for the next boot, as networkd reads them, recognise a NIC.
    pub matched_by: &'static str,
    pub(crate) system: &'static System,
    pub(crate) board: Board,
    /// The files by which the host configures its uplink, as (path, text).
    pub(crate) uplink: fn() -> Vec<(&'static str, String)>,
}
