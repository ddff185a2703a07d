//! The node, as one agent acts on it: look, decide, have it validated, do it, look again.

mod act;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use multinic_agent_core::{
    arrivals::Arrivals,
    backend::{ALL, Backend, Memory, netplan::Netplan},
    execute::{Failures, Order, Outcome, execute, recover},
    history::{History, Record},
    last_object::LastObject,
    leases::{Leases, extension},
    observed::{files::HostFiles, lease::Lease, ledger::Ledger, link::KernelView},
    parse::{
        desired::{Desired, Request},
        foreign::Definition,
    },
    plan::{Blocked, Plan, World, decide},
    progress::Progress,
    protected::{Fence, Past, Policy},
    wire,
};
use multinic_crds::{Explanation, MacAddress, Mode, Reason};
use tokio::sync::watch;

use crate::host::{
    backend::{self, HostCheck, Remembered},
    error::HostError,
    facts, files, journal, last_object, leases,
    lock::NodeLock,
    memory,
    mounts::Mounts,
    netlink::Netlink,
    retries,
    root::HostRoot,
    underway::{self, Underway},
    wire::Ready,
};

/// The node's kernel and files, as one agent acts on them.
pub struct Host {
    root: HostRoot,
    /// Held from the first look on: nothing is done without it.
    lock: Option<NodeLock>,
    mounts: Mounts,
    netlink: Netlink,
    /// What configures the network at boot, or why nothing can be done here.
    backend: Result<&'static dyn Backend, Explanation>,
    policy: Policy,
    remembered: Remembered,
    /// Where the API server is, the routes to which are protected.
    api_server: Vec<SocketAddr>,
    arrivals: Arrivals,
    /// For what the networks of NICs are asked before addresses are given.
    ready: Ready,
    underway: Underway,
    /// Whether nothing is left open that an earlier agent began.
    recovered: bool,
    /// The NICs that are wanted: what the Go agent wrote for them is ours to replace.
    wanted: BTreeSet<MacAddress>,
    retries: retries::Kept,
    last_object: last_object::Kept,
    /// Where the pass is.
    progress: watch::Sender<Option<Progress>>,
}

/// What one look at the node showed.
pub struct Look {
    /// The kernel.
    pub view: KernelView,
    fence: Fence,
    /// What others configure.
    pub definitions: Vec<Definition>,
    files: HostFiles,
    /// What we did before.
    pub ledger: Ledger,
    lives_by: BTreeSet<MacAddress>,
}

/// A plan, and what it rests on.
pub struct Prepared {
    request: Request,
    /// What is to be done.
    pub plan: Plan,
    /// The kernel as it is.
    pub view: KernelView,
    /// What others configure.
    pub definitions: Vec<Definition>,
    /// What we did before.
    pub ledger: Ledger,
    /// The links that the node lives by.
    pub lives_by: BTreeSet<MacAddress>,
    fence: Fence,
}

impl Prepared {
    /// What became of it, for those who talk to the networks of its NICs.
    #[must_use]
    pub fn done<'a>(
        &'a self,
        desired: &'a Desired,
        failures: &'a Failures,
        view: &'a KernelView,
    ) -> wire::Done<'a> {
        wire::Done { desired, plan: &self.plan, failures, fence: &self.fence, view }
    }
}

/// What became of a plan.
#[derive(Debug)]
pub struct Done {
    /// What went wrong.
    pub failures: Failures,
    /// The kernel afterwards.
    pub view: KernelView,
}

impl Host {
    /// The node whose root is `root`. Without its `lock`, every look tries to take that first.
    #[must_use]
    pub fn new(root: HostRoot, lock: Option<NodeLock>, policy: Policy) -> Self {
        let backend = backend::detect(&root);
        let netlink = Netlink::new(&root);
        let (retries, last_object) = (retries::Kept::load(&root), last_object::Kept::load(&root));
        Self {
            root,
            lock,
            mounts: Mounts::default(),
            netlink,
            backend,
            policy,
            remembered: Remembered::default(),
            api_server: Vec::new(),
            arrivals: Arrivals::default(),
            ready: Ready::default(),
            underway: Underway::default(),
            recovered: false,
            wanted: BTreeSet::new(),
            retries,
            last_object,
            progress: watch::Sender::default(),
        }
    }

    /// What became of NICs, as far as an earlier agent remembered it.
    #[must_use]
    pub fn history(&self) -> History {
        History::recall(facts::boot_id(&self.root), self.retries.record())
    }

    /// This node's object as an earlier agent last read it, if it did.
    #[must_use]
    pub fn last_object(&self) -> Option<LastObject> {
        self.last_object.object()
    }

    /// The links alone.
    pub async fn links(&self) -> Result<KernelView, HostError> {
        Ok(self.netlink.view(&[]).await?)
    }

    /// Remembers `object` for an outage of the API server; none is gone.
    pub fn keep(&mut self, object: Option<&LastObject>) {
        match object {
            _ if self.lock.is_none() => {}
            Some(object) => self.last_object.keep(&self.root, object),
            None => self.last_object.forget(&self.root),
        }
    }

    /// Remembers attempts that failed for a later agent.
    pub fn remember(&mut self, record: Option<Record>) {
        if self.lock.is_some() {
            self.retries.keep(&self.root, record);
        }
    }

    /// The routes to these addresses are protected from now on.
    pub fn protect_routes_to(&mut self, api_server: Vec<SocketAddr>) {
        self.api_server = api_server;
    }

    /// What the Go agent wrote for these NICs is replaced from now on; what it wrote for others is others'.
    pub fn take_over(&mut self, desired: &Desired) {
        self.wanted = desired.wanted.keys().copied().collect();
    }

    /// Looks again what configures the network at boot.
    pub fn detect_again(&mut self) {
        self.backend = backend::detect(&self.root);
    }

    /// The word for the backend in status.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        self.backend.as_ref().map_or("", |backend| backend.name())
    }

    /// Whether the host's networkd is known to remove the routing rules of others whenever it configures a link.
    #[must_use]
    pub fn removes_rules(&self) -> bool {
        backend::removes_rules(&self.root, self.backend()).unwrap_or_default()
    }

    /// Why nothing can be done on this host at all, if that is so.
    #[must_use]
    pub fn obstacle(&self) -> Option<&Explanation> {
        self.backend.as_ref().err()
    }

    /// udev is done with the link that has this number; the MAC address by which it is known, if it has one.
    pub async fn udev_is_done(&mut self, index: u32) -> Option<MacAddress> {
        self.arrivals.udev_is_done(index);
        self.netlink.identity(index).await.ok()?
    }

    /// Ends what an earlier agent left open, if anything: forwards, or back. Needs no object and no API server. Whether
    /// there was something: what became of NICs is another then.
    pub async fn recover(&mut self) -> Result<bool, HostError> {
        if self.lock.is_none() {
            self.lock = Some(NodeLock::take(&self.root)?);
        }
        if self.recovered {
            return Ok(false);
        }
        let left = journal::read(&self.root)?;
        if let Some(journal) = &left {
            tracing::warn!("an earlier agent ended in the middle of a change");
            let (ledger, boot_id) = (files::ledger(&self.root)?, facts::boot_id(&self.root));
            let recovered = recover(self, journal, ledger, &boot_id).await.map_err(HostError::Unreadable)?;
            underway::tell(&recovered);
            files::save(&self.root, &recovered.ledger)?;
            let mut history = self.history();
            history.inherit(&journal.request, &recovered.failures, Instant::now());
            self.remember(history.record());
            journal::close(&self.root)?;
        }
        self.recovered = true;
        Ok(left.is_some())
    }

    /// Looks at the kernel, the files, and what we did before.
    pub async fn observe(&mut self) -> Result<Look, HostError> {
        self.recover().await?;
        self.mounts.check(&self.root)?;
        self.look().await
    }

    /// Decides, and has the host check what it would take over its next boot. Touches nothing but a staging directory
    /// of its own, and that only where files are about to change.
    ///
    /// `held` NICs are not changed, whatever they need.
    pub async fn plan(
        &mut self,
        desired: &Desired,
        look: Look,
        leases: &Leases,
        held: BTreeMap<MacAddress, Explanation>,
    ) -> Result<Prepared, HostError> {
        let blocked = Blocked { held, unfit: self.settling(desired, &look, Instant::now()) };
        let enforces = desired.mode == Mode::Enforce && self.obstacle().is_none();
        let expected = enforces.then(|| wire::expected(desired, &blocked, &look.fence, &look.view));
        self.ready.open(&expected.unwrap_or_default());
        let world = World {
            backend: *self.backend.as_ref().unwrap_or(&ALL.first()),
            backends: ALL,
            view: &look.view,
            fence: &look.fence,
            definitions: &look.definitions,
            files: &look.files,
            ledger: &look.ledger,
            leases,
        };
        // A cleanup gives back on every host; files go there whatever configures its links.
        let asks = enforces || (desired.mode == Mode::Enforce && desired.wanted.is_empty());
        let backend = self.backend.as_ref().ok().copied();
        let mut check = asks.then(|| HostCheck::of(&self.root, backend, &mut self.remembered)).transpose()?;
        let plan = decide(desired, world, blocked, check.as_mut()).await?;
        if enforces && !plan.is_idle() {
            // Nothing is announced, let alone done, that could not be recorded.
            files::may_save(&self.root)?;
        }
        let Look { view, definitions, ledger, fence, lives_by, files: _ } = look;
        Ok(Prepared { request: desired.request(), plan, view, definitions, ledger, lives_by, fence })
    }

    /// Where the pass is, from now on.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Option<Progress>> {
        self.progress.subscribe()
    }

    /// Carries a plan out.
    ///
    /// What has begun comes to its end: nothing may drop this while it waits.
    pub async fn execute(&mut self, prepared: &Prepared, order: Order<'_>) -> Result<Done, HostError> {
        let Prepared { request, plan, fence, ledger, .. } = prepared;
        let outcome = execute(self, request.clone(), &plan.transactions, fence, ledger, order).await;
        self.progress.send_replace(None);
        self.ready = Ready::default();
        let Outcome { failures, view, unrecorded } = outcome.map_err(HostError::Unrecorded)?;
        if let Some(error) = unrecorded {
            tracing::warn!("{error}");
        }
        Ok(Done { failures, view: view.map_err(HostError::Unreadable)? })
    }

    /// Has the kernel count a lease that goes on anew. Nothing where the NIC has not got its address from us.
    pub async fn extend(&mut self, mac: MacAddress, lease: &Lease) -> Result<(), HostError> {
        if self.lock.is_none() {
            return Ok(());
        }
        let mut ledger = files::ledger(&self.root)?;
        let view = self.netlink.view(&[]).await?;
        let Some(step) = extension(mac, lease, leases::now(), &view, &ledger) else { return Ok(()) };
        self.netlink.apply(&step).await?;
        // Where that fails, a later agent asks for the lease sooner than it would have to.
        if let Some(entry) = ledger.nics.get_mut(&mac) {
            entry.lease = Some(lease.clone());
            files::save(&self.root, &ledger)?;
        }
        Ok(())
    }

    /// The wanted NICs that are new to us, and that udev may still be about to rename.
    fn settling(
        &mut self,
        desired: &Desired,
        look: &Look,
        now: Instant,
    ) -> BTreeMap<MacAddress, Explanation> {
        self.arrivals.look(&look.view, now);
        let is_settling = |mac: &MacAddress| {
            let mut links = look.view.links_with(*mac);
            look.ledger.get(*mac).is_none() && links.any(|link| self.arrivals.is_new(link, now))
        };
        let message = "the NIC came or was renamed a moment ago, and udev may not be done with it; it is configured in a moment";
        let refusal = Explanation::new(Reason::ChangedMeanwhile, message);
        desired.wanted.keys().copied().filter(is_settling).map(|mac| (mac, refusal.clone())).collect()
    }

    fn api_server_addresses(&self) -> Vec<IpAddr> {
        self.api_server.iter().map(SocketAddr::ip).collect()
    }

    fn leaves_to_network_manager(&self) -> bool {
        self.backend.as_ref().is_ok_and(|backend| backend.memory() == Memory::OfLinks)
    }

    async fn look(&self) -> Result<Look, HostError> {
        let mut ledger = files::ledger(&self.root)?;
        let (mut definitions, mut files) = files::survey(&self.root)?;
        let takes_over = self.backend.as_ref().is_ok_and(|backend| backend.name() == Netplan.name());
        files.inherited.retain(|mac, _| takes_over && self.wanted.contains(mac));
        let is_inherited = |path: &str| files.inherited.values().any(|file| file.path == path);
        definitions.retain(|definition| !is_inherited(&definition.source));
        // Where NetworkManager is the backend, that it has every NIC without a definition is what is wanted.
        definitions.retain(|definition| !definition.is_default || !self.leaves_to_network_manager());
        ledger.recall(&facts::boot_id(&self.root), &files, ALL);
        let view = self.netlink.view(&self.api_server_addresses()).await?;
        let vital = memory::vital(&self.root)?;
        let fence =
            Fence::around(&view, &definitions, &self.policy, &Past::new(&ledger, &files, vital.clone()));
        let lives_by = fence.to_remember(&view);
        if lives_by != vital {
            memory::remember(&self.root, lives_by.clone())?;
        }
        Ok(Look { view, fence, definitions, files, ledger, lives_by })
    }
}
