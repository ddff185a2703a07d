//! A host of plain links and real files, on which the agent decides with the host's real programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use multinic_agent::host::{
    backend::{HostCheck, Remembered, StageError},
    files,
    root::HostRoot,
};
use multinic_agent_core::{
    attribute::Step,
    backend::{ALL, Backend},
    execute::{Journal, Machine, NodeError, Order, execute},
    leases::Leases,
    observed::{
        files::{FileChange, HostFiles},
        ledger::Ledger,
        link::{Address, KernelView, Link},
        route::{self, Route},
        routing::SourceRule,
    },
    parse::{
        desired::{Desired, Request},
        foreign::Definition,
    },
    plan::{Blocked, BootCheck, Notice, Plan, Transaction, Verdict, World, decide},
    progress::Progress,
    protected::{AllowedKind, Fence, Past, Policy},
    wire::{Findings, Inquiry},
};
use multinic_crds::{Explanation, Interface, MacAddress, Mode, Reason};
use tokio::runtime::{Builder, Runtime};

const UPLINK: &str = "fa:16:3e:00:00:ee";
pub(crate) const A: &str = "fa:16:3e:00:00:0a";
pub(crate) const B: &str = "fa:16:3e:00:00:0b";

/// Where files of hosts lie, those that are made at run time included.
const OF_HOSTS: [&str; 4] =
    ["etc/netplan", "etc/systemd/network", "etc/NetworkManager/system-connections", "run"];

pub(crate) struct Host {
    pub(crate) version: &'static str,
    backend: &'static dyn Backend,
    root: HostRoot,
    view: KernelView,
    ledger: Ledger,
    remembered: Remembered,
}

impl Host {
    /// A host with an uplink, two free NICs, and no file of anybody.
    pub(crate) fn new(backend: &'static dyn Backend, version: &'static str, path: &Path) -> Self {
        for directory in OF_HOSTS {
            let _ = fs::remove_dir_all(path.join(directory));
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        // Units and their links.
        let _ = fs::remove_dir_all(path.join("etc/systemd/system"));
        let mut uplink = link(2, "eth0", UPLINK);
        uplink.up = true;
        uplink.addresses = vec![Address::new("192.0.2.10/24".parse().unwrap())];
        let view = KernelView {
            links: vec![uplink, link(3, "eth1", A), link(4, "eth2", B)],
            default_routes: vec![Route {
                destination: "0.0.0.0/0".parse().unwrap(),
                table: route::MAIN,
                links: BTreeSet::from([2]),
                gateways: BTreeSet::from(["192.0.2.1".parse().unwrap()]),
                by_kernel: false,
            }],
            routed: BTreeSet::from([2]),
            ..KernelView::default()
        };
        Self {
            version,
            backend,
            root: HostRoot::new(path.to_owned()),
            view,
            ledger: Ledger::default(),
            remembered: Remembered::default(),
        }
    }

    /// The host as it was at first.
    pub(crate) fn again(&mut self) {
        *self = Self::new(self.backend, self.version, self.root.path());
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn is_before(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.version.split('.').map(|number| number.parse::<u32>().unwrap());
        (numbers.next(), numbers.next()) < (Some(major), Some(minor))
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        let place = self.path(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    pub(crate) fn take(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// netplan's file of the uplink, as cloud-init writes it.
    pub(crate) fn with_uplink(&mut self) -> &mut Self {
        let text = format!(
            "network:\n  version: 2\n  ethernets:\n    eth0:\n      match: {{macaddress: '{UPLINK}'}}\n      set-name: eth0\n      dhcp4: true\n"
        );
        self.put("/etc/netplan/50-cloud-init.yaml", &text);
        self
    }

    pub(crate) fn try_decide(&mut self, wanted: &[Interface]) -> Result<Plan, StageError> {
        let desired = Desired {
            generation: 1,
            mode: Mode::Enforce,
            wanted: wanted.iter().map(|nic| (nic.mac_address, nic.clone())).collect(),
            ..Desired::default()
        };
        let (definitions, host_files) = files::survey(&self.root).unwrap();
        let fence = self.fence(&definitions, &host_files);
        let (view, ledger) = (&self.view, &self.ledger);
        let world = World {
            backend: self.backend,
            backends: ALL,
            view,
            fence: &fence,
            definitions: &definitions,
            files: &host_files,
            ledger,
            leases: &Leases::default(),
        };
        let mut check = HostCheck::of(&self.root, Some(self.backend), &mut self.remembered)?;
        let plan = runtime().block_on(decide(&desired, world, Blocked::default(), Some(&mut check)));
        assert!(!self.path("/run/multinic/stage").exists(), "copies of the host's files are left");
        plan
    }

    /// Why the host would not take these changes.
    pub(crate) fn unfit(&mut self, transactions: &[Transaction]) -> BTreeMap<MacAddress, Explanation> {
        let mut check = HostCheck::of(&self.root, Some(self.backend), &mut self.remembered).unwrap();
        runtime().block_on(check.unfit(transactions)).unwrap()
    }

    pub(crate) fn decide(&mut self, wanted: &[Interface]) -> Plan {
        self.try_decide(wanted).unwrap()
    }

    fn fence(&self, definitions: &[Definition], host_files: &HostFiles) -> Fence {
        let policy = Policy {
            node_ips: BTreeSet::from(["192.0.2.10".parse().unwrap()]),
            link_kinds: BTreeSet::from([AllowedKind::Physical]),
        };
        let past = Past::new(&self.ledger, host_files, BTreeSet::new());
        Fence::around(&self.view, definitions, &policy, &past)
    }

    /// Does what is planned, with a kernel that does what it is told.
    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        let (definitions, host_files) = files::survey(&self.root).unwrap();
        let (fence, before) = (self.fence(&definitions, &host_files), self.ledger.clone());
        let done = execute(self, Request::default(), &plan.transactions, &fence, &before, Order::Together);
        assert_eq!(runtime().block_on(done).unwrap().failures, BTreeMap::new());
    }

    /// Has these NICs configured, which must work.
    pub(crate) fn configure(&mut self, wanted: &[Interface]) {
        let plan = self.decide(wanted);
        self.carry_out(&plan);
        let plan = self.decide(wanted);
        for nic in wanted {
            assert_eq!(plan.decisions[&nic.mac_address].verdict, Verdict::Right);
        }
    }

    /// Unplugs a NIC: nothing in the kernel shows any more what it was for.
    pub(crate) fn unplug(&mut self, mac: &str) {
        self.view.links.retain(|link| link.mac != Some(mac.parse().unwrap()));
    }

    pub(crate) fn netplan_files(&self) -> Vec<String> {
        let names = fs::read_dir(self.path("/etc/netplan")).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What is decided about one NIC.
    pub(crate) fn verdict(&mut self, wanted: &[Interface], mac: &str) -> Verdict {
        self.decide(wanted).decisions[&mac.parse::<MacAddress>().unwrap()].verdict.clone()
    }

    /// Why nothing is done about one NIC.
    pub(crate) fn refusal(&mut self, wanted: &[Interface], mac: &str) -> Explanation {
        match self.verdict(wanted, mac) {
            Verdict::Refuse(refusal) | Verdict::Unfit(refusal) | Verdict::Keep(refusal) => refusal,
            verdict => panic!("{mac} is not refused: {verdict:?}"),
        }
    }

    /// That nothing is done about one NIC for `reason`, and that the message says `words`.
    pub(crate) fn assert_refused(&mut self, wanted: &[Interface], mac: &str, reason: Reason, words: &[&str]) {
        let refusal = self.refusal(wanted, mac);
        assert_eq!(refusal.reason, reason, "{}", refusal.message);
        for word in words {
            assert!(refusal.message.contains(word), "{word} is not in: {}", refusal.message);
        }
    }
}

impl Machine for Host {
    async fn apply(&mut self, step: &Step) -> Result<(), NodeError> {
        let link = self.view.links.iter_mut().find(|link| link.index == step.index()).unwrap();
        match step {
            Step::SetUp { .. } => link.up = true,
            Step::SetDown { .. } => link.up = false,
            Step::Rename { to, .. } => link.name.clone_from(to),
            Step::AddAltName { name, .. } => _ = link.alt_names.insert(name.clone()),
            Step::DropAltName { name, .. } => _ = link.alt_names.remove(name),
            Step::SetMtu { bytes, .. } => link.mtu = *bytes,
            Step::SetIpv6 { to, .. } => link.ipv6 = Some(*to),
            Step::AddAddress { net, .. } | Step::RestoreAddress { net, .. } => {
                link.addresses.push(Address::new(*net));
            }
            Step::RemoveAddress { net, .. } => link.addresses.retain(|address| address.net != *net),
            Step::AddRoute { route, protocol, .. } => _ = link.routes.insert(route.clone(), *protocol),
            Step::RemoveRoute { route, .. } => _ = link.routes.remove(route),
            Step::AddRule { rule, .. } => self.view.rules.push(rule.into()),
            Step::RemoveRule { rule, .. } => {
                self.view.rules.retain(|found| SourceRule::of(found).as_ref() != Some(rule));
            }
            Step::AddSubnetRoute { .. } => {}
        }
        Ok(())
    }

    async fn identity(&mut self, index: u32) -> Result<Option<MacAddress>, NodeError> {
        Ok(self.view.link(index).and_then(Link::identity))
    }

    async fn view(&mut self) -> Result<KernelView, NodeError> {
        Ok(self.view.clone())
    }

    fn write(&mut self, change: &FileChange) -> Result<(), NodeError> {
        files::write(&self.root, change).map_err(|error| NodeError(error.to_string()))
    }

    async fn tell(&mut self, _: Notice) -> Result<(), NodeError> {
        Ok(())
    }

    async fn ask(&mut self, inquiries: Vec<Inquiry>) -> Vec<Findings> {
        vec![Findings::default(); inquiries.len()]
    }

    fn text(&mut self, path: &str) -> Result<Option<String>, NodeError> {
        self.root.text(path).map_err(|error| NodeError(error.to_string()))
    }

    fn open(&mut self, _: &Journal) -> Result<(), NodeError> {
        Ok(())
    }

    fn note(&mut self, _: &Journal) -> Result<(), NodeError> {
        Ok(())
    }

    async fn close(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    fn show(&mut self, _: Progress) {}

    async fn probe(&mut self) -> BTreeSet<IpAddr> {
        BTreeSet::new()
    }

    fn record(&mut self, ledger: &Ledger) -> Result<(), NodeError> {
        self.ledger = ledger.clone();
        Ok(())
    }

    async fn pause(&mut self, _: Duration) {}
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn link(index: u32, name: &str, mac: &str) -> Link {
    Link::physical(index, name, mac.parse().unwrap())
}

pub(crate) fn nic(mac: &str, name: &str, addresses: &[&str]) -> Interface {
    Interface {
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        ..Interface::new(mac.parse().unwrap(), name.parse().unwrap())
    }
}
