//! Verdicts over what real generators wrote, and a generator of plain data.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use multinic_crds::{Explanation, MacAddress, Reason};

use super::*;
use crate::{
    backend::netplan::file::render,
    observed::files::FileChange,
    parse::bootfile::BootFile,
    plan::Transaction,
    testing::{mac, nic},
};

const A: &str = "fa:16:3e:00:00:01";
const B: &str = "fa:16:3e:00:00:02";

/// Which release's generator is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Release {
    V0_99,
    V0_104,
    V0_106,
    V1_1_2,
}

const RELEASES: [Release; 4] = [Release::V0_99, Release::V0_104, Release::V0_106, Release::V1_1_2];

/// Answers as the generator of a release does, in the very words of its outputs, to files of one `ethernets` group with
/// one line each, and to `# needs ID` and `# takes ID into MASTER`, which stand for a VLAN and for a bond.
struct Plain {
    release: Release,
    asked: Vec<Files>,
}

impl Plain {
    fn new(release: Release) -> Self {
        Self { release, asked: Vec::new() }
    }

    fn answer(&self, files: &Files) -> Answer {
        let defined: BTreeMap<&str, String> = files.values().flat_map(|text| ethernets(text)).collect();
        for (path, text) in files {
            let needed = text.lines().find_map(|line| line.strip_prefix("# needs "));
            if let Some(id) = needed.filter(|id| !defined.contains_key(id)) {
                let stderr = format!(
                    "/stage{path}:3:35: Error in network definition: storage5: interface '{id}' is not defined\n"
                );
                return Answer::Refuses(Complaint::parse(&stderr, "/stage"));
            }
            if text.starts_with("broken") {
                let stderr = format!("/stage{path}:1:1: Invalid YAML: inconsistent indentation:\n{text}");
                return Answer::Refuses(Complaint::parse(&stderr, "/stage"));
            }
        }
        let manager = files.values().any(|text| text.contains("renderer: NetworkManager"));
        let mut outputs = BTreeMap::new();
        for (id, mac) in &defined {
            let key = if self.release < Release::V0_106 { "MACAddress" } else { "PermanentMACAddress" };
            outputs.insert(
                format!("run/systemd/network/10-netplan-{id}.link"),
                format!("[Match]\n{key}={mac}\n\n[Link]\nName={id}\nWakeOnLan=off\n"),
            );
            if manager {
                let path = format!("run/NetworkManager/system-connections/netplan-{id}.nmconnection");
                outputs.insert(path, format!("[connection]\nid=netplan-{id}\ninterface-name={id}\n"));
                continue;
            }
            let mut network =
                format!("[Match]\n{key}={mac}\nName={id}\n\n[Network]\nLinkLocalAddressing=no\n");
            for text in files.values() {
                for line in text.lines() {
                    if line == format!("# needs {id}") {
                        network.push_str("VLAN=storage5\n");
                        if self.release == Release::V0_104 {
                            network =
                                network.replace("\n\n[Network]", "\nType=!vlan bond bridge\n\n[Network]");
                        }
                    }
                    if let Some(master) = line.strip_prefix(&format!("# takes {id} into ")) {
                        network.extend(["Bond=", master, "\n"]);
                    }
                }
            }
            outputs.insert(format!("run/systemd/network/10-netplan-{id}.network"), network);
        }
        self.in_common(&defined, manager, &mut outputs);
        Answer::Makes(Outputs(outputs))
    }

    fn in_common(
        &self,
        defined: &BTreeMap<&str, String>,
        manager: bool,
        outputs: &mut BTreeMap<String, String>,
    ) {
        if manager || defined.is_empty() {
            return;
        }
        let (path, text) = match self.release {
            Release::V0_99 | Release::V0_104 => {
                let devices: String = defined
                    .iter()
                    .map(|(id, mac)| match self.release {
                        Release::V0_99 => format!("mac:{mac},"),
                        _ => format!("mac:{mac},interface-name:{id},"),
                    })
                    .collect();
                let text = format!("[keyfile]\n# devices managed by networkd\nunmanaged-devices+={devices}");
                ("run/NetworkManager/conf.d/netplan.conf", text)
            }
            Release::V0_106 | Release::V1_1_2 => {
                let rule = |(id, mac): (&&str, &String)| {
                    format!(
                        "# netplan: network.ethernets.{id} (on NetworkManager deny-list)\nSUBSYSTEM==\"net\", \
                         ACTION==\"add|change|move\", ENV{{ID_NET_NAME}}==\"{id}\", ENV{{NM_UNMANAGED}}=\"1\"\nSUBSYSTEM==\"net\", \
                         ACTION==\"add|change|move\", ATTR{{address}}==\"{mac}\", ENV{{NM_UNMANAGED}}=\"1\"\n"
                    )
                };
                ("run/udev/rules.d/90-netplan.rules", defined.iter().map(rule).collect())
            }
        };
        outputs.insert(path.to_owned(), text);
        if self.release == Release::V1_1_2 {
            let mut text =
                "[Unit]\nConditionPathIsSymbolicLink=/run/systemd/generator/network-online.target.wants/\
                            systemd-networkd-wait-online.service\n"
                    .to_owned();
            let others: Vec<_> = defined.keys().filter(|id| !id.starts_with("multinic")).collect();
            if !others.is_empty() {
                let links: Vec<_> = others.iter().rev().map(|id| format!("-i {id}:degraded")).collect();
                text.extend([
                    "\n[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-networkd-wait-online ",
                    &links.join(" "),
                    "\n",
                ]);
            }
            outputs.insert(
                "run/systemd/system/systemd-networkd-wait-online.service.d/10-netplan.conf".to_owned(),
                text,
            );
        }
    }
}

impl PartialOrd for Release {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (*self as u8).partial_cmp(&(*other as u8))
    }
}

impl Generator for Plain {
    type Error = std::convert::Infallible;

    async fn ask(&mut self, files: &Files) -> Result<Answer, Self::Error> {
        self.asked.push(files.clone());
        Ok(self.answer(files))
    }
}

/// Each id with the MAC address that it matches.
fn ethernets(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut id = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("    ").and_then(|rest| rest.strip_suffix(':'))
            && !name.starts_with(' ')
        {
            id = name;
        }
        if let Some(mac) = line.trim().strip_prefix("macaddress: ") {
            found.push((id, mac.trim_matches('"').to_owned()));
        }
    }
    found
}

fn file(of: &str, name: &str) -> BootFile {
    render(&nic(of, name, &[])).unwrap()
}

fn uplink() -> (String, String) {
    let text = "network:\n  ethernets:\n    eth0:\n      match:\n        macaddress: fa:16:3e:00:00:ee\n";
    ("/etc/netplan/50-cloud-init.yaml".to_owned(), text.to_owned())
}

fn transaction(of: &[&str], files: Vec<FileChange>) -> Transaction {
    Transaction::of_files(of.iter().map(|text| mac(text)), files)
}

fn write(of: &str, name: &str) -> Transaction {
    let BootFile { path, text } = file(of, name);
    transaction(&[of], vec![FileChange { path, from: None, to: Some(text) }])
}

fn remove(of: &str, name: &str) -> Transaction {
    let BootFile { path, text } = file(of, name);
    transaction(&[of], vec![FileChange { path, from: Some(text), to: None }])
}

fn boot(files: impl IntoIterator<Item = (String, String)>) -> Boot {
    Boot { files: files.into_iter().collect(), ..Boot::default() }
}

fn ours(of: &str, name: &str) -> (String, String) {
    let BootFile { path, text } = file(of, name);
    (path, text)
}

fn other(name: &str, text: &str) -> (String, String) {
    (format!("/etc/netplan/{name}.yaml"), text.to_owned())
}

fn refused(release: Release, boot: &Boot, transactions: &[Transaction]) -> BTreeMap<MacAddress, Explanation> {
    let mut generator = Plain::new(release);
    unfit(&mut generator, boot, transactions).now_or_never().unwrap().unwrap()
}

fn reasons(refused: &BTreeMap<MacAddress, Explanation>) -> Vec<(MacAddress, Reason)> {
    refused.iter().map(|(mac, refusal)| (*mac, refusal.reason)).collect()
}

#[test]
fn what_a_release_writes_in_common_for_all_links_is_no_conflict() {
    for release in RELEASES {
        for host in [boot([uplink()]), boot([])] {
            assert_eq!(refused(release, &host, &[write(A, "multinic0")]), BTreeMap::new(), "{release:?}");
        }
        let both = boot([uplink(), ours(A, "multinic0")]);
        assert_eq!(refused(release, &both, &[remove(A, "multinic0")]), BTreeMap::new(), "{release:?}");
    }
}

#[test]
fn a_device_of_somebody_else_in_a_common_file_is_a_conflict() {
    struct Meddling(Plain);
    impl Generator for Meddling {
        type Error = std::convert::Infallible;
        async fn ask(&mut self, files: &Files) -> Result<Answer, Self::Error> {
            let mut files = files.clone();
            if files.keys().any(|path| path.contains("multinic0")) {
                files.remove(&uplink().0);
            }
            self.0.ask(&files).await
        }
    }
    for release in RELEASES {
        let mut generator = Meddling(Plain::new(release));
        let host = boot([uplink()]);
        let refused = unfit(&mut generator, &host, &[write(A, "multinic0")]).now_or_never().unwrap().unwrap();
        assert_eq!(reasons(&refused), [(mac(A), Reason::MergeConflict)], "{release:?}");
    }
}

#[test]
fn a_nic_that_somebody_elses_file_needs_is_not_removed_and_the_file_is_named() {
    for release in RELEASES {
        let host = boot([uplink(), ours(A, "multinic0"), other("70-storage", "# needs multinic0\n")]);
        let refused = refused(release, &host, &[remove(A, "multinic0")]);
        assert_eq!(reasons(&refused), [(mac(A), Reason::MergeConflict)]);
        let message = &refused[&mac(A)].message;
        assert!(
            message.contains("/etc/netplan/70-storage.yaml:3:35: storage5: interface 'multinic0'"),
            "{message}"
        );
        // Its address may change all the same.
        let BootFile { path, text } = render(&nic(A, "multinic0", &["10.1.0.6/24"])).unwrap();
        let change = FileChange { path, from: Some(ours(A, "multinic0").1), to: Some(text) };
        assert_eq!(self::refused(release, &host, &[transaction(&[A], vec![change])]), BTreeMap::new());
    }
}

#[test]
fn only_the_nic_that_is_needed_stays_where_several_go_and_come() {
    let host = boot([
        uplink(),
        ours(A, "multinic0"),
        ours(B, "multinic1"),
        other("70-storage", "# needs multinic1\n"),
    ]);
    let mut generator = Plain::new(Release::V0_106);
    let third = "fa:16:3e:00:00:03";
    let plan = [remove(A, "multinic0"), remove(B, "multinic1"), write(third, "multinic2")];
    let refused = unfit(&mut generator, &host, &plan).now_or_never().unwrap().unwrap();
    assert_eq!(reasons(&refused), [(mac(B), Reason::MergeConflict)]);
    let together: BTreeSet<_> = [
        uplink().0,
        "/etc/netplan/60-multinic-multinic1.yaml".to_owned(),
        "/etc/netplan/60-multinic-multinic2.yaml".to_owned(),
        "/etc/netplan/70-storage.yaml".to_owned(),
    ]
    .into();
    let staged = |files: &Files| files.keys().cloned().collect::<BTreeSet<_>>() == together;
    assert!(generator.asked.iter().any(staged), "what is left was asked together");
}

#[test]
fn a_host_that_is_invalid_anyway_takes_nothing_new_and_lets_go_what_nobody_speaks_of() {
    let broken = other("01-broken", "broken: [\n  password: s3cr3t\n");
    let host = boot([uplink(), ours(A, "multinic0"), broken.clone()]);
    let invalid = refused(Release::V0_106, &host, &[write(B, "multinic1")]);
    assert_eq!(reasons(&invalid), [(mac(B), Reason::HostNetplanInvalid)]);
    let message = &invalid[&mac(B)].message;
    assert!(message.contains("/etc/netplan/01-broken.yaml:1:1") && !message.contains("s3cr3t"), "{message}");
    assert_eq!(refused(Release::V0_106, &host, &[remove(A, "multinic0")]), BTreeMap::new());

    // netplan tells its first error only; the VLAN would be the second.
    let host = boot([uplink(), ours(A, "multinic0"), broken, other("70-storage", "# needs multinic0\n")]);
    let kept = refused(Release::V0_106, &host, &[remove(A, "multinic0")]);
    assert_eq!(reasons(&kept), [(mac(A), Reason::HostNetplanInvalid)]);
    assert!(kept[&mac(A)].message.contains("/etc/netplan/70-storage.yaml speaks of multinic0"));
    let ten = boot([other("01-broken", "broken: [ multinic10 ]"), ours(A, "multinic1")]);
    assert_eq!(refused(Release::V0_106, &ten, &[remove(A, "multinic1")]), BTreeMap::new());
}

#[test]
fn a_change_that_makes_an_invalid_host_valid_is_made() {
    let host = boot([uplink(), other("70-storage", "# needs multinic0\n")]);
    let plan = [write(B, "multinic1"), write(A, "multinic0")];
    assert_eq!(refused(Release::V0_106, &host, &plan), BTreeMap::new());
    assert_eq!(reasons(&refused(Release::V0_106, &host, &plan[..1])), [(mac(B), Reason::HostNetplanInvalid)]);
}

#[test]
fn a_nic_that_others_take_in_or_define_is_not_written() {
    for (text, expected) in [
        ("# takes multinic0 into bond0\n", "makes multinic0 a part of bond0"),
        (
            "network:\n  ethernets:\n    up:\n      match:\n        macaddress: FA:16:3E:00:00:01\n",
            "defines up, which is the same NIC",
        ),
    ] {
        let host = boot([uplink(), other("70-site", text)]);
        let refused = refused(Release::V1_1_2, &host, &[write(A, "multinic0")]);
        assert_eq!(reasons(&refused), [(mac(A), Reason::ForeignConfiguration)]);
        let message = &refused[&mac(A)].message;
        assert!(message.contains(expected) && message.contains("/etc/netplan/70-site.yaml"), "{message}");
    }
}

#[test]
fn a_host_whose_renderer_is_network_manager_is_called_so() {
    for release in RELEASES {
        let host = boot([
            uplink(),
            other("01-nm", "network: {renderer: NetworkManager}\n# renderer: NetworkManager\n"),
        ]);
        let refused = refused(release, &host, &[write(A, "multinic0")]);
        assert_eq!(reasons(&refused), [(mac(A), Reason::UnsupportedHost)]);
        let message = &refused[&mac(A)].message;
        assert!(message.contains("renderer") && message.contains("/etc/netplan/01-nm.yaml"), "{message}");
    }
}

#[test]
fn a_boot_that_would_no_longer_wait_for_its_uplink_is_a_conflict_and_says_so() {
    let waiting = |files: Vec<_>| Boot { waits_online: true, ..boot(files) };
    let refused = |host: &Boot| refused(Release::V1_1_2, host, &[write(A, "multinic0")]);
    let alone = refused(&waiting(vec![]));
    assert_eq!(reasons(&alone), [(mac(A), Reason::MergeConflict)]);
    assert!(alone[&mac(A)].message.contains("systemd-networkd-wait-online"));
    assert_eq!(refused(&waiting(vec![uplink()])), BTreeMap::new());
}

#[test]
fn nothing_is_written_while_netplan_try_runs_or_a_file_is_out_of_sight() {
    let trying = Boot { trying: true, ..boot([uplink(), ours(A, "multinic0")]) };
    let unread = ("/etc/netplan/40-site.yaml".to_owned(), "a link out of the agent's sight".to_owned());
    let unread = Boot { unread: vec![unread], ..boot([uplink()]) };
    for (host, expected) in [(trying, Reason::NetplanTry), (unread, Reason::ForeignConfiguration)] {
        for change in [write(B, "multinic1"), remove(A, "multinic0")] {
            let refused = refused(Release::V0_106, &host, &[change]);
            assert!(refused.values().all(|refusal| refusal.reason == expected) && refused.len() == 1);
        }
    }
}

#[test]
fn a_right_nic_is_doubted_once_its_next_boot_is_another_and_asked_about_only_then() {
    let mut generator = Plain::new(Release::V0_106);
    let mut doubts = Doubts::default();
    let right = || BTreeMap::from([(mac(A), vec![file(A, "multinic0")])]);
    let mut about = |generator: &mut Plain, host: Boot| {
        reasons(&doubts.about(generator, host, right()).now_or_never().unwrap().unwrap())
    };
    let fine = boot([uplink(), ours(A, "multinic0")]);
    assert_eq!(about(&mut generator, fine.clone()), []);
    let asked = generator.asked.len();
    assert_eq!(about(&mut generator, fine), []);
    assert_eq!(generator.asked.len(), asked, "nothing changed");

    let twin = "network:\n  ethernets:\n    eth1:\n      match:\n        macaddress: fa:16:3e:00:00:01\n";
    let claimed = boot([uplink(), ours(A, "multinic0"), other("50-hotplug", twin)]);
    assert_eq!(about(&mut generator, claimed), [(mac(A), Reason::ForeignConfiguration)]);
    let broken = boot([uplink(), ours(A, "multinic0"), other("01-broken", "broken: [\n")]);
    assert_eq!(about(&mut generator, broken), [(mac(A), Reason::HostNetplanInvalid)]);
    let stacked = boot([uplink(), ours(A, "multinic0"), other("70-storage", "# needs multinic0\n")]);
    assert_eq!(about(&mut generator, stacked), []);
}

#[test]
fn a_file_that_goes_with_the_change_defines_nothing_of_others_and_one_that_stays_does() {
    let text =
        "network:\n  ethernets:\n    multinic0:\n      match:\n        macaddress: fa:16:3e:00:00:01\n";
    let go = other("90-multinic0", text);
    let another = other("70-site", &text.replace("fa:16:3e:00:00:01", B));
    let BootFile { path, text } = file(A, "multinic0");
    let written = FileChange { path, from: None, to: Some(text) };
    let removed = FileChange { path: go.0.clone(), from: Some(go.1.clone()), to: None };
    let taken_over = transaction(&[A], vec![written, removed]);
    for release in RELEASES {
        let host = boot([uplink(), go.clone()]);
        assert_eq!(
            refused(release, &host, std::slice::from_ref(&taken_over)),
            BTreeMap::new(),
            "{release:?}"
        );
        let host = boot([uplink(), go.clone(), another.clone()]);
        let refused = refused(release, &host, std::slice::from_ref(&taken_over));
        assert_eq!(reasons(&refused), [(mac(A), Reason::MergeConflict)], "{release:?}");
    }
}
