use std::collections::BTreeMap;

use super::*;
use crate::testing::link;

#[test]
fn what_a_link_would_be_called_counts() {
    let eth1 = link(3, "eth1", "fa:16:3e:00:00:01");
    let text = "[Match]\nName=multinic*\n[Network]\nDHCP=yes\n".to_owned();
    let path = "/etc/systemd/network/20-multi.network".to_owned();
    let definition = networkd(&SourceFile { path, text }, &[], &OurNetworks(BTreeMap::new())).unwrap();
    assert!(!definition.covers(&eth1) && definition.covers_as(&eth1, "multinic0"));
}

#[test]
fn a_definition_is_literal_where_it_names_its_links_in_full() {
    for (rule, expected) in [
        ("{name: eth1}", true),
        ("{macaddress: 'fa:16:3e:00:00:01'}", true),
        ("{name: 'eth*', macaddress: 'fa:16:3e:00:00:01'}", true),
        ("{name: 'eth*'}", false),
        ("{name: '!eth0'}", false),
        ("{driver: virtio_net}", false),
        ("{}", false),
    ] {
        let text = format!("network: {{ethernets: {{site: {{match: {rule}}}}}}}\n");
        let path = "/etc/netplan/50.yaml".to_owned();
        assert_eq!(netplan(&SourceFile { path, text })[0].is_literal(), expected, "{rule}");
    }
}
