//! Doing: transactions, each proven from the kernel, or taken back.
//!
//! ```text
//!  steps ──▶ read back until proven ──▶ files ──▶ done
//!    └───────────┴── anything wrong ──────┴──▶ files back ──▶ kernel back ──▶ read back
//! ```
//!
//! Nothing in here decides what is right: [`converge`] and [`prove`] do.

use std::time::Duration;

use multinic_crds::Reason;

use crate::{
    converge::{Step, Target, Unproven, converge, prove},
    fence::Fence,
    lifeline::Lifeline,
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
    /// Nothing was touched.
    #[error("{}", .0.message)]
    NotBegun(Refusal),
    /// The link and its files are as they were before. Routes that others put over it are
    /// not restored where it had to go down.
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

/// Brings `node` to the targets of every transaction, or back to where each was.
///
/// `fence` is around what the node lives by. All of the kernel comes before all of the files:
/// traffic need not wait for disks.
pub async fn execute(
    node: &mut impl Node,
    transactions: &[Transaction],
    fence: &Fence,
) -> Vec<Result<(), Failure>> {
    let start = match node.view().await {
        Ok(start) => start,
        Err(error) => return vec![Err(Failure::NotBegun(unreadable(&error))); transactions.len()],
    };
    // Validating took its time, and others act on the node as well.
    let (current, outdated): (Vec<_>, Vec<_>) =
        (0..transactions.len()).partition(|number| transactions[*number].still_applies(&start, fence));
    let mut results = vec![Ok(()); transactions.len()];
    for number in outdated {
        let message = "the NIC changed while its change was prepared; it is planned anew";
        results[number] = Err(Failure::NotBegun(Refusal::new(Reason::ChangedMeanwhile, message)));
    }
    let causes = change_kernel(node, transactions, current, &Lifeline::of(&start, fence.vital())).await;
    for (number, cause) in causes {
        results[number] = Err(take_back(node, &transactions[number], &[], cause).await);
    }
    for (transaction, result) in transactions.iter().zip(&mut results).filter(|(_, result)| result.is_ok()) {
        *result = write_files(node, transaction).await;
    }
    results
}

/// A transaction whose kernel part is not proven yet.
struct Pending {
    number: usize,
    steps: Vec<Step>,
    rounds: u32,
}

/// Takes every transaction's steps and looks, until the kernel shows all targets or will not.
/// Returns which transactions failed, and why.
async fn change_kernel(
    node: &mut impl Node,
    transactions: &[Transaction],
    numbers: Vec<usize>,
    lifeline: &Lifeline,
) -> Vec<(usize, Refusal)> {
    let begin = |number: usize| Pending { number, steps: transactions[number].steps.clone(), rounds: 0 };
    let mut pending: Vec<Pending> = numbers.into_iter().map(begin).collect();
    let mut failed = Vec::new();
    let mut waits = 0;
    while !pending.is_empty() {
        let mut applied = Vec::new();
        for one in pending {
            match apply(node, &one.steps).await {
                Ok(()) => applied.push(one),
                Err(cause) => failed.push((one.number, cause)),
            }
        }
        let view = match node.view().await {
            Ok(view) => view,
            Err(error) => {
                failed.extend(applied.into_iter().map(|one| (one.number, unreadable(&error))));
                break;
            }
        };
        pending = Vec::new();
        let mut waiting = false;
        for one in applied {
            match prove(&transactions[one.number].targets, &view) {
                Ok(()) => failed.extend(lifeline.hold(&view).err().map(|cause| (one.number, cause))),
                Err(Unproven::Differs(steps)) if one.rounds < ROUNDS => {
                    pending.push(Pending { steps, rounds: one.rounds + 1, ..one });
                }
                Err(Unproven::Tentative) if waits < READ_BACKS => {
                    waiting = true;
                    pending.push(Pending { steps: Vec::new(), ..one });
                }
                Err(unproven) => failed.push((one.number, refusal(unproven))),
            }
        }
        if waiting {
            waits += 1;
            node.pause(READ_BACK_INTERVAL).await;
        }
    }
    failed
}

async fn apply(node: &mut impl Node, steps: &[Step]) -> Result<(), Refusal> {
    for step in steps {
        let failed =
            |error: NodeError| Refusal::new(Reason::ApplyFailed, format!("failed to {step}: {error}"));
        node.apply(step).await.map_err(failed)?;
    }
    Ok(())
}

async fn write_files(node: &mut impl Node, transaction: &Transaction) -> Result<(), Failure> {
    for (position, change) in transaction.files.iter().enumerate() {
        if let Err(error) = node.write(change) {
            let message = format!("failed to write {} for the next boot: {error}", change.path);
            // It may be in place, and only its directory not flushed. Where it is not, undoing
            // it changes nothing, and may well fail as it did.
            let _ = node.write(&change.inverse());
            let written = &transaction.files[..position];
            return Err(
                take_back(node, transaction, written, Refusal::new(Reason::NotPersisted, message)).await
            );
        }
    }
    Ok(())
}

fn unreadable(error: &NodeError) -> Refusal {
    Refusal::new(Reason::KernelUnreadable, format!("the kernel cannot be read: {error}"))
}

fn refusal(unproven: Unproven) -> Refusal {
    match unproven {
        Unproven::Gone => Refusal::new(Reason::DeviceGone, "the NIC was unplugged meanwhile"),
        Unproven::Tentative => Refusal::new(
            Reason::AddressTentative,
            "duplicate address detection does not finish; look at the NIC's carrier",
        ),
        Unproven::Duplicate(net) => Refusal::new(
            Reason::AddressConflict,
            format!("another host already answers for {net}; change one of the two"),
        ),
        Unproven::Differs(steps) => {
            let left: Vec<_> = steps.iter().map(ToString::to_string).collect();
            Refusal::new(
                Reason::VerifyFailed,
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
