//! Doing: one transaction at a time, proven from the kernel, or taken back.
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

/// Brings `node` to the targets of `transaction`, or back to where it was.
pub async fn execute(
    node: &mut impl Node,
    transaction: &Transaction,
    lifeline: &Lifeline,
) -> Result<(), Failure> {
    let Err(cause) = attempt(node, transaction, lifeline).await else { return Ok(()) };
    match restore(node, transaction).await {
        Ok(()) => Err(Failure::RolledBack(cause)),
        Err(rollback) => Err(Failure::RollbackFailed { cause, rollback }),
    }
}

async fn attempt(
    node: &mut impl Node,
    transaction: &Transaction,
    lifeline: &Lifeline,
) -> Result<(), Refusal> {
    let view = change_kernel(node, transaction).await?;
    if !lifeline.holds(&view) {
        return Err(Refusal::new(
            "FenceChanged",
            "a link that the node lives by changed at the same time; nothing was kept, and it is tried again",
        ));
    }
    for change in &transaction.files {
        let failed = |error: NodeError| {
            Refusal::new(
                "NotPersisted",
                format!("failed to write {} for the next boot: {error}", change.path),
            )
        };
        node.write(change).map_err(failed)?;
    }
    Ok(())
}

/// Changes the kernel and looks, until it shows the targets or will not.
async fn change_kernel(node: &mut impl Node, transaction: &Transaction) -> Result<KernelView, Refusal> {
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

/// Takes everything back that may have happened, as far as it goes, and looks.
async fn restore(node: &mut impl Node, transaction: &Transaction) -> Result<(), String> {
    let mut errors = Vec::new();
    for change in transaction.files.iter().rev() {
        let back = change.inverse();
        errors.extend(node.write(&back).err().map(|error| format!("{}: {error}", back.path)));
    }
    for _ in 0..=ROUNDS {
        let view = node.view().await.map_err(|error| error.to_string())?;
        // A NIC that was unplugged has nothing to come back to, and yields no step.
        let steps = converge(&transaction.before, &view);
        if steps.is_empty() {
            return if errors.is_empty() { Ok(()) } else { Err(errors.join(", ")) };
        }
        for step in steps {
            errors.extend(node.apply(&step).await.err().map(|error| format!("failed to {step}: {error}")));
        }
    }
    errors.push("the NIC is not as it was before".to_owned());
    Err(errors.join(", "))
}
