//! A real API server with its store and its garbage collector; no scheduler, no kubelets.

mod access;
mod audit;
mod server;

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

pub use access::NAMESPACE;
pub use audit::Write;

use crate::sandbox::fabric::GATEWAY;
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;

/// A name of every API server, which its certificate has.
pub const SERVER_NAME: &str = "kubernetes.default.svc";

/// A copy of the store, below the control plane's directory.
const BACKUP: &str = "etcd-copy";

/// A running control plane; with multinic's CRD and RBAC rules installed, as the chart would install them, where
/// [`Testbed::control_plane`] made it.
pub struct ControlPlane<'bed> {
    bed: &'bed Testbed,
    client: Client,
    directory: PathBuf,
    /// Where the server listens.
    address: IpAddr,
    /// By what clients are told to find it.
    host: RefCell<String>,
    /// What the server is told beside what every one needs.
    options: Vec<OsString>,
    server: RefCell<Option<Process>>,
    /// Dropped, that is killed, with the rest.
    processes: Vec<Process>,
}

impl Testbed {
    /// A control plane with multinic's CRD and RBAC rules in it, ready to be used.
    pub async fn control_plane(&self) -> Result<ControlPlane<'_>> {
        self.control_plane_at(GATEWAY.into()).await
    }

    /// The same at this address, which the testbed has; one of IPv6 is the only one at which it listens.
    pub async fn control_plane_at(&self, address: IpAddr) -> Result<ControlPlane<'_>> {
        ControlPlane::start(self, address).await.context("cannot start the control plane")
    }
}

impl<'bed> ControlPlane<'bed> {
    pub(crate) async fn start(bed: &'bed Testbed, address: IpAddr) -> Result<Self> {
        let mut control_plane = Self::serve_at(bed, address, &[]).await?;
        access::install(&control_plane.client).await?;
        // After the CRD is there: the collector looks for new kinds only every half minute.
        let controllers = server::controller_manager(bed, &control_plane.kubeconfig_path())?;
        control_plane.processes.extend(controllers);
        Ok(control_plane)
    }

    /// An API server, with these `options` on top of what every one needs, and its store, with nothing in them that
    /// Kubernetes did not put there.
    pub async fn serve(bed: &'bed Testbed, options: &[OsString]) -> Result<Self> {
        Self::serve_at(bed, GATEWAY.into(), options).await
    }

    async fn serve_at(bed: &'bed Testbed, address: IpAddr, options: &[OsString]) -> Result<Self> {
        let directory = bed.part("control-plane")?;
        server::configure(&directory)?;
        let etcd = server::etcd(bed, &directory)?;
        let mut server = server::api_server(bed, &directory, address, options)?;
        server::serving(&mut server, &directory).await?;
        let host = server::in_url(address);
        let admin = server::kubeconfig(&directory, &host, &server::administrator())?;
        let client = client(&admin).await?;
        server::ready(&mut server, &client).await?;
        let control_plane = Self {
            bed,
            client,
            directory,
            address,
            host: RefCell::new(host),
            options: options.to_vec(),
            server: RefCell::new(Some(server)),
            processes: vec![etcd],
        };
        fs::write(control_plane.kubeconfig_path(), serde_json::to_string(&admin)?)?;
        Ok(control_plane)
    }

    /// Takes the API server away at once: in an orderly end it would wait for those who watch. What is stored stays.
    pub fn kill_server(&self) -> Result<()> {
        self.server.take().map_or(Ok(()), |mut server| server.kill())
    }

    /// Starts the API server again, and waits until it answers.
    pub async fn resume_server(&self) -> Result<()> {
        let mut server = server::api_server(self.bed, &self.directory, self.address, &self.options)?;
        server::ready(&mut server, &self.client).await?;
        self.server.replace(Some(server));
        Ok(())
    }

    /// Has whoever gets a kubeconfig from now on look it up by [`SERVER_NAME`], as pods do that are told no address.
    pub fn is_known_by_name(&self) {
        self.host.replace(SERVER_NAME.to_owned());
    }

    /// A client with all rights.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A client with the rights of somebody's kubeconfig.
    pub async fn client_as(&self, kubeconfig: &Path) -> Result<Client> {
        client(&Kubeconfig::read_from(kubeconfig)?).await
    }

    /// Runs kubectl with all rights and returns what it printed.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.bed.assets().control_plane.join("kubectl"));
        command.arg("--kubeconfig").arg(self.kubeconfig_path());
        command.arg("--cache-dir").arg(self.directory.join("kubectl-cache")).args(arguments);
        let output = self.bed.spawner()?.output(command)?;
        ensure!(
            output.status.success(),
            "kubectl {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What a person types to run kubectl.
    #[must_use]
    pub fn kubectl_command(&self) -> String {
        format!(
            "{} {} --kubeconfig {} --cache-dir {}",
            self.bed.enter_command(),
            self.bed.assets().control_plane.join("kubectl").display(),
            self.kubeconfig_path().display(),
            self.directory.join("kubectl-cache").display()
        )
    }

    /// Copies all that the API server knows, as of one moment.
    pub fn back_up(&self) -> Result<()> {
        // The first of the processes.
        let etcd = &self.processes[0];
        etcd.signal(Signal::SIGSTOP)?;
        let (store, copy) = (self.directory.join(server::STORE), self.directory.join(BACKUP));
        let copied =
            self.bed.spawner()?.run(&["cp", "-a", &store.to_string_lossy(), &copy.to_string_lossy()]);
        etcd.signal(Signal::SIGCONT)?;
        copied.map(drop)
    }

    /// Goes back to what was copied, as a person does after a disaster: nothing that was written since is there.
    pub async fn restore(&mut self) -> Result<()> {
        self.kill_server()?;
        self.processes[0].kill()?;
        let store = self.directory.join(server::STORE);
        fs::remove_dir_all(&store)?;
        fs::rename(self.directory.join(BACKUP), store)?;
        self.processes[0] = server::etcd(self.bed, &self.directory)?;
        self.resume_server().await
    }

    /// Whether owner references are acted upon; not where foreign assets lack the controller manager.
    #[must_use]
    pub fn collects_garbage(&self) -> bool {
        server::has_controller_manager(self.bed)
    }

    /// Registers a Node as its kubelet would.
    pub async fn create_node(&self, node: &KubeNode) -> Result<KubeNode> {
        let name = node.metadata.name.as_deref().context("a Node needs a name")?;
        let nodes = Api::<KubeNode>::all(self.client());
        nodes.create(&PostParams::default(), node).await.with_context(|| format!("cannot create Node {name}"))
    }

    /// Removes a Node.
    pub async fn delete_node(&self, name: &str) -> Result<()> {
        Api::<KubeNode>::all(self.client()).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The operator's credentials: its `ServiceAccount`'s token, nothing more.
    pub async fn operator_kubeconfig(&self) -> Result<PathBuf> {
        let token = access::token(&self.client, access::OPERATOR, None).await?;
        self.write_kubeconfig("operator.kubeconfig", &token)
    }

    /// The credentials of one node's agent: a token bound to that Node, which must exist.
    pub async fn agent_kubeconfig(&self, node: &str) -> Result<PathBuf> {
        let object = Api::<KubeNode>::all(self.client()).get(node).await?;
        let token = access::token(&self.client, access::AGENT, Some(&object)).await?;
        self.write_kubeconfig(&format!("agent-{node}.kubeconfig"), &token)
    }

    /// Every write so far, by anybody, refused ones included, in their order.
    pub fn writes(&self) -> Result<Vec<Write>> {
        audit::writes(&self.directory)
    }

    /// Access with all rights, complete in one file.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.directory.join("admin.kubeconfig")
    }

    /// Access for a kubeconfig's `user`.
    pub fn kubeconfig_of(&self, user: &Value) -> Result<Kubeconfig> {
        server::kubeconfig(&self.directory, &self.host.borrow(), user)
    }

    /// What the API server checks `ServiceAccounts`' tokens with: the key to make them.
    #[must_use]
    pub fn service_account_key(&self) -> PathBuf {
        self.directory.join(server::SERVICE_ACCOUNT_KEY)
    }

    /// What clients have to trust.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.directory.join(server::CERTIFICATE)
    }

    fn write_kubeconfig(&self, name: &str, token: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        fs::write(&path, serde_json::to_string(&self.kubeconfig_of(&json!({"token": token}))?)?)?;
        Ok(path)
    }
}

async fn client(kubeconfig: &Kubeconfig) -> Result<Client> {
    let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
