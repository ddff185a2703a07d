//! What of ours a look at the node still shows. Pure.

use ipnet::IpNet;
use multinic_agent_core::{
    execute::Failures,
    observed::{
        ledger::Ledger,
        link::{KernelView, Link},
    },
    plan::{Plan, Verdict},
};
use multinic_crds::InterfaceName;

use crate::host::machine::Prepared;

/// One line for each NIC that is still ours, with the reason where there is one.
pub(super) fn nics(plan: &Plan, failures: &Failures) -> Vec<String> {
    let line = |(mac, decision): (&_, &multinic_agent_core::plan::Decision)| {
        let why = match (&decision.verdict, failures.get(mac)) {
            (Verdict::Keep(refusal), _) => format!("{}: {}", refusal.reason, refusal.message),
            (_, Some(failure)) => format!("{}: {failure}", failure.reason()),
            _ => "it came back".to_owned(),
        };
        format!("NIC {mac} ({}): {why}", decision.name)
    };
    plan.decisions.iter().map(line).collect()
}

/// One line for each link with a name of ours, and for each address that we gave to a NIC which
/// is in the ledger `known`. A link that a file of others names is theirs.
pub(super) fn links(look: &Prepared, known: &Ledger) -> Vec<String> {
    let theirs = |name: &str| look.definitions.iter().any(|definition| definition.claims(name));
    in_kernel(&look.view, known, theirs)
}

fn in_kernel(view: &KernelView, known: &Ledger, theirs: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = view.links.iter().flat_map(|link| {
        let named = link.name.parse::<InterfaceName>().is_ok() && !theirs(&link.name);
        let known_as_ours = link.identity().is_some_and(|mac| known.get(mac).is_some());
        let stranger = if known_as_ours {
            ""
        } else {
            ", which is not known to be ours: rename it, or take it off the node"
        };
        let name = named.then(|| format!("link {}{stranger}", label(link)));
        let ours = given(link, known).into_iter();
        name.into_iter().chain(ours.map(|net| format!("address {net} on {}", label(link))))
    });
    lines.collect()
}

/// The addresses that we gave to `link`, and that it still has.
fn given(link: &Link, known: &Ledger) -> Vec<IpNet> {
    let entry = link.identity().and_then(|mac| known.get(mac));
    let ours = |net: &IpNet| entry.is_some_and(|entry| entry.addresses.contains(net));
    link.nets().into_iter().filter(ours).collect()
}

fn label(link: &Link) -> String {
    link.mac.map_or_else(|| link.name.clone(), |mac| format!("{} ({mac})", link.name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use multinic_agent_core::observed::{
        ledger::Entry,
        link::{Address, Link},
    };

    const OURS: &str = "fa:16:3e:00:00:01";
    const OTHER: &str = "fa:16:3e:00:00:02";

    fn link(index: u32, name: &str, mac: &str, nets: &[&str]) -> Link {
        let addresses = nets.iter().map(|net| Address::new(net.parse().unwrap())).collect();
        Link { addresses, ..Link::physical(index, name, mac.parse().unwrap()) }
    }

    #[test]
    fn names_and_addresses_of_ours_are_left_and_those_of_others_are_not() {
        let entry = Entry {
            addresses: BTreeSet::from(["10.1.0.5/24".parse().unwrap()]),
            ..Entry::named("multinic0".parse().unwrap())
        };
        let mut known = Ledger::default();
        known.nics.insert(OURS.parse().unwrap(), entry);
        let view = KernelView {
            links: vec![
                link(3, "eth1", OURS, &["10.1.0.5/24", "10.9.0.5/24"]),
                link(4, "eth2", OTHER, &["10.1.0.5/24"]),
                link(5, "multinic7", OTHER, &[]),
                link(6, "multinic8", OTHER, &[]),
            ],
            ..KernelView::default()
        };
        assert_eq!(
            in_kernel(&view, &known, |name| name == "multinic8"),
            [
                format!("address 10.1.0.5/24 on eth1 ({OURS})"),
                format!(
                    "link multinic7 ({OTHER}), which is not known to be ours: rename it, or take it off the node"
                )
            ]
        );
    }
}
