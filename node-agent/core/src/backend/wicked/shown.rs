//! The interfaces that `wicked show-config` prints.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    str::FromStr,
};

use ipnet::IpNet;
use multinic_crds::Interface;
use roxmltree::{Document, Node};

use crate::{
    backend::listed::listed,
    observed::{route::MAIN, routing::NicRoute},
    parse::{desired::nets, routing},
};

/// What wicked would do with one interface, as far as it matters for a NIC of ours, and all of it as text.
#[derive(Debug, Clone, Default, Eq)]
pub(super) struct Shown {
    mode: String,
    mtu: Option<u32>,
    addresses: BTreeSet<IpNet>,
    routes: BTreeSet<NicRoute>,
    accepts_ra: bool,
    autoconfigures: bool,
    /// What is said of it beside that, such as a lease, or that it is a part of another one.
    more: Option<String>,
    /// Every word in it, by which it may mean another interface.
    words: BTreeSet<String>,
    text: String,
}

/// Of others only the whole counts.
impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Shown {
    /// What `nic` should be.
    pub(super) fn of(nic: &Interface) -> Self {
        Self {
            mode: "hotplug".to_owned(),
            mtu: nic.mtu.map(multinic_crds::Mtu::bytes),
            addresses: nets(nic),
            routes: routing::routes(nic).into_iter().filter(|route| !route.on_link).collect(),
            ..Self::default()
        }
    }

    /// Whether this may have to do with the interface called `name`.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.words.contains(name)
    }

    /// What is not as in `wanted`.
    pub(super) fn difference(&self, wanted: &Self) -> Option<String> {
        if let Some(more) = &self.more {
            return Some(more.clone());
        }
        [
            (self.mode != wanted.mode).then(|| format!("the mode {}", self.mode)),
            (self.mtu != wanted.mtu)
                .then(|| self.mtu.map_or_else(|| "no MTU".to_owned(), |mtu| format!("the MTU {mtu}"))),
            (self.addresses != wanted.addresses)
                .then(|| format!("the addresses [{}]", listed(&self.addresses))),
            (self.routes != wanted.routes).then(|| format!("the routes [{}]", listed(&self.routes))),
            self.accepts_ra.then(|| "router advertisements".to_owned()),
            self.autoconfigures.then(|| "IPv6 autoconfiguration".to_owned()),
        ]
        .into_iter()
        .flatten()
        .next()
    }
}

/// The interfaces in what was printed, by name.
pub(super) fn parse(xml: &str) -> Result<BTreeMap<String, Shown>, String> {
    // Several roots, and prefixes that are declared nowhere.
    let xml = format!("<all xmlns:ipv4=\"ipv4\" xmlns:ipv6=\"ipv6\">{xml}</all>");
    let document = Document::parse(&xml).map_err(|error| error.to_string())?;
    let interfaces = document.root_element().children().filter(|node| node.has_tag_name("interface"));
    let mut found: BTreeMap<String, Shown> = BTreeMap::new();
    for interface in interfaces {
        let (name, shown) = shown(interface, &xml)?;
        // A port that is configured by its own file and by that of its master is printed twice.
        let all = found.entry(name).or_default();
        let (words, text) = (mem::take(&mut all.words), mem::take(&mut all.text));
        *all = Shown { words: &words | &shown.words, text: text + &shown.text, ..shown };
    }
    Ok(found)
}

fn shown(interface: Node<'_, '_>, xml: &str) -> Result<(String, Shown), String> {
    let name = text_at(interface, &["name"]).ok_or("an interface has no name")?.to_owned();
    let (mut addresses, mut routes, mut more) = (BTreeSet::new(), BTreeSet::new(), None);
    // The elements with a prefix, such as `ipv4:static`, say where addresses come from.
    let sources = interface.children().filter(|node| node.tag_name().namespace().is_some());
    for element in sources.flat_map(|source| source.children()).filter(Node::is_element) {
        let understood = match element.tag_name().name() {
            "address" => value_at(element, &["local"]).map(|net| addresses.insert(net)),
            "route" => route(element).map(|route| routes.insert(route)),
            _ => None,
        };
        if understood.is_none() {
            more = Some(element.tag_name().name().to_owned());
        }
    }
    if let Some(master) = text_at(interface, &["link", "master"]) {
        more = Some(format!("a part of {master}"));
    }
    let words = interface.descendants().filter_map(|node| Some(node.text()?.trim().to_owned()));
    let is = |names: [&str; 2], value: &str| {
        names.iter().any(|name| text_at(interface, &["ipv6", name]) == Some(value))
    };
    let ipv6 = !is(["enabled"; 2], "false");
    let shown = Shown {
        mode: text_at(interface, &["control", "mode"]).unwrap_or_default().to_owned(),
        mtu: value_at(interface, &["link", "mtu"]),
        addresses,
        routes,
        // Releases differ in the dash.
        accepts_ra: ipv6 && !is(["accept-ra", "accept_ra"], "disable"),
        autoconfigures: ipv6 && !is(["autoconf"; 2], "false"),
        more,
        words: words.collect(),
        text: xml[interface.range()].to_owned(),
    };
    Ok((name, shown))
}

/// A route as we write them; none where it says more.
fn route(element: Node<'_, '_>) -> Option<NicRoute> {
    let known = ["destination", "nexthop", "priority", "kern"];
    let destination = value_at(element, &["destination"])?;
    let route = NicRoute::new(destination, value_at(element, &["nexthop", "gateway"]), table(element));
    let metric = value_at(element, &["priority"]).unwrap_or(route.metric);
    says_only(element, &known).then_some(NicRoute { metric, ..route })
}

/// wicked leaves out the table `main`.
fn table(element: Node<'_, '_>) -> u32 {
    value_at(element, &["kern", "table"]).unwrap_or(MAIN)
}

fn says_only(element: Node<'_, '_>, known: &[&str]) -> bool {
    element.children().filter(Node::is_element).all(|child| known.contains(&child.tag_name().name()))
}

fn value_at<T: FromStr>(node: Node<'_, '_>, path: &[&str]) -> Option<T> {
    text_at(node, path)?.parse().ok()
}

/// The text of the element at `path` below `node`, by names without a prefix.
fn text_at<'a>(node: Node<'a, '_>, path: &[&str]) -> Option<&'a str> {
    let mut found = node;
    for name in path {
        let is_it =
            |child: &Node<'_, '_>| child.tag_name().name() == *name && child.tag_name().namespace().is_none();
        found = found.children().find(is_it)?;
    }
    found.text().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::nic;

    /// As wicked 0.6.80 prints it.
    fn interface(name: &str, link: &str, more: &str) -> String {
        format!(
            "<interface origin=\"compat:suse:/etc/sysconfig/network/ifcfg-{name}\">\n  <name>{name}</name>\n  <control>\n    \
             <mode>hotplug</mode>\n  </control>\n  {link}\n  <ipv4>\n    <enabled>true</enabled>\n  </ipv4>\n  {more}\n</interface>\n"
        )
    }

    const ADDRESS: &str = "<ipv4:static><address><local>10.10.0.5/24</local></address></ipv4:static>";
    const NO_RA: &str =
        "<ipv6><enabled>true</enabled><autoconf>false</autoconf><accept-ra>disable</accept-ra></ipv6>";

    fn difference(link: &str, more: &str) -> Option<String> {
        let shown = parse(&interface("multinic0", link, more)).unwrap();
        let wanted = Interface {
            mtu: Some(1400.try_into().unwrap()),
            ..nic("fa:16:3e:00:00:01", "multinic0", &["10.10.0.5/24"])
        };
        shown["multinic0"].difference(&Shown::of(&wanted))
    }

    #[test]
    fn whatever_is_not_as_wanted_is_named() {
        const RULE: &str = "<rule><match><priority>7</priority><from>10.0.0.1/32</from></match><action><type>lookup</type></action></rule>";
        const LINK: &str = "<link><mtu>1400</mtu></link>";
        let full = format!("{ADDRESS}{NO_RA}");
        assert_eq!(difference(LINK, &full), None);
        assert_eq!(difference(LINK, &format!("{ADDRESS}<ipv6><enabled>false</enabled></ipv6>")), None);
        for (link, more, what) in [
            ("<link/>", full.as_str(), "no MTU"),
            ("<link><mtu>1500</mtu></link>", &full, "the MTU 1500"),
            (LINK, NO_RA, "the addresses []"),
            (LINK, ADDRESS, "router advertisements"),
            (
                "<link><master>bond0</master><port type=\"bond\"/><mtu>1400</mtu></link>",
                &full,
                "a part of bond0",
            ),
            (LINK, &format!("{full}<ipv4:dhcp><enabled>true</enabled></ipv4:dhcp>"), "enabled"),
            (
                LINK,
                &full.replace(
                    "</ipv4:static>",
                    "<route><destination>10.0.0.0/8</destination></route></ipv4:static>",
                ),
                "the routes [10.0.0.0/8]",
            ),
            (
                LINK,
                &full.replace(
                    "</ipv4:static>",
                    "<route><destination>10.0.0.0/8</destination><mtu>1400</mtu></route></ipv4:static>",
                ),
                "route",
            ),
            (LINK, &full.replace("</ipv4:static>", &format!("{RULE}</ipv4:static>")), "rule"),
            (LINK, &full.replace("<local>", "<peer>10.0.0.1</peer><local>x"), "address"),
        ] {
            assert_eq!(difference(link, more).as_deref(), Some(what), "{link} {more}");
        }
    }

    #[test]
    fn an_interface_that_is_made_of_another_one_mentions_it_and_one_that_is_printed_twice_is_one() {
        let vlan = interface("vlan5", "<vlan><device>multinic0</device><tag>5</tag></vlan>", "");
        let shown = parse(
            &(vlan
                + &interface("eth1", "<link/>", "")
                + &interface("eth1", "<link><master>br0</master></link>", "")),
        )
        .unwrap();
        assert!(shown["vlan5"].mentions("multinic0") && !shown["vlan5"].mentions("multinic"));
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["eth1", "vlan5"]);
        assert!(shown["eth1"].mentions("br0"));
        assert!(parse("<interface><name>a</name>").is_err() && parse("<interface/>").is_err());
        assert!(parse("").unwrap().is_empty());
    }
}
