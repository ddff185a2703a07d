//! What a DHCP server gave a NIC.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::{IpNet, Ipv4Net};
use multinic_crds::Addressing;
use serde::{Deserialize, Serialize};

/// What a DHCP server gave a NIC, as far as a NIC may take it. Name servers, host names and clocks are the node's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// From which kind of server.
    pub addressing: Addressing,
    /// The address, with the prefix of its subnet.
    pub address: IpNet,
    /// Until when, in seconds since the node booted; [`Lease::FOR_EVER`] for one that does not end.
    pub expires: u64,
    /// The largest packet that the network takes, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    /// The router by which everything else is reached: replies leave by it, where they leave by the NIC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// What is reached by other routers, each network with its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub routes: BTreeMap<IpNet, IpAddr>,
}

impl Lease {
    /// The end of a lease that does not end.
    pub const FOR_EVER: u64 = u64::MAX;

    /// The same, good for nothing but to be asked for again.
    #[must_use]
    pub fn ended(self) -> Self {
        Self { expires: 0, ..self }
    }

    /// For how many seconds it is good from `now` on, as the kernel counts them: [`u32::MAX`] is for ever.
    #[must_use]
    pub fn seconds(&self, now: u64) -> u32 {
        u32::try_from(self.expires.saturating_sub(now)).unwrap_or(u32::MAX)
    }

    /// With what the server says of routes: option 121 where it is there, and else the routers of option 3, as RFC 3442 has it.
    /// A router that is not in the subnet is of no use.
    #[must_use]
    pub fn with_routes(mut self, classless: Option<Vec<(IpNet, Ipv4Addr)>>, routers: &[Ipv4Addr]) -> Self {
        let is_near = |ip: &IpAddr| self.address.contains(ip) && *ip != self.address.addr();
        let everywhere = |router: &Ipv4Addr| (IpNet::from(Ipv4Net::default()), *router);
        let all = classless.unwrap_or_else(|| routers.iter().map(everywhere).collect());
        let all = all.into_iter().map(|(to, by)| (to.trunc(), IpAddr::V4(by))).filter(|(_, by)| is_near(by));
        let mut ways = BTreeMap::new();
        for (to, by) in all {
            ways.entry(to).or_insert(by);
        }
        self.gateway = ways.remove(&IpNet::from(Ipv4Net::default()));
        self.routes = ways;
        self
    }
}
