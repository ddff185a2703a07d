//! The kernel's part of transactions: steps, and looks until the kernel shows what is wanted or will not.

use std::time::Duration;

use multinic_crds::{Explanation, Reason};

use super::{
    course::{self, Course, Pending},
    journal::Journal,
    lifeline::Lifeline,
    machine::{Machine, NodeError},
    show::show,
    tell,
};
use crate::{
    attribute::{Step, Target, Unproven, attempt, prove},
    observed::link::KernelView,
    plan::Transaction,
    progress::What,
};

/// How often steps that the first ones made necessary are taken: the kernel drops
/// secondary addresses with their primary one.
pub(super) const ROUNDS: u32 = 2;
const READ_BACK_INTERVAL: Duration = Duration::from_millis(50);
/// How much longer than the kernel says that it probes an address at most it is waited for.
const PROBING_MARGIN: Duration = Duration::from_secs(2);
/// The longest that is waited for it, whatever the kernel is set to.
const LONGEST_PROBING: Duration = Duration::from_secs(30);

/// Takes the steps of these transactions and looks, until the kernel shows all targets or will not.
/// Returns which transactions failed, and why.
pub(super) async fn change_kernel(
    node: &mut impl Machine,
    transactions: &[Transaction],
    journal: &mut Journal,
    numbers: &[usize],
    mut view: KernelView,
    lifeline: &Lifeline,
) -> Vec<(usize, Explanation)> {
    let new = |number| Pending { number, is_new: true, steps: Vec::new(), rounds: 0, waited: Duration::ZERO };
    let mut pending: Vec<Pending> = numbers.iter().copied().map(new).collect();
    let mut failed = Vec::new();
    while !pending.is_empty() {
        let mut courses = Vec::new();
        for one in pending {
            let number = one.number;
            show(
                node,
                transactions,
                number,
                if one.waited.is_zero() { What::Changing } else { What::Probing },
            );
            match set_out(node, one, &transactions[number], &view, journal).await {
                Ok(course) => courses.push(course),
                Err(cause) => failed.push((number, cause)),
            }
        }
        let (applied, refused) = course::finish(node, transactions, courses, &view).await;
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
    journal: &mut Journal,
) -> Result<Course, Explanation> {
    let number = one.number;
    let steps =
        if one.is_new { begin(node, transaction, view, journal, number).await? } else { one.steps.clone() };
    foresee(node, journal, number, &steps, view)?;
    let mut course = Course::new(Pending { is_new: false, ..one }, steps);
    course.proceed(node, transaction, view).await?;
    Ok(course)
}

/// Nothing is changed that the journal does not know of.
fn foresee(
    node: &mut impl Machine,
    journal: &mut Journal,
    number: usize,
    steps: &[Step],
    view: &KernelView,
) -> Result<(), Explanation> {
    if !journal.transactions[number].foresee(steps, view) {
        return Ok(());
    }
    node.note(journal).map_err(|error| {
        let message = format!("the journal cannot be written, so nothing was changed: {error}");
        Explanation::new(Reason::NotPersisted, message)
    })
}

/// The first steps of `transaction`. Whoever is told of it may set links down first, so that more is to be done than was
/// planned.
async fn begin(
    node: &mut impl Machine,
    transaction: &Transaction,
    view: &KernelView,
    journal: &mut Journal,
    number: usize,
) -> Result<Vec<Step>, Explanation> {
    foresee(node, journal, number, &tell::costs(transaction, view), view)?;
    if !tell::forget(node, transaction).await? {
        return Ok(transaction.steps.clone());
    }
    let now = node.view().await.map_err(|error| unreadable(&error))?;
    let keeping =
        |target: &Target| view.link(target.index).map_or_else(|| target.clone(), |link| target.keeping(link));
    let targets: Vec<_> = transaction.targets.iter().map(keeping).collect();
    Ok(attempt(&targets, &now))
}

/// How long the kernel may take to probe the addresses of `targets`.
fn patience(targets: &[Target], view: &KernelView) -> Duration {
    let links = targets.iter().filter_map(|target| view.link(target.index));
    let longest = links.map(|link| link.probing).max().unwrap_or_default();
    (longest + PROBING_MARGIN).min(LONGEST_PROBING)
}

pub(super) fn unreadable(error: &NodeError) -> Explanation {
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
