//! What DHCP servers said of NICs, and what follows from it for each.

use std::collections::BTreeMap;

use ipnet::IpNet;
use multinic_crds::{Addressing, Explanation, Interface, MacAddress, Reason};

use crate::observed::{
    lease::Lease,
    ledger::Ledger,
    link::{Address, Link, Manner},
};

/// What a DHCP server said of one NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Nothing, though it was asked several times.
    Silent,
    /// The NIC has an address from it.
    Leased(Lease),
    /// The NIC had one. It ended, or was taken back.
    Lost(Lease),
}

/// What is known of the leases of all NICs at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leases {
    /// The moment, in seconds since the node booted.
    pub now: u64,
    /// By NIC.
    pub words: BTreeMap<MacAddress, Word>,
}

impl Leases {
    /// The lease that the NIC with this MAC address has, if it is of this kind and has not ended.
    #[must_use]
    pub fn current(&self, mac: MacAddress, addressing: Addressing) -> Option<&Lease> {
        match self.words.get(&mac)? {
            Word::Leased(lease) if lease.addressing == addressing && lease.seconds(self.now) > 0 => {
                Some(lease)
            }
            _ => None,
        }
    }

    /// How the addresses of a wanted NIC are given, where not as usual.
    #[must_use]
    pub fn manners(&self, nic: &Interface, link: &Link) -> BTreeMap<IpNet, Manner> {
        let found = link.addresses.iter().filter(|address| nic.nets().any(|net| net == address.net));
        match nic.addressing() {
            Addressing::Slaac => found.map(|address| (address.net, address.manner.clone())).collect(),
            // One that was leased before would end.
            Addressing::Static => {
                let ending = found.filter(|address| address.manner.lifetimes.is_some());
                let lasting = |address: &Address| Manner { lifetimes: None, ..address.manner.clone() };
                ending.map(|address| (address.net, lasting(address))).collect()
            }
            addressing => {
                let lease = self.current(nic.mac_address, addressing);
                let manner = |lease: &Lease| Manner::lasting(lease.address, lease.seconds(self.now));
                lease.map(|lease| (lease.address, manner(lease))).into_iter().collect()
            }
        }
    }

    /// Takes over what the ledger knows and nobody has asked for since: what was leased in this boot still holds.
    pub fn recall(&mut self, ledger: &Ledger) {
        for (mac, entry) in &ledger.nics {
            let given = entry.lease.as_ref().filter(|lease| entry.addresses.contains(&lease.address));
            if let Some(lease) = given.filter(|lease| lease.seconds(self.now) > 0) {
                self.words.entry(*mac).or_insert_with(|| Word::Leased(lease.clone()));
            }
        }
    }

    /// What `nic`, which has no address yet, waits for.
    pub(super) fn awaited(&self, nic: &Interface, link: &Link) -> Explanation {
        let (name, server) = (nic.name, server(nic.addressing()));
        if !link.carrier {
            let message = format!(
                "{name} has no carrier, so that no {server} can give it an address; look at its port"
            );
            return Explanation::new(Reason::AwaitingAddress, message);
        }
        match self.words.get(&nic.mac_address) {
            Some(Word::Lost(lease) | Word::Leased(lease)) if lease.addressing == nic.addressing() => {
                let message = format!(
                    "the lease of {} on {name} ended or was taken back, and no {server} gives another one; see that the \
                     subnet's DHCP is on",
                    lease.address
                );
                Explanation::new(Reason::LeaseLost, message)
            }
            Some(Word::Silent) => {
                let message = format!("no {server} answers on {name}; see that the subnet's DHCP is on");
                Explanation::new(Reason::NoLease, message)
            }
            _ => Explanation::new(Reason::AwaitingAddress, format!("no {server} has answered on {name} yet")),
        }
    }
}

const fn server(addressing: Addressing) -> &'static str {
    match addressing {
        Addressing::Dhcp6 => "DHCPv6 server",
        Addressing::Slaac => "router",
        Addressing::Static | Addressing::Dhcp4 | Addressing::None => "DHCPv4 server",
    }
}
