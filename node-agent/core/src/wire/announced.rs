//! Which addresses the networks of NICs were told of.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use multinic_crds::{Interface, MacAddress};

use crate::observed::link::{AddressState, Link, is_link_local};

/// The addresses that were announced, by NIC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced(BTreeMap<MacAddress, Announcement>);

/// Addresses that a NIC has, and whose neighbours may still know them elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The link.
    pub index: u32,
    /// The MAC address at which they are now.
    pub source: MacAddress,
    /// The addresses.
    pub addresses: BTreeSet<IpAddr>,
}

impl Announced {
    /// What is to be announced of the NICs that are `present`, and was not since each came, or got its carrier.
    pub fn due<'a>(&mut self, present: impl Iterator<Item = (&'a Interface, &'a Link)>) -> Vec<Announcement> {
        let before = std::mem::take(&mut self.0);
        let mut due = Vec::new();
        for (nic, link) in present {
            let Some(source) = link.mac else { continue };
            let now = Announcement { index: link.index, source, addresses: ready(nic, link) };
            let known = before.get(&nic.mac_address);
            let known = known.filter(|known| (known.index, known.source) == (now.index, now.source));
            let is_news = |ip: &&IpAddr| known.is_none_or(|known| !known.addresses.contains(*ip));
            let news: BTreeSet<IpAddr> = now.addresses.iter().filter(is_news).copied().collect();
            if !news.is_empty() {
                due.push(Announcement { addresses: news, ..now.clone() });
            }
            self.0.insert(nic.mac_address, now);
        }
        due
    }
}

/// The addresses that the NIC has from us and that the kernel has proven: what others put there is theirs to announce.
fn ready(nic: &Interface, link: &Link) -> BTreeSet<IpAddr> {
    let wanted: BTreeSet<_> = nic.nets().collect();
    let ready = link.addresses.iter().filter(|address| address.state == AddressState::Ready);
    let ours = ready.map(|address| &address.net).filter(|net| wanted.contains(*net) && !is_link_local(net));
    ours.map(ipnet::IpNet::addr).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{address, link, nic};

    const NIC: &str = "fa:16:3e:00:00:0a";

    fn due(announced: &mut Announced, nic: &Interface, link: &Link) -> Vec<String> {
        let due = announced.due(std::iter::once((nic, link)));
        due.iter().flat_map(|one| &one.addresses).map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_is_announced_once_it_is_proven_and_again_after_it_was_away() {
        let nic = nic(NIC, "multinic0", &["10.1.0.5/24", "2001:db8::5/64"]);
        let mut link = link(3, "multinic0", NIC);
        link.addresses = ["10.1.0.5/24", "2001:db8::5/64", "fe80::1/64", "10.1.0.200/32"].map(address).into();
        link.addresses[1].state = AddressState::Tentative;
        let mut announced = Announced::default();
        assert_eq!(due(&mut announced, &nic, &link), ["10.1.0.5"]);
        link.addresses[1].state = AddressState::Ready;
        assert_eq!(due(&mut announced, &nic, &link), ["2001:db8::5"]);
        assert_eq!(due(&mut announced, &nic, &link), [""; 0]);
        let all = link.addresses.clone();
        link.addresses.remove(0);
        assert_eq!(due(&mut announced, &nic, &link), [""; 0]);
        link.addresses = all;
        assert_eq!(due(&mut announced, &nic, &link), ["10.1.0.5"]);
        assert!(announced.due(std::iter::empty()).is_empty(), "no carrier");
        assert_eq!(due(&mut announced, &nic, &link), ["10.1.0.5", "2001:db8::5"]);
        link.mac = Some("fa:16:3e:00:00:0c".parse().unwrap());
        assert_eq!(due(&mut announced, &nic, &link), ["10.1.0.5", "2001:db8::5"]);
    }
}
