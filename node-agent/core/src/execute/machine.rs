//! What is acted on, and how that fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use multinic_crds::{Explanation, MacAddress, Reason};

use super::journal::Journal;
use crate::{
    attribute::Step,
    observed::{files::FileChange, ledger::Ledger, link::KernelView},
    plan::Notice,
    progress::Progress,
    wire::{Findings, Inquiry},
};

/// The node, as far as a transaction reaches.
pub trait Machine {
    /// Makes one change in the kernel.
    fn apply(&mut self, step: &Step) -> impl Future<Output = Result<(), NodeError>>;
    /// The MAC address by which the link with this number is known now; none where there is no such link.
    fn identity(&mut self, index: u32) -> impl Future<Output = Result<Option<MacAddress>, NodeError>>;
    /// Reads the kernel anew.
    fn view(&mut self) -> impl Future<Output = Result<KernelView, NodeError>>;
    /// Writes or removes one file, whole or not at all.
    fn write(&mut self, change: &FileChange) -> Result<(), NodeError>;
    /// Tells what configures the host's network of a change.
    fn tell(&mut self, notice: Notice) -> impl Future<Output = Result<(), NodeError>>;
    /// Asks networks of NICs, all at once; what each says. Nothing where nobody can be asked.
    fn ask(&mut self, inquiries: Vec<Inquiry>) -> impl Future<Output = Vec<Findings>>;
    /// The text of one file, or none where it is not there.
    fn text(&mut self, path: &str) -> Result<Option<String>, NodeError>;
    /// Keeps `journal` over a crash and a power cut, from now on until it is closed, and has somebody stand by who goes
    /// by it should nothing more be heard of this agent.
    fn open(&mut self, journal: &Journal) -> Result<(), NodeError>;
    /// Keeps what changed in `journal` over a crash. What a power cut ends with is told by the kernel and the files.
    fn note(&mut self, journal: &Journal) -> Result<(), NodeError>;
    /// Nothing is under way any more.
    fn close(&mut self) -> impl Future<Output = Result<(), NodeError>>;
    /// The addresses at which the API server takes a new connection, within seconds.
    fn probe(&mut self) -> impl Future<Output = BTreeSet<IpAddr>>;
    /// Shows where the pass is, to whoever looks.
    fn show(&mut self, progress: Progress);
    /// Keeps `ledger` over a restart and a crash.
    fn record(&mut self, ledger: &Ledger) -> Result<(), NodeError>;
    /// Waits a little before the next read-back.
    fn pause(&mut self, duration: Duration) -> impl Future<Output = ()>;
}

/// A change or a look that failed, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NodeError(pub String);

/// What went wrong, by NIC.
pub type Failures = BTreeMap<MacAddress, Failure>;

/// A transaction that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing was touched.
    #[error("{}", .0.message)]
    NotBegun(Explanation),
    /// What was changed is as it was before. Routes of routing daemons are not restored where the link had to go down.
    #[error("{}; rolled back", .0.message)]
    RolledBack(Explanation),
    /// Something could not be brought back.
    #[error("{}: {}; and the roll-back failed: {}", .cause.reason, .cause.message, .rollback)]
    RollbackFailed {
        /// Why the transaction failed.
        cause: Explanation,
        /// What could not be brought back.
        rollback: String,
    },
}

impl Failure {
    /// Whether the NIC is as it was before.
    #[must_use]
    pub const fn is_as_before(&self) -> bool {
        !matches!(self, Self::RollbackFailed { .. })
    }

    /// The word in status and log.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::NotBegun(cause) | Self::RolledBack(cause) => cause.reason,
            Self::RollbackFailed { .. } => Reason::RollbackFailed,
        }
    }
}
