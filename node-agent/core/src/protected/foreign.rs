//! A link that others configure: what does, and what to change there.

use super::owner::Owner;
use crate::parse::foreign::Definition;

/// The file that cloud-init gives to netplan.
const CLOUD_INIT: &str = "50-cloud-init.yaml";

/// What is known of the configuration of others that protects a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The definition.
    pub definition: Definition,
    /// A link that the node lives by, and that the definition configures as well.
    pub vital: Option<String>,
}

impl Foreign {
    /// What configures `name`, and a remedy that leaves what configures anything else where it is.
    pub(super) fn message(&self, name: &str, owner: Owner) -> String {
        let Self { definition, vital } = self;
        let source = definition.describe();
        let otherwise = match owner {
            Owner::Others => format!(", or remove the row of {name}"),
            Owner::Us => String::new(),
        };
        if !definition.readable {
            return format!("{name} may be configured by {source}; mend that{otherwise}");
        }
        if definition.is_default {
            let row =
                if owner == Owner::Others { format!("; remove the row of {name}") } else { String::new() };
            return format!(
                "{source} leaves {name} to NetworkManager, as every NIC without a definition; multinic works where \
                 networkd configures NICs{row}"
            );
        }
        let what = if definition.leaves_unmanaged {
            format!("networkd leaves {name} alone at the next boot because of {source}")
        } else {
            format!("{name} is configured by {source}, which multinic did not write")
        };
        let remedy = match vital {
            Some(vital) => format!(
                "it configures {vital} too, which the node lives by, so keep it and change its match to exclude {name}"
            ),
            None if definition.is_literal() => format!("take {name} out of it"),
            None => format!("change its match to exclude {name}"),
        };
        let cloud_init = if definition.source.ends_with(CLOUD_INIT) {
            " (cloud-init writes this file anew: change it there)"
        } else {
            ""
        };
        format!("{what}; {remedy}{cloud_init}{otherwise}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use multinic_crds::Reason;

    use super::*;
    use crate::{
        observed::link::KernelView,
        parse::foreign::{self, SourceFile},
        protected::{AllowedKind, Fence, Past, Policy},
        testing::{default_route, link},
    };

    const MAC: &str = "fa:16:3e:00:00:01";

    /// What the message says of eth1 on a node whose uplink is eth0, where a netplan file says `text`.
    fn message(path: &str, text: &str) -> String {
        let definitions = foreign::netplan(&SourceFile { path: path.to_owned(), text: text.to_owned() });
        let view = KernelView {
            links: vec![link(2, "eth0", "fa:16:3e:00:00:ee"), link(3, "eth1", MAC)],
            default_routes: vec![default_route(2, "192.0.2.1")],
            ..KernelView::default()
        };
        let link_kinds = BTreeSet::from([AllowedKind::Physical]);
        let policy = Policy { node_ips: BTreeSet::new(), link_kinds };
        let fence = Fence::around(&view, &definitions, &policy, &Past::default());
        let protection = fence.protection(3).unwrap();
        assert_eq!(protection.reason(), Reason::ForeignConfiguration);
        protection.message("eth1", Owner::Others)
    }

    #[test]
    fn what_also_configures_the_uplink_is_not_to_be_removed() {
        let text = "network:\n  version: 2\n  ethernets:\n    all-en:\n      match: {name: \"en*\"}\n      dhcp4: true\n    \
                    all-eth:\n      match: {name: \"eth*\"}\n      dhcp4: true\n";
        assert_eq!(
            message("/etc/netplan/90-default.yaml", text),
            "eth1 is configured by all-eth in /etc/netplan/90-default.yaml, which multinic did not write; it configures \
             eth0 too, which the node lives by, so keep it and change its match to exclude eth1, or remove the row of eth1"
        );
        let long = message("/etc/netplan/50-cloud-init.yaml", text);
        assert!(long.contains("cloud-init writes this file anew") && long.len() < 400, "{long}");
    }

    #[test]
    fn what_configures_one_nic_loses_it_and_a_pattern_excludes_it() {
        let path = "/etc/netplan/55-site.yaml";
        for (rule, remedy) in [
            ("eth1: {dhcp4: true}", "take eth1 out of it, or remove the row of eth1"),
            (
                "site: {match: {macaddress: 'fa:16:3e:00:00:01'}}",
                "take eth1 out of it, or remove the row of eth1",
            ),
            ("site: {match: {name: '!eth0'}}", "change its match to exclude eth1, or remove the row of eth1"),
            (
                "site: {match: {name: 'eth[1-9]'}}",
                "change its match to exclude eth1, or remove the row of eth1",
            ),
        ] {
            let message = message(path, &format!("network: {{ethernets: {{{rule}}}}}\n"));
            assert!(message.ends_with(remedy), "{message}");
        }
    }

    #[test]
    fn a_setting_for_all_nics_has_no_match_that_could_be_changed() {
        let path = "/etc/netplan/01-network-manager-all.yaml";
        let message = message(path, "network: {version: 2, renderer: NetworkManager}\n");
        assert_eq!(
            message,
            "renderer: NetworkManager in /etc/netplan/01-network-manager-all.yaml leaves eth1 to NetworkManager, as every \
             NIC without a definition; multinic works where networkd configures NICs; remove the row of eth1"
        );
    }

    #[test]
    fn what_cannot_be_read_is_to_be_mended_and_not_removed() {
        let message = message("/etc/netplan/55-site.yaml", "network: [\n");
        assert!(
            message.starts_with("eth1 may be configured by /etc/netplan/55-site.yaml (unreadable: "),
            "{message}"
        );
        assert!(message.ends_with("; mend that, or remove the row of eth1"), "{message}");
    }
}
