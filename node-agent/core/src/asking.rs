//! For which NICs a DHCP server is asked.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use multinic_crds::{Addressing, Interface, InterfaceName, MacAddress, Mode};

use crate::{
    leases::{Leases, Word},
    observed::{
        lease::Lease,
        ledger::Ledger,
        link::{AddressState, KernelView, Link, is_link_local},
    },
    parse::desired::Desired,
    plan::{Plan, Verdict},
};

/// A NIC for which a DHCP server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Which NIC.
    pub mac: MacAddress,
    /// Its link.
    pub index: u32,
    /// What that is called.
    pub name: InterfaceName,
    /// By which protocol.
    pub by: Protocol,
    /// The lease that it has, or had in an earlier boot: the server may give it again.
    pub before: Option<Lease>,
}

/// By which protocol a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `DHCPv4`.
    Dhcp4,
    /// `DHCPv6`, from this link-local address.
    Dhcp6(Ipv6Addr),
}

/// The NICs that `plan` has brought as far as a server can be asked: they have their names, are up, and something is at the
/// other end. One that holds a lease goes on, whatever keeps it from being changed.
#[must_use]
pub fn asking(
    desired: &Desired,
    plan: &Plan,
    view: &KernelView,
    leases: &Leases,
    ledger: &Ledger,
) -> BTreeMap<MacAddress, Asking> {
    let may_ask = |(mac, nic): &(&MacAddress, &Interface)| {
        let verdict = plan.decisions.get(mac).map(|decision| &decision.verdict);
        let is_ready = matches!(verdict, Some(Verdict::Right | Verdict::Change | Verdict::Held(_)));
        leases.current(**mac, nic.addressing()).is_some() || (desired.mode == Mode::Enforce && is_ready)
    };
    let wanted = desired.wanted.iter().filter(may_ask);
    let asking = wanted.filter_map(|(mac, nic)| {
        let name = nic.name.to_string();
        let link = view.links_with(*mac).find(|link| link.name == name)?;
        let by = protocol(nic.addressing(), link).filter(|_| link.up && link.carrier)?;
        let known = match leases.words.get(mac) {
            Some(Word::Leased(lease)) => Some(lease.clone()),
            Some(Word::Lost(_)) => None,
            // In another boot its clock stands still.
            Some(Word::Silent) | None => {
                ledger.get(*mac).and_then(|entry| entry.lease.clone()).map(Lease::ended)
            }
        };
        let before = known.filter(|lease| lease.addressing == nic.addressing());
        Some((*mac, Asking { mac: *mac, index: link.index, name: nic.name, by, before }))
    });
    asking.collect()
}

fn protocol(addressing: Addressing, link: &Link) -> Option<Protocol> {
    match addressing {
        Addressing::Dhcp4 => Some(Protocol::Dhcp4),
        Addressing::Dhcp6 => {
            let ready = link.addresses.iter().filter(|address| address.state == AddressState::Ready);
            let local = ready.map(|address| address.net).find(is_link_local)?;
            match local.addr() {
                IpAddr::V6(ip) => Some(Protocol::Dhcp6(ip)),
                IpAddr::V4(_) => None,
            }
        }
        Addressing::Static | Addressing::Slaac | Addressing::None => None,
    }
}
