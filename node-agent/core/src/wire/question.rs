//! What is asked of a NIC's network, and what came of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use multinic_crds::MacAddress;

/// What is asked of the network of one NIC. Another question needs another answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which NIC.
    pub mac: MacAddress,
    /// Its link.
    pub index: u32,
    /// The MAC address that it sends from.
    pub source: MacAddress,
    /// What is to pass, in bytes.
    pub mtu: u16,
    /// Addresses that no other host may have.
    pub claims: BTreeSet<Ipv4Addr>,
    /// Routers that are to be there, and the address of the NIC by which each is asked.
    pub gateways: BTreeMap<IpAddr, IpAddr>,
}

/// What came of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Addresses that other hosts have.
    pub taken: BTreeMap<Ipv4Addr, MacAddress>,
    /// Routers that do not answer.
    pub silent: BTreeSet<IpAddr>,
    /// A router to which less passes than is to pass, and how many bytes do.
    pub passes: Option<(IpAddr, u16)>,
}
