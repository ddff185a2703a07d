//! What is known of the place of a NIC that has addresses, or gets them from its network.

use std::net::IpAddr;

use ipnet::IpNet;
use multinic_crds::{Addressing, Explanation, InterfaceAddress, Route};

use super::columns::Columns;

/// The family of a NIC's addresses, and what else is known of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    is_ipv6: bool,
    /// Its own address; none where its network gives it one.
    ip: Option<IpAddr>,
    /// Its subnet; none where nobody knows it before there is an address.
    subnet: Option<IpNet>,
    /// Whether the network tells a gateway as well.
    pub(super) learns_gateway: bool,
}

impl Site {
    /// By the address that the row has.
    pub(super) fn fixed(address: InterfaceAddress) -> Self {
        Self {
            is_ipv6: address.is_ipv6(),
            ip: Some(address.ip()),
            subnet: Some(address.net().trunc()),
            learns_gateway: false,
        }
    }

    /// By where the addresses come from; none where there are none.
    ///
    /// # Errors
    /// A subnet that is there and cannot be read, or says two things.
    pub(super) fn dynamic(addressing: Addressing, columns: &Columns) -> Result<Option<Self>, Explanation> {
        if !addressing.is_dynamic() {
            return Ok(None);
        }
        let subnet = columns.subnet.clone()?;
        let learns_gateway = addressing == Addressing::Dhcp4;
        Ok(Some(Self { is_ipv6: addressing.is_ipv6(), ip: None, subnet, learns_gateway }))
    }

    /// Whether a subnet of another family is known.
    pub(super) fn other_family(&self) -> Option<IpNet> {
        self.subnet.filter(|subnet| subnet.addr().is_ipv6() != self.is_ipv6)
    }

    /// Whether the route is one for this NIC: not for another family, and not by way of the NIC itself.
    pub(super) fn concerns(&self, route: &Route) -> bool {
        let same_family = route.destination.net().addr().is_ipv6() == self.is_ipv6;
        same_family && route.via.is_none_or(|via| !self.is_itself(via.ip()))
    }

    /// Whether it is known to be the NIC's own address.
    pub(super) fn is_itself(&self, ip: IpAddr) -> bool {
        self.ip == Some(ip)
    }

    /// Whether it is known to be the NIC's own subnet.
    pub(super) fn is_subnet(&self, net: IpNet) -> bool {
        self.subnet == Some(net)
    }

    /// Where the address should be and is not: it cannot be on the link. Of a subnet that is not known only the family is.
    pub(super) fn misses(&self, ip: IpAddr) -> Option<String> {
        if self.is_ipv6 && matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            return None;
        }
        let (is_on_link, place) = match self.subnet {
            Some(subnet) => (subnet.contains(&ip), format!("in {subnet}")),
            None => (ip.is_ipv6() == self.is_ipv6, format!("of IPv{}", if self.is_ipv6 { 6 } else { 4 })),
        };
        (!is_on_link).then_some(place)
    }
}
