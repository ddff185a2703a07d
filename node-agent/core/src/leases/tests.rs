use multinic_crds::{Addressing, MacAddress};

use super::*;
use crate::observed::lease::Lease;

fn lease() -> Lease {
    Lease {
        addressing: Addressing::Dhcp4,
        address: "10.20.0.5/24".parse().unwrap(),
        expires: 1_000,
        mtu: None,
        gateway: None,
        routes: [].into(),
    }
}

#[test]
fn a_lease_ends_and_is_of_one_kind_of_server() {
    let nic: MacAddress = "fa:16:3e:00:00:0a".parse().unwrap();
    let mut leases = Leases { now: 990, words: [(nic, Word::Leased(lease()))].into() };
    let current =
        |leases: &Leases, addressing| leases.current(nic, addressing).map(|lease| lease.seconds(leases.now));
    assert_eq!(current(&leases, Addressing::Dhcp4), Some(10));
    assert_eq!(current(&leases, Addressing::Dhcp6), None);
    leases.now = 1_000;
    assert_eq!(current(&leases, Addressing::Dhcp4), None);
}

#[test]
fn classless_routes_count_instead_of_routers_and_only_by_routers_of_the_subnet() {
    let to = |text: &str| text.parse::<ipnet::IpNet>().unwrap();
    let by = |text: &str| text.parse().unwrap();
    let routers = [by("10.99.0.1"), by("10.20.0.1"), by("10.20.0.2")];
    let plain = lease().with_routes(None, &routers);
    assert_eq!((plain.gateway, plain.routes.len()), ("10.20.0.1".parse().ok(), 0));
    let classless = vec![
        (to("0.0.0.0/0"), by("10.20.0.9")),
        (to("10.30.0.7/16"), by("10.20.0.1")),
        (to("10.40.0.0/16"), by("0.0.0.0")),
        (to("10.50.0.0/16"), by("10.20.0.5")),
        (to("10.30.0.0/16"), by("10.20.0.3")),
    ];
    let said = lease().with_routes(Some(classless), &routers);
    assert_eq!(said.gateway, "10.20.0.9".parse().ok());
    assert_eq!(said.routes, [(to("10.30.0.0/16"), "10.20.0.1".parse().unwrap())].into());
    let none = lease().with_routes(Some(Vec::new()), &routers);
    assert_eq!((none.gateway, none.routes.len()), (None, 0));
}
