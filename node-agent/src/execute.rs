//! Doing: transactions, each proven from the kernel, or taken back.
//!
//! ```text
//!  steps ──▶ read back until proven ──▶ files ──▶ done
//!    └───────────┴── anything wrong ──────┴──▶ files back ──▶ kernel back ──▶ read back
//! ```
//!
//! Nothing in here decides what is right: [`converge`] and [`prove`] do.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    converge::{Step, Target, Unproven, converge, prove},
    link::KernelView,
    plan::{FileChange, Refusal, Transaction},
};

/// How often steps that the first ones made necessary are taken: the kernel drops
/// secondary addresses with their primary one.
const ROUNDS: u32 = 2;
/// How often the kernel is looked at again while it probes an address, which takes it
/// one to two seconds.
const READ_BACKS: u32 = 60;
const READ_BACK_INTERVAL: Duration = Duration::from_millis(50);

/// The node, as far as a transaction reaches.
pub trait Node {
    /// Makes one change in the kernel.
    fn apply(&mut self, step: &Step) -> impl Future<Output = Result<(), NodeError>>;
    /// Reads the kernel anew.
    fn view(&mut self) -> impl Future<Output = Result<KernelView, NodeError>>;
    /// Writes or removes one file, whole or not at all.
    fn write(&mut self, change: &FileChange) -> Result<(), NodeError>;
    /// Waits a little before the next read-back.
    fn pause(&mut self, duration: Duration) -> impl Future<Output = ()>;
}

/// A change or a look that failed, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NodeError(pub String);

/// A transaction that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Everything is as it was before.
    #[error("{}; rolled back", .0.message)]
    RolledBack(Refusal),
    /// Something could not be brought back.
    #[error("{}; and the roll-back failed: {}", .cause.message, .rollback)]
    RollbackFailed {
        /// Why the transaction failed.
        cause: Refusal,
        /// What could not be brought back.
        rollback: String,
    },
}

impl Failure {
    /// The CamelCase word in status, log and metric.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::RolledBack(cause) => cause.reason,
            Self::RollbackFailed { .. } => "RollbackFailed",
        }
    }
}

/// What the node lives by. A change of it while a transaction runs makes that fail, so that
/// it is taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifeline {
    targets: Vec<Target>,
    default_routes: BTreeSet<u32>,
}

impl Lifeline {
    /// The lifeline in `view`, where `vital` are the links that it goes over.
    #[must_use]
    pub fn of(view: &KernelView, vital: impl Iterator<Item = u32>) -> Self {
        let targets = vital.filter_map(|index| view.link(index)).map(Target::at_least).collect();
        Self { targets, default_routes: view.default_routes.clone() }
    }

    fn holds(&self, view: &KernelView) -> bool {
        prove(&self.targets, view).is_ok() && self.default_routes.is_subset(&view.default_routes)
    }
}

/// Brings `node` to the targets of every transaction, or back to where each was.
///
/// All of the kernel comes before all of the files: traffic need not wait for disks.
pub async fn execute(
    node: &mut impl Node,
    transactions: &[Transaction],
    lifeline: &Lifeline,
) -> Vec<Result<(), Failure>> {
    let mut results = Vec::new();
    for transaction in transactions {
        results.push(match change_kernel(node, transaction, lifeline).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(take_back(node, transaction, &[], cause).await),
        });
    }
    for (transaction, result) in transactions.iter().zip(&mut results).filter(|(_, result)| result.is_ok()) {
        for (written, change) in transaction.files.iter().enumerate() {
            if let Err(error) = node.write(change) {
                let message = format!("failed to write {} for the next boot: {error}", change.path);
                let cause = Refusal::new("NotPersisted", message);
                *result = Err(take_back(node, transaction, &transaction.files[..written], cause).await);
                break;
            }
        }
    }
    results
}

async fn change_kernel(
    node: &mut impl Node,
    transaction: &Transaction,
    lifeline: &Lifeline,
) -> Result<(), Refusal> {
    let view = step_until_proven(node, transaction).await?;
    if lifeline.holds(&view) {
        return Ok(());
    }
    Err(Refusal::new(
        "FenceChanged",
        "a link that the node lives by changed at the same time; nothing was kept, and it is tried again",
    ))
}

/// Changes the kernel and looks, until it shows the targets or will not.
async fn step_until_proven(node: &mut impl Node, transaction: &Transaction) -> Result<KernelView, Refusal> {
    let mut steps = transaction.steps.clone();
    let (mut rounds, mut waits) = (0, 0);
    loop {
        for step in &steps {
            let failed = |error: NodeError| Refusal::new("ApplyFailed", format!("failed to {step}: {error}"));
            node.apply(step).await.map_err(failed)?;
        }
        let view = node.view().await.map_err(|error| Refusal::new("ReadBackFailed", error.to_string()))?;
        match prove(&transaction.targets, &view) {
            Ok(()) => return Ok(view),
            Err(Unproven::Differs(left)) if rounds < ROUNDS => {
                rounds += 1;
                steps = left;
            }
            Err(Unproven::Tentative) if waits < READ_BACKS => {
                waits += 1;
                steps.clear();
                node.pause(READ_BACK_INTERVAL).await;
            }
            Err(unproven) => return Err(refusal(unproven)),
        }
    }
}

fn refusal(unproven: Unproven) -> Refusal {
    match unproven {
        Unproven::Gone => Refusal::new("DeviceGone", "the NIC was unplugged meanwhile"),
        Unproven::Tentative => Refusal::new(
            "AddressTentative",
            "duplicate address detection does not finish; look at the NIC's carrier",
        ),
        Unproven::Duplicate(net) => Refusal::new(
            "AddressConflict",
            format!("another host already answers for {net}; change one of the two"),
        ),
        Unproven::Differs(steps) => {
            let left: Vec<_> = steps.iter().map(ToString::to_string).collect();
            Refusal::new(
                "VerifyFailed",
                format!("the kernel does not show the result; still to do: {}", left.join(", ")),
            )
        }
    }
}

/// Takes back what was `written` and whatever happened in the kernel, and looks.
async fn take_back(
    node: &mut impl Node,
    transaction: &Transaction,
    written: &[FileChange],
    cause: Refusal,
) -> Failure {
    let mut errors = Vec::new();
    for change in written.iter().rev() {
        errors.extend(node.write(&change.inverse()).err().map(|error| format!("{}: {error}", change.path)));
    }
    errors.extend(restore_kernel(node, &transaction.before).await.err());
    if errors.is_empty() {
        Failure::RolledBack(cause)
    } else {
        Failure::RollbackFailed { cause, rollback: errors.join(", ") }
    }
}

async fn restore_kernel(node: &mut impl Node, before: &[Target]) -> Result<(), String> {
    let mut errors = Vec::new();
    for _ in 0..=ROUNDS {
        let view = node.view().await.map_err(|error| error.to_string())?;
        // A NIC that was unplugged has nothing to come back to, and yields no step.
        let steps = converge(before, &view);
        if steps.is_empty() {
            return Ok(());
        }
        for step in steps {
            errors.extend(node.apply(&step).await.err().map(|error| format!("failed to {step}: {error}")));
        }
    }
    errors.push("the NIC is not as it was before".to_owned());
    Err(errors.join(", "))
}
