//! Doing: what a plan asks for, recorded before it is begun and again when it has ended.
//!
//! ```text
//!  ledger: what is about to be done ──▶ transactions ──▶ ledger: what was done
//!
//!  a transaction: [forget] ──▶ steps ──▶ read back until proven ──▶ files ──▶ [adopt] ──▶ done
//!                      └──────────┴── anything wrong ───────────────┴─────────┴──▶ files back ──▶ kernel back
//! ```
//!
//! Where what configures the host remembers names, it is told: see [`crate::plan::Notice`].
//!
//! Nothing in here decides what is right: [`crate::attribute`] does. The node is whatever implements [`Machine`], so
//! that the tests run the same protocol as production.

mod course;
mod lifeline;
mod machine;
mod record;
mod tell;
pub mod undo;

use std::{collections::BTreeMap, time::Duration};

use multinic_crds::{Explanation, MacAddress, Reason};

pub use machine::{Failure, Machine, NodeError};

use self::{
    course::{Course, Pending},
    lifeline::Lifeline,
    undo::Undo,
};
use crate::{
    attribute::{Step, Target, Unproven, attempt, converge, prove},
    observed::{files::FileChange, ledger::Ledger, link::KernelView},
    plan::Transaction,
    protected::Fence,
};

/// How often steps that the first ones made necessary are taken: the kernel drops
/// secondary addresses with their primary one.
const ROUNDS: u32 = 2;
const READ_BACK_INTERVAL: Duration = Duration::from_millis(50);
/// How much longer than the kernel says that it probes an address at most it is waited for.
const PROBING_MARGIN: Duration = Duration::from_secs(2);
/// The longest that is waited for it, whatever the kernel is set to.
const LONGEST_PROBING: Duration = Duration::from_secs(30);

/// What went wrong, by NIC.
pub type Failures = BTreeMap<MacAddress, Failure>;

/// In which order transactions are carried out.
#[derive(Clone, Copy)]
pub enum Order<'a> {
    /// As one: waiting for the kernel is done once, for all of them.
    Together,
    /// Each after the one before, until this says to stop: what goes wrong is known to be of one of them.
    OneByOne(&'a dyn Fn() -> bool),
}

/// What became of the transactions.
#[derive(Debug)]
pub struct Outcome {
    /// What went wrong.
    pub failures: Failures,
    /// Why what was done could not be recorded. What is on record is the intention, which covers it.
    pub unrecorded: Option<NodeError>,
    /// The kernel afterwards.
    pub view: Result<KernelView, NodeError>,
}

/// Carries `transactions` out. `before` is what was ours, and `fence` is around what the node lives by.
///
/// What has begun comes to its end: nothing may drop this while it waits. An error where nothing was begun, since what
/// is about to be done could not be recorded.
pub async fn execute(
    machine: &mut impl Machine,
    transactions: &[Transaction],
    fence: &Fence,
    before: &Ledger,
    order: Order<'_>,
) -> Result<Outcome, NodeError> {
    let mut ledger = before.clone();
    for transaction in transactions {
        ledger.intend(transaction);
    }
    machine.record(&ledger)?;
    let results = match order {
        Order::Together => transact(machine, transactions, fence).await,
        Order::OneByOne(stops) => one_by_one(machine, transactions, fence, stops).await,
    };
    let view = machine.view().await;
    let mut failures = Failures::new();
    for (transaction, result) in transactions.iter().zip(results) {
        let Err(failure) = result else {
            ledger.settle(transaction);
            continue;
        };
        if failure.is_as_before() || view.as_ref().is_ok_and(|view| !ledger.marks(transaction, view)) {
            ledger.withdraw(transaction, before);
        }
        failures.extend(transaction.members.iter().map(|member| (member.mac, failure.clone())));
    }
    let unrecorded = machine.record(&ledger).err();
    Ok(Outcome { failures, unrecorded, view })
}

async fn one_by_one(
    machine: &mut impl Machine,
    transactions: &[Transaction],
    fence: &Fence,
    stops: &dyn Fn() -> bool,
) -> Vec<Result<(), Failure>> {
    let mut results = Vec::new();
    for transaction in transactions {
        if stops() {
            let message = "the agent was asked to stop before it began with this NIC; the next one goes on";
            results.push(Err(Failure::NotBegun(Explanation::new(Reason::Applying, message))));
        } else {
            results.extend(transact(machine, std::slice::from_ref(transaction), fence).await);
        }
    }
    results
}

/// Brings `node` to the targets of every transaction, or back to where each was.
///
/// `fence` is around what the node lives by. All of the kernel comes before all of the files:
/// traffic need not wait for disks.
async fn transact(
    node: &mut impl Machine,
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
        results[number] = Err(Failure::NotBegun(Explanation::new(Reason::ChangedMeanwhile, message)));
    }
    let mut undos = vec![Undo::default(); transactions.len()];
    let lifeline = Lifeline::of(&start, fence.vital());
    let mut ready = Vec::new();
    let deaf = tell::listens(node, transactions).await.err();
    for number in current {
        match &deaf {
            Some(cause) if !transactions[number].notices.is_empty() => {
                results[number] = Err(Failure::NotBegun(cause.clone()));
            }
            _ => ready.push(number),
        }
    }
    let causes = change_kernel(node, transactions, ready, start, &lifeline, &mut undos).await;
    for (number, cause) in causes {
        results[number] = Err(take_back(node, &transactions[number], &undos[number], &[], cause).await);
    }
    for (number, result) in results.iter_mut().enumerate().filter(|(_, result)| result.is_ok()) {
        *result = write_files(node, &transactions[number], &undos[number]).await;
    }
    results
}

/// Takes every transaction's steps and looks, until the kernel shows all targets or will not.
/// Returns which transactions failed, and why.
async fn change_kernel(
    node: &mut impl Machine,
    transactions: &[Transaction],
    numbers: Vec<usize>,
    mut view: KernelView,
    lifeline: &Lifeline,
    undos: &mut [Undo],
) -> Vec<(usize, Explanation)> {
    let new = |number| Pending { number, is_new: true, steps: Vec::new(), rounds: 0, waited: Duration::ZERO };
    let mut pending: Vec<Pending> = numbers.into_iter().map(new).collect();
    let mut failed = Vec::new();
    while !pending.is_empty() {
        let mut courses = Vec::new();
        for one in pending {
            let (number, transaction, undo) = (one.number, &transactions[one.number], &mut undos[one.number]);
            match set_out(node, one, transaction, &view, undo).await {
                Ok(course) => courses.push(course),
                Err(cause) => failed.push((number, cause)),
            }
        }
        let (applied, refused) = course::finish(node, transactions, courses, &view, undos).await;
        failed.extend(refused);
        view = match node.view().await {
            Ok(view) => view,
            Err(error) => {
                failed.extend(applied.into_iter().map(|one| (one.number, unreadable(&error))));
                break;
            }
        };
        pending = Vec::new();
        let mut waiting = false;
        for one in applied {
            let targets = &transactions[one.number].targets;
            match prove(targets, &view) {
                Ok(()) => failed.extend(lifeline.hold(&view).err().map(|cause| (one.number, cause))),
                Err(Unproven::Differs(steps)) if one.rounds < ROUNDS => {
                    pending.push(Pending { steps, rounds: one.rounds + 1, ..one });
                }
                Err(Unproven::Tentative) if one.waited < patience(targets, &view) => {
                    waiting = true;
                    let waited = one.waited + READ_BACK_INTERVAL;
                    pending.push(Pending { steps: Vec::new(), waited, ..one });
                }
                Err(unproven) => failed.push((one.number, refusal(unproven))),
            }
        }
        if waiting {
            node.pause(READ_BACK_INTERVAL).await;
        }
    }
    failed
}

/// Takes the steps of `one` that nobody has to be asked about.
async fn set_out(
    node: &mut impl Machine,
    one: Pending,
    transaction: &Transaction,
    view: &KernelView,
    undo: &mut Undo,
) -> Result<Course, Explanation> {
    let steps = if one.is_new { begin(node, transaction, view, undo).await? } else { one.steps.clone() };
    let mut course = Course::new(Pending { is_new: false, ..one }, steps);
    course.proceed(node, transaction, view, undo).await?;
    Ok(course)
}

/// The first steps of `transaction`. Whoever is told of it may set links down first, so that more is to be done than was
/// planned.
async fn begin(
    node: &mut impl Machine,
    transaction: &Transaction,
    view: &KernelView,
    undo: &mut Undo,
) -> Result<Vec<Step>, Explanation> {
    if !tell::forget(node, transaction, view, undo).await? {
        return Ok(transaction.steps.clone());
    }
    let view = node.view().await.map_err(|error| unreadable(&error))?;
    Ok(attempt(&transaction.targets, &view))
}

/// How long the kernel may take to probe the addresses of `targets`.
fn patience(targets: &[Target], view: &KernelView) -> Duration {
    let links = targets.iter().filter_map(|target| view.link(target.index));
    let longest = links.map(|link| link.probing).max().unwrap_or_default();
    (longest + PROBING_MARGIN).min(LONGEST_PROBING)
}

async fn write_files(node: &mut impl Machine, transaction: &Transaction, undo: &Undo) -> Result<(), Failure> {
    let files = transaction.files.as_slice();
    for (position, change) in files.iter().enumerate() {
        if let Err(error) = node.write(change) {
            let message = format!("failed to write {} for the next boot: {error}", change.path);
            // It may be in place, and only its directory not flushed. Where it is not, undoing
            // it changes nothing, and may well fail as it did.
            let _ = node.write(&change.inverse());
            let cause = Explanation::new(Reason::NotPersisted, message);
            return Err(take_back(node, transaction, undo, &files[..position], cause).await);
        }
    }
    match tell::adopt(node, transaction).await {
        Ok(()) => Ok(()),
        Err(cause) => Err(take_back(node, transaction, undo, files, cause).await),
    }
}

fn unreadable(error: &NodeError) -> Explanation {
    Explanation::new(Reason::KernelUnreadable, format!("the kernel cannot be read: {error}"))
}

fn refusal(unproven: Unproven) -> Explanation {
    match unproven {
        Unproven::Gone => Explanation::new(Reason::DeviceGone, "the NIC was unplugged meanwhile"),
        Unproven::Tentative => Explanation::new(
            Reason::AddressTentative,
            format!(
                "the kernel still probes an IPv6 address after the time that dad_transmits and retrans_time of the NIC allow, or after {} s; look at these sysctls and at the NIC's carrier",
                LONGEST_PROBING.as_secs()
            ),
        ),
        Unproven::Duplicate(net) => Explanation::new(
            Reason::AddressConflict,
            format!(
                "another host answers for {net}, as the kernel found when it probed; give one of the two another address, and it is probed again"
            ),
        ),
        Unproven::Differs(steps) => {
            let left: Vec<_> = steps.iter().map(ToString::to_string).collect();
            Explanation::new(
                Reason::VerifyFailed,
                format!("the kernel does not show the result; still to do: {}", left.join(", ")),
            )
        }
    }
}

/// Takes back what was `written` and whatever happened in the kernel, and looks.
async fn take_back(
    node: &mut impl Machine,
    transaction: &Transaction,
    undo: &Undo,
    written: &[FileChange],
    cause: Explanation,
) -> Failure {
    let mut errors = Vec::new();
    for change in written.iter().rev() {
        errors.extend(node.write(&change.inverse()).err().map(|error| format!("{}: {error}", change.path)));
    }
    errors.extend(restore_kernel(node, undo).await.err());
    tell::back(node, transaction).await;
    if errors.is_empty() {
        Failure::RolledBack(cause)
    } else {
        Failure::RollbackFailed { cause, rollback: errors.join(", ") }
    }
}

async fn restore_kernel(node: &mut impl Machine, undo: &Undo) -> Result<(), String> {
    let mut errors = Vec::new();
    for _ in 0..=ROUNDS {
        let view = node.view().await.map_err(|error| error.to_string())?;
        let steps = converge(&undo.targets(&view), &view);
        if steps.is_empty() {
            return Ok(());
        }
        // What an earlier round could not do, this one says again if it still matters.
        errors.clear();
        for step in steps {
            errors.extend(node.apply(&step).await.err().map(|error| format!("failed to {step}: {error}")));
        }
    }
    errors.push("the NIC is not as it was before".to_owned());
    Err(errors.join(", "))
}
