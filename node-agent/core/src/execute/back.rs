//! The two ends of a transaction: its files, or everything back as it was.

use multinic_crds::{Explanation, Reason};

use super::{
    act::act,
    journal::Open,
    kernel::ROUNDS,
    machine::{Failure, Failures, Machine, NodeError},
    tell,
    undo::Undo,
};
use crate::{
    attribute::converge,
    observed::{ledger::Ledger, link::KernelView},
};

/// Writes the files of a transaction whose kernel is right. An error comes with how many are written.
pub(super) async fn finish(node: &mut impl Machine, open: &Open) -> Result<(), (usize, Explanation)> {
    for (position, change) in open.files.iter().enumerate() {
        if let Err(error) = node.write(change) {
            let message = format!("failed to write {} for the next boot: {error}", change.path);
            // It may be in place, and only its directory not flushed. Where it is not, undoing
            // it changes nothing, and may well fail as it did.
            let _ = node.write(&change.inverse());
            return Err((position, Explanation::new(Reason::NotPersisted, message)));
        }
    }
    tell::adopt(node, open).await.map_err(|cause| (open.files.len(), cause))
}

/// Takes back the first `written` files and whatever happened in the kernel, and looks.
pub(super) async fn take_back(
    node: &mut impl Machine,
    open: &Open,
    written: usize,
    cause: Explanation,
) -> Failure {
    let mut errors = Vec::new();
    for change in open.files[..written].iter().rev() {
        errors.extend(node.write(&change.inverse()).err().map(|error| format!("{}: {error}", change.path)));
    }
    errors.extend(restore_kernel(node, &open.undo).await.err());
    tell::back(node, open).await;
    if errors.is_empty() {
        Failure::RolledBack(cause)
    } else {
        Failure::RollbackFailed { cause, rollback: errors.join(", ") }
    }
}

/// What is known once a transaction ended as `failure` says, where `view` is the kernel after it: what is in the kernel
/// and marked as ours stays ours.
pub(super) fn record_failure(
    open: &Open,
    failure: &Failure,
    view: Result<&KernelView, &NodeError>,
    ledger: &mut Ledger,
    failures: &mut Failures,
) {
    if failure.is_as_before() || view.is_ok_and(|view| !ledger.marks(open.nics(), view)) {
        open.withdraw(ledger);
    }
    failures.extend(open.nics().map(|mac| (mac, failure.clone())));
}

async fn restore_kernel(node: &mut impl Machine, undo: &Undo) -> Result<(), String> {
    let mut errors = Vec::new();
    for _ in 0..=ROUNDS {
        let view = node.view().await.map_err(|error| error.to_string())?;
        let targets = undo.targets(&view);
        let steps = converge(&targets, &view);
        if steps.is_empty() {
            return Ok(());
        }
        // What an earlier round could not do, this one says again if it still matters.
        errors.clear();
        for step in steps {
            errors.extend(
                act(node, &step, &targets).await.err().map(|error| format!("failed to {step}: {error}")),
            );
        }
    }
    errors.push("the NIC is not as it was before".to_owned());
    Err(errors.join(", "))
}
