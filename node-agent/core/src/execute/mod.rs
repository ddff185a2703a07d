//! Doing: what a plan asks for, recorded before it is begun and again when it has ended.
//!
//! ```text
//!  ledger: what is about to be done ──▶ transactions ──▶ ledger: what was done
//! ```
//!
//! Nothing in here decides what is right: [`crate::attribute`] does. The node is whatever implements [`Machine`], so
//! that the tests run the same protocol as production.

mod lifeline;
mod machine;
mod record;
mod transact;
pub mod undo;

use std::collections::BTreeMap;

use multinic_crds::{Explanation, MacAddress, Reason};

pub use machine::{Failure, Machine, NodeError};

use crate::{
    observed::{ledger::Ledger, link::KernelView},
    plan::Transaction,
    protected::Fence,
};
use transact::transact;

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
