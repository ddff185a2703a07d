//! What a transaction has done to the node. Nothing is done any more by an agent whose change was taken from it.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures::future::join_all;
use multinic_agent_core::{
    attribute::Step,
    execute::{Journal, Machine, NodeError},
    observed::{files::FileChange, ledger::Ledger, link::KernelView},
    plan::Notice,
    progress::Progress,
    wire::{Findings, Inquiry},
};
use multinic_crds::MacAddress;
use tokio::{net::TcpStream, time::timeout};

use super::Host;
use crate::host::{backend, files};

/// How long the API server may take to take a connection.
const CONNECTS: Duration = Duration::from_secs(2);

impl Machine for Host {
    async fn apply(&mut self, step: &Step) -> Result<(), NodeError> {
        self.underway.heed();
        self.netlink.apply(step).await.map_err(|error| NodeError(error.to_string()))
    }

    async fn identity(&mut self, index: u32) -> Result<Option<MacAddress>, NodeError> {
        self.netlink.identity(index).await.map_err(|error| NodeError(error.to_string()))
    }

    async fn view(&mut self) -> Result<KernelView, NodeError> {
        self.netlink.view(&self.api_server_addresses()).await.map_err(|error| NodeError(error.to_string()))
    }

    fn write(&mut self, change: &FileChange) -> Result<(), NodeError> {
        self.underway.heed();
        files::write(&self.root, change).map_err(|error| NodeError(error.to_string()))
    }

    fn text(&mut self, path: &str) -> Result<Option<String>, NodeError> {
        self.root.text(path).map_err(|error| NodeError(format!("failed to read {path}: {error}")))
    }

    fn open(&mut self, journal: &Journal) -> Result<(), NodeError> {
        self.underway.open(&self.root, self.lock.as_ref(), journal)
    }

    fn note(&mut self, journal: &Journal) -> Result<(), NodeError> {
        self.underway.note(&self.root, journal)
    }

    async fn close(&mut self) -> Result<(), NodeError> {
        self.underway.close(&self.root).await
    }

    async fn tell(&mut self, notice: Notice) -> Result<(), NodeError> {
        self.underway.heed();
        let Ok(backend) = self.backend else { return Ok(()) };
        backend::tell(&self.root, backend, notice).await.map_err(|error| NodeError(error.to_string()))
    }

    async fn ask(&mut self, inquiries: Vec<Inquiry>) -> Vec<Findings> {
        // Where nobody can be asked, that is said once the NIC is set up; it is no reason not to set it up.
        let answers = self.ready.ask(inquiries).await.into_iter();
        answers.map(Result::unwrap_or_default).collect()
    }

    fn show(&mut self, progress: Progress) {
        self.progress.send_replace(Some(progress));
    }

    async fn probe(&mut self) -> BTreeSet<IpAddr> {
        let connects = async |address: &SocketAddr| {
            let connected = timeout(CONNECTS, TcpStream::connect(address)).await;
            matches!(connected, Ok(Ok(_))).then_some(address.ip())
        };
        join_all(self.api_server.iter().map(connects)).await.into_iter().flatten().collect()
    }

    fn record(&mut self, ledger: &Ledger) -> Result<(), NodeError> {
        self.underway.heed();
        files::save(&self.root, ledger).map_err(|error| NodeError(error.to_string()))
    }

    async fn pause(&mut self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
