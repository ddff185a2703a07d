use serde_json::json;

use super::*;
use crate::{
    backend::{ALL, Backend, netplan::Netplan},
    testing::{mac, nic},
};

const A: &str = "fa:16:3e:00:00:0a";
const B: &str = "fa:16:3e:00:00:0b";

fn parse(value: Value) -> Ledger {
    serde_json::from_value(value).unwrap()
}

fn files(nics: &[(&str, &[&str])]) -> HostFiles {
    let file = |(number, (mac, addresses)): (usize, &(&str, &[&str]))| {
        Netplan.render(&nic(mac, &format!("multinic{number}"), addresses)).unwrap()
    };
    let files = nics.iter().enumerate().flat_map(file).map(|file| (file.path, file.text));
    HostFiles { boot: files.collect(), ..HostFiles::default() }
}

fn nets(texts: &[&str]) -> BTreeSet<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn what_the_first_agents_wrote_is_read() {
    let ledger = parse(json!({ A: {
        "name": "multinic0", "originalName": "ens7", "originalMtu": 8950,
        "originalIpv6": { "addrGenMode": 0, "acceptRa": 1 }, "addresses": ["10.10.0.5/24"],
    } }));
    let entry = Entry {
        original_name: Some("ens7".to_owned()),
        original_mtu: Some(8950),
        original_ipv6: Some(Ipv6 { addr_gen_mode: 0, accept_ra: 1, advertised: None }),
        addresses: nets(&["10.10.0.5/24"]),
        ..Entry::named("multinic0".parse().unwrap())
    };
    assert_eq!(ledger.nics, [(mac(A), entry)].into());
    let written = serde_json::to_value(&ledger).unwrap();
    assert_eq!((&written["version"], &written["nics"][A]["originalMtu"]), (&json!(1), &json!(8950)));
    assert_eq!(parse(written), ledger);
}

#[test]
fn what_a_newer_agent_knows_more_is_kept_over_a_save() {
    let text = json!({
        "version": 1, "bootId": "b", "journal": ["x"],
        "nics": { A: { "name": "multinic0", "routes": [{ "to": "10.0.0.0/8" }] } },
    });
    let mut ledger = parse(text.clone());
    ledger.nics.insert(mac(B), Entry::named("multinic1".parse().unwrap()));
    let mut expected = text;
    expected["nics"][B] = json!({ "name": "multinic1" });
    assert_eq!(serde_json::to_value(ledger).unwrap(), expected);
}

#[test]
fn one_entry_that_cannot_be_read_leaves_the_others_and_stays_as_it_is() {
    for bad in [json!({ "name": "eth0" }), json!(7), json!({ "name": "multinic1", "originalMtu": "big" })] {
        for key in [B, "no MAC address"] {
            let text = json!({ "version": 1, "nics": { A: { "name": "multinic0" }, key: bad } });
            let ledger = parse(text.clone());
            assert_eq!(ledger.nics.keys().copied().collect::<Vec<_>>(), [mac(A)]);
            assert_eq!(ledger.damaged().collect::<Vec<_>>(), key.parse().into_iter().collect::<Vec<_>>());
            assert_eq!(serde_json::to_value(ledger).unwrap(), text);
        }
    }
    assert!(!parse(json!({ B: 7 })).is_empty(), "its file would be removed");
}

#[test]
fn a_version_that_only_a_newer_agent_knows_is_refused() {
    let error = serde_json::from_value::<Ledger>(json!({ "version": 2, "nics": {} })).unwrap_err();
    assert!(error.to_string().contains("only a newer agent knows"), "{error}");
    serde_json::from_value::<Ledger>(json!([])).unwrap_err();
    serde_json::from_value::<Ledger>(json!({ "version": "1", "nics": {} })).unwrap_err();
}

#[test]
fn addresses_of_an_earlier_boot_are_ours_only_where_a_boot_file_says_them() {
    let text = json!({ "version": 1, "bootId": "first", "nics": {
        A: { "name": "multinic0", "addresses": ["10.1.0.5/24", "10.1.0.6/24"] },
    } });
    let of = |boot_id: &str, files: &HostFiles| {
        let mut ledger = parse(text.clone());
        ledger.recall(boot_id, files, ALL);
        ledger.nics.remove(&mac(A)).unwrap()
    };
    let filed = files(&[(A, &["10.1.0.6/24"])]);
    let all = nets(&["10.1.0.5/24", "10.1.0.6/24"]);
    assert_eq!((of("first", &filed).addresses, of("", &filed).addresses), (all.clone(), all.clone()));
    let second = of("second", &filed);
    assert_eq!((second.addresses, second.unsaved), (nets(&["10.1.0.6/24"]), true));
    let edited = files(&[(A, &["10.1.0.6/24"])]).boot.into_iter().map(|(path, text)| (path, text + "#"));
    let edited = HostFiles { boot: edited.collect(), ..HostFiles::default() };
    assert_eq!(of("second", &edited).addresses, all, "nobody knows what networkd read");
}

#[test]
fn a_nic_that_only_its_file_knows_is_ours_and_what_it_was_before_is_unknown() {
    let mut ledger = Ledger::default();
    ledger.recall("first", &files(&[(A, &["10.1.0.5/24", "2001:db8::5/64"])]), ALL);
    let entry = Entry {
        adopted: true,
        unsaved: true,
        addresses: nets(&["10.1.0.5/24", "2001:db8::5/64"]),
        ..Entry::named("multinic0".parse().unwrap())
    };
    assert_eq!(ledger.nics, [(mac(A), entry)].into());
    let mut damaged = parse(json!({ A: 7 }));
    damaged.recall("first", &files(&[(A, &[])]), ALL);
    assert_eq!(damaged.nics, BTreeMap::new(), "its entry may be repaired");
}

#[test]
fn only_so_many_nics_that_went_away_are_remembered_the_latest_of_them() {
    let of = |number: usize| mac(&format!("fa:16:3e:00:01:{number:02x}"));
    let mut ledger = Ledger::default();
    for number in 0..=MOST_AWAY {
        ledger.nics.insert(of(number), Entry::named("multinic0".parse().unwrap()));
        ledger.give_up(of(number));
    }
    assert_eq!((ledger.nics.len(), ledger.get(of(0)), ledger.get(of(1)).is_some()), (MOST_AWAY, None, true));
    ledger.recall("second", &HostFiles::default(), ALL);
    assert_eq!(ledger.nics.len(), MOST_AWAY, "in which boot they went is not known");
    ledger.recall("third", &HostFiles::default(), ALL);
    assert!(ledger.is_empty());
}
