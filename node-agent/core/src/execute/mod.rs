//! Doing: what a plan asks for, journalled before it is begun and recorded when it has ended.
//!
//! ```text
//!  journal ─▶ ledger: what is about to be done ─▶ transactions ─▶ ledger: what was done ─▶ journal closed
//!
//!  a transaction: [forget] ──▶ steps ──▶ read back until proven ──▶ files ──▶ [adopt] ──▶ done
//!                      └──────────┴── anything wrong ───────────────┴─────────┴──▶ files back ──▶ kernel back
//!
//!  a crash anywhere:   journal ──▶ proven? ──▶ files, done
//!                                     └─ no ─▶ files back ──▶ kernel back
//! ```
//!
//! Where what configures the host remembers names, it is told: see [`crate::plan::Notice`].
//!
//! Nothing in here decides what is right: [`crate::attribute`] does. The node is whatever implements [`Machine`], so
//! that the tests run the same protocol as production.

mod act;
mod back;
mod course;
mod journal;
mod kernel;
mod lifeline;
mod machine;
mod record;
mod recovery;
mod show;
mod tell;
pub mod undo;

use std::collections::BTreeSet;

use multinic_crds::{Explanation, Reason};

pub use machine::{Failure, Failures, Machine, NodeError};

use self::{
    back::{finish, record_failure, take_back},
    kernel::{change_kernel, unreadable},
    lifeline::Lifeline,
    show::show,
};
pub use self::{
    journal::{Journal, VERSION},
    recovery::{Recovered, recover},
};
use crate::{
    observed::{ledger::Ledger, link::KernelView},
    parse::desired::Request,
    plan::Transaction,
    progress::What,
    protected::Fence,
};

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

/// Carries `transactions` out, for which `request` asks. `before` is what was ours, and `fence` is around what the node
/// lives by.
///
/// What has begun comes to its end: nothing may drop this while it waits. An error where nothing was begun, since what
/// is about to be done could not be recorded.
pub async fn execute(
    machine: &mut impl Machine,
    request: Request,
    transactions: &[Transaction],
    fence: &Fence,
    before: &Ledger,
    order: Order<'_>,
) -> Result<Outcome, NodeError> {
    let mut ledger = before.clone();
    for transaction in transactions {
        ledger.intend(transaction);
    }
    let mut pass = Pass { transactions, fence, journal: Journal::of(transactions, before, request) };
    if !transactions.is_empty() {
        machine.open(&pass.journal)?;
    }
    let results = match machine.record(&ledger) {
        Ok(()) => pass.run(machine, order).await,
        Err(error) => {
            machine.close().await?;
            return Err(error);
        }
    };
    let view = machine.view().await;
    let mut failures = Failures::new();
    for ((transaction, open), result) in transactions.iter().zip(&pass.journal.transactions).zip(results) {
        let Err(failure) = result else {
            ledger.settle(transaction);
            continue;
        };
        record_failure(open, &failure, view.as_ref(), &mut ledger, &mut failures);
    }
    let recorded = machine.record(&ledger);
    let closed = machine.close().await;
    Ok(Outcome { failures, unrecorded: recorded.and(closed).err(), view })
}

/// What became of one transaction.
type Ended = Result<(), Failure>;

/// The transactions of one plan, and the journal of them, with the same numbers.
struct Pass<'a> {
    transactions: &'a [Transaction],
    fence: &'a Fence,
    journal: Journal,
}

impl Pass<'_> {
    async fn run(&mut self, machine: &mut impl Machine, order: Order<'_>) -> Vec<Ended> {
        let all = 0..self.transactions.len();
        let mut results = vec![Ok(()); all.len()];
        match order {
            Order::Together => self.transact(machine, all.collect(), &mut results).await,
            Order::OneByOne(stops) => {
                for number in all {
                    if stops() {
                        let message =
                            "the agent was asked to stop before it began with this NIC; the next one goes on";
                        results[number] = Err(Failure::NotBegun(Explanation::new(Reason::Applying, message)));
                    } else {
                        self.transact(machine, vec![number], &mut results).await;
                    }
                }
            }
        }
        results
    }

    /// Brings `node` to the targets of these transactions, or back to where each was.
    ///
    /// All of the kernel comes before all of the files: traffic need not wait for disks.
    async fn transact(&mut self, node: &mut impl Machine, numbers: Vec<usize>, results: &mut [Ended]) {
        let start = match node.view().await {
            Ok(start) => start,
            Err(error) => {
                for number in numbers {
                    results[number] = Err(Failure::NotBegun(unreadable(&error)));
                }
                return;
            }
        };
        let deaf = tell::listens(node, self.transactions).await.err();
        let mut ready = Vec::new();
        for number in numbers {
            match self.obstacle(number, &start, deaf.as_ref()) {
                Some(cause) => results[number] = Err(Failure::NotBegun(cause)),
                None => ready.push(number),
            }
        }
        let reached = if ready.is_empty() { BTreeSet::new() } else { node.probe().await };
        let lifeline = Lifeline::of(&start, self.fence.vital(), reached);
        let mut causes =
            change_kernel(node, self.transactions, &mut self.journal, &ready, start, &lifeline).await;
        ready.retain(|number| !causes.iter().any(|(failed, _)| failed == number));
        if let Some(first) = ready.first() {
            show(node, self.transactions, *first, What::Proving);
        }
        if let Err(cause) = lifeline.reaches(node).await {
            // Which of them it was is found out by trying one after the other.
            causes.extend(ready.drain(..).map(|number| (number, cause.clone())));
        }
        for (number, cause) in causes {
            results[number] = Err(self.take_back(node, number, 0, cause).await);
        }
        self.note_proven(node, &ready, true);
        for number in ready {
            show(node, self.transactions, number, What::Writing);
            if let Err((written, cause)) = finish(node, &self.journal.transactions[number]).await {
                results[number] = Err(self.take_back(node, number, written, cause).await);
            }
        }
    }

    /// Why a transaction is not begun. Validating took its time, and others act on the node as well.
    fn obstacle(&self, number: usize, start: &KernelView, deaf: Option<&Explanation>) -> Option<Explanation> {
        let transaction = &self.transactions[number];
        if !transaction.still_applies(start, self.fence) {
            let message = "the NIC changed while its change was prepared; it is planned anew";
            return Some(Explanation::new(Reason::ChangedMeanwhile, message));
        }
        deaf.filter(|_| !transaction.notices.is_empty()).cloned()
    }

    async fn take_back(
        &mut self,
        node: &mut impl Machine,
        number: usize,
        written: usize,
        cause: Explanation,
    ) -> Failure {
        show(node, self.transactions, number, What::TakingBack);
        self.note_proven(node, &[number], false);
        take_back(node, &self.journal.transactions[number], written, cause).await
    }

    /// Takes down which way a crash is to be answered. Where that cannot be written, the files tell as much.
    fn note_proven(&mut self, node: &mut impl Machine, numbers: &[usize], proven: bool) {
        let mut changed = false;
        for number in numbers {
            let open = &mut self.journal.transactions[*number];
            changed |= std::mem::replace(&mut open.proven, proven) != proven;
        }
        if changed {
            let _ = node.note(&self.journal);
        }
    }
}
