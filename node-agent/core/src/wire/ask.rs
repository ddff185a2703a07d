//! What there is to ask of the networks of NICs.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use ipnet::IpNet;
use multinic_crds::{Interface, Verify};

use super::question::Question;
use crate::{
    observed::link::{AddressState, KernelView, Link, is_link_local},
    parse::desired::Desired,
    plan::{Blocked, Member, Transaction},
    protected::Fence,
};

/// The questions about the NICs that are `present` and whose network is to be asked.
pub fn questions<'a>(present: impl Iterator<Item = (&'a Interface, &'a Link)>) -> Vec<Question> {
    present
        .filter(|(nic, _)| nic.verify == Verify::Wire)
        .filter_map(|(nic, link)| {
            let routers = routers(nic).into_iter();
            let gateways = routers.filter_map(|router| Some((router, own_address(nic, link, router)?)));
            Some(Question { gateways: gateways.collect(), ..bare(nic, link)? })
        })
        .filter(|question| !question.claims.is_empty() || !question.gateways.is_empty())
        .collect()
}

/// The links of NICs of which something may have to be asked before they get what is `desired`.
#[must_use]
pub fn expected(desired: &Desired, blocked: &Blocked, fence: &Fence, view: &KernelView) -> BTreeSet<u32> {
    let free = view.links.iter().filter(|link| fence.protection(link.index).is_none());
    let lacks = |link: &Link| {
        let mac = link.identity()?;
        let nic = desired.wanted.get(&mac).filter(|nic| nic.verify == Verify::Wire)?;
        let lacks = !blocked.contains(mac) && !claims(nic).is_subset(&had(link));
        lacks.then_some(link.index)
    };
    free.filter_map(lacks).collect()
}

/// What is asked before `transaction` gives the link `index` its first IPv4 address, where its network is to be asked.
pub(crate) fn before(transaction: &Transaction, index: u32, view: &KernelView) -> Option<Question> {
    let on_link = |member: &&Member| member.link.as_ref().is_some_and(|link| link.index == index);
    let member = transaction.members.iter().find(on_link)?;
    let nic = member.wanted.as_ref().filter(|nic| nic.verify == Verify::Wire)?;
    let link = view.link(index).or(member.link.as_ref())?;
    let had = had(link);
    let mut question = bare(nic, link)?;
    question.claims.retain(|ip| !had.contains(ip));
    (!question.claims.is_empty()).then_some(question)
}

/// A question without routers.
fn bare(nic: &Interface, link: &Link) -> Option<Question> {
    Some(Question {
        mac: nic.mac_address,
        index: link.index,
        source: link.mac?,
        mtu: u16::try_from(link.mtu).unwrap_or(u16::MAX),
        claims: claims(nic),
        gateways: BTreeMap::new(),
    })
}

pub(super) fn claims(nic: &Interface) -> BTreeSet<Ipv4Addr> {
    nic.nets().filter_map(v4).collect()
}

fn had(link: &Link) -> BTreeSet<Ipv4Addr> {
    link.nets().into_iter().filter_map(v4).collect()
}

/// An IPv4 address. The kernel sees by itself to those of IPv6.
fn v4(net: IpNet) -> Option<Ipv4Addr> {
    match net {
        IpNet::V4(net) => Some(net.addr()),
        IpNet::V6(_) => None,
    }
}

/// The routers that the NIC is to have on its own subnets.
fn routers(nic: &Interface) -> BTreeSet<IpAddr> {
    let gateways = nic.source_routing.iter().flat_map(|routing| &routing.gateways).map(|hop| hop.ip());
    let routes = nic.routes.iter().filter(|route| !route.on_link);
    gateways.chain(routes.filter_map(|route| route.via.map(multinic_crds::NextHop::ip))).collect()
}

/// The address of the NIC that is on one subnet with `router`, and proven.
fn own_address(nic: &Interface, link: &Link, router: IpAddr) -> Option<IpAddr> {
    let wanted: BTreeSet<IpNet> = nic.nets().collect();
    let is_ours = |net: &IpNet| wanted.contains(net) || is_link_local(net);
    let ready = link.addresses.iter().filter(|address| address.state == AddressState::Ready);
    let mut ours = ready.map(|address| address.net).filter(is_ours);
    ours.find(|net| net.contains(&router) && net.addr() != router).map(|net| net.addr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{address, link, nic, with_routes};

    const NIC: &str = "fa:16:3e:00:00:0a";

    fn asked(nic: &Interface, addresses: &[&str]) -> Vec<Question> {
        let mut link = link(3, "multinic0", NIC);
        link.addresses = addresses.iter().map(|net| address(net)).collect();
        questions(std::iter::once((nic, &link)))
    }

    #[test]
    fn nothing_is_asked_where_nobody_wants_it_or_nothing_can_be_known() {
        let mut quiet = nic(NIC, "multinic0", &["10.1.0.5/24"]);
        assert_eq!(asked(&quiet, &["10.1.0.5/24"]), []);
        quiet = Interface { verify: Verify::Wire, ..nic(NIC, "multinic0", &[]) };
        assert_eq!(asked(&quiet, &[]), []);
    }

    #[test]
    fn addresses_and_every_router_on_a_subnet_of_the_nic_are_asked_for() {
        let dual = with_routes(nic(NIC, "multinic0", &["10.10.0.5/24", "2001:db8:10::5/64"]));
        let dual = Interface { verify: Verify::Wire, ..dual };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let all = asked(&dual, &["10.10.0.5/24", "2001:db8:10::5/64", "fe80::a/64"]);
        let routers = [
            (ip("10.10.0.1"), ip("10.10.0.5")),
            (ip("2001:db8:10::1"), ip("2001:db8:10::5")),
            (ip("fe80::1"), ip("fe80::a")),
        ];
        assert_eq!(all[0].gateways, BTreeMap::from(routers));
        assert_eq!(all[0].claims, BTreeSet::from(["10.10.0.5".parse().unwrap()]));
        let withheld = asked(&dual, &["2001:db8:10::5/64"]);
        assert_eq!(withheld[0].claims, all[0].claims, "an address that it should have");
        assert_eq!(withheld[0].gateways, BTreeMap::from([routers[1]]));
    }
}
