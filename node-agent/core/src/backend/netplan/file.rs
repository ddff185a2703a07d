//! netplan's YAML: one file per NIC, wholly ours.
//!
//! Every key is there for a measured reason: without `accept-ra: false` a router
//! advertisement puts a default route on the NIC, without `optional: true` a NIC
//! without carrier holds up the boot, and the id must equal `set-name`.

use ipnet::IpNet;
use multinic_crds::Interface;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    observed::{route::MAIN, routing::NicRoute},
    parse::{
        bootfile::{BootFile, seal},
        routing::routes,
    },
};

#[derive(Serialize)]
struct Document {
    network: Network,
}

#[derive(Serialize)]
struct Network {
    version: u8,
    ethernets: BTreeMap<String, Ethernet>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "these are netplan's keys")]
struct Ethernet {
    #[serde(rename = "match")]
    matching: Match,
    set_name: String,
    dhcp4: bool,
    dhcp6: bool,
    accept_ra: bool,
    link_local: Vec<&'static str>,
    optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<Route>,
}

/// Rules are not written: netplan cannot say that default routes of `main` count for nothing, and without that a NIC's own
/// table would cut its address off from pods and Services. The agent adds them when it starts.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Route {
    /// Not `default`, which releases before 0.103 do not know.
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    on_link: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<u32>,
}

impl From<NicRoute> for Route {
    fn from(route: NicRoute) -> Self {
        let metric = route.given_metric();
        let NicRoute { destination, via, metric: _, table, on_link } = route;
        Self {
            to: destination.to_string(),
            via: via.map(|via| via.to_string()),
            on_link,
            // Without a next hop netplan asks for it.
            scope: via.is_none().then_some("link"),
            metric,
            table: Some(table).filter(|table| *table != MAIN),
        }
    }
}

#[derive(Serialize)]
struct Match {
    macaddress: String,
}

// After what cloud-init and installers write, which is numbered up to 50.
const PREFIX: &str = "/etc/netplan/60-multinic-";
const SUFFIX: &str = ".yaml";

/// Where the file of the NIC called `name` lies.
#[must_use]
pub fn path(name: &str) -> String {
    format!("{PREFIX}{name}{SUFFIX}")
}

/// The NIC whose file lies at `path`.
#[must_use]
pub fn name(path: &str) -> Option<&str> {
    path.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)
}

/// The ids that a netplan file defines; none where it cannot be read.
#[must_use]
pub fn ids(text: &str) -> Option<BTreeSet<String>> {
    let document: Value = serde_saphyr::from_str(text).ok()?;
    let groups =
        document.get("network").and_then(Value::as_object).into_iter().flat_map(|network| network.values());
    Some(groups.filter_map(Value::as_object).flat_map(|group| group.keys().cloned()).collect())
}

/// The file that makes netplan configure `nic` at boot.
pub(super) fn render(nic: &Interface) -> Result<BootFile, serde_saphyr::ser::Error> {
    let name = nic.name.to_string();
    let ipv6 = nic.addresses.iter().any(|address| address.is_ipv6());
    let ethernet = Ethernet {
        matching: Match { macaddress: nic.mac_address.to_string() },
        set_name: name.clone(),
        dhcp4: false,
        dhcp6: false,
        accept_ra: false,
        link_local: if ipv6 { vec!["ipv6"] } else { Vec::new() },
        optional: true,
        mtu: nic.mtu.map(multinic_crds::Mtu::bytes),
        addresses: nic.addresses.iter().map(ToString::to_string).collect(),
        routes: routes(nic).into_iter().map(Route::from).collect(),
    };
    let ethernets = BTreeMap::from([(name.clone(), ethernet)]);
    let body = serde_saphyr::to_string(&Document { network: Network { version: 2, ethernets } })?;
    Ok(BootFile { path: path(&name), text: seal(nic.mac_address, &body) })
}

/// The addresses that a file of ours gives.
pub(super) fn addresses(text: &str) -> Vec<IpNet> {
    let document: Value = serde_saphyr::from_str(text).unwrap_or_default();
    let ethernets =
        document["network"]["ethernets"].as_object().into_iter().flat_map(serde_json::Map::values);
    let addresses = ethernets.filter_map(|ethernet| ethernet["addresses"].as_array()).flatten();
    addresses.filter_map(|address| address.as_str()?.parse().ok()).collect()
}

/// Files below `/run` that netplan's generator makes of the file of `name`.
#[must_use]
pub fn generated(name: &str) -> [String; 3] {
    [
        format!("/run/systemd/network/10-netplan-{name}.link"),
        format!("/run/systemd/network/10-netplan-{name}.network"),
        format!("/run/udev/rules.d/99-netplan-{name}.rules"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::with_routes;

    fn nic(addresses: &[&str], mtu: Option<i64>) -> Interface {
        Interface {
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            mtu: mtu.map(|bytes| bytes.try_into().unwrap()),
            ..Interface::new("fa:16:3e:aa:00:01".parse().unwrap(), "multinic0".parse().unwrap())
        }
    }

    #[test]
    fn a_dual_stack_nic_with_an_mtu() {
        let file = render(&nic(&["10.10.0.5/24", "2001:db8:10::5/64"], Some(9000))).unwrap();
        assert_eq!(file.path, "/etc/netplan/60-multinic-multinic0.yaml");
        let given: Vec<_> = addresses(&file.text).iter().map(ToString::to_string).collect();
        assert_eq!(given, ["10.10.0.5/24", "2001:db8:10::5/64"]);
        insta::assert_snapshot!(file.text);
    }

    #[test]
    fn a_nic_with_routes_and_no_rules() {
        insta::assert_snapshot!(
            render(&with_routes(nic(&["10.10.0.5/24", "2001:db8:10::5/64"], None))).unwrap().text
        );
    }

    #[test]
    fn a_link_without_addresses() {
        insta::assert_snapshot!(render(&nic(&[], None)).unwrap().text);
    }

    #[test]
    fn a_mac_of_digits_only_stays_a_text() {
        let digits = Interface { mac_address: "52:54:00:12:34:56".parse().unwrap(), ..nic(&[], None) };
        let text = render(&digits).unwrap().text;
        assert!(text.contains("macaddress: \"52:54:00:12:34:56\""), "{text}");
    }
}
