//! Ending what an agent left open that was killed, that hung, or whose node lost its power.
//!
//! Needs no object and no API server: what is to be done is in the journal, and the rest in the kernel and the files.

use multinic_crds::{Explanation, MacAddress, Reason};

use super::{
    back::{finish, record_failure, take_back},
    journal::{Journal, Open},
    machine::{Failures, Machine, NodeError},
};
use crate::observed::{boot, files::FileChange, ledger::Ledger};

/// What became of what was left open.
#[derive(Debug)]
pub struct Recovered {
    /// The NICs whose change was brought to its end.
    pub finished: Vec<MacAddress>,
    /// The NICs that are as they were before, or should be.
    pub failures: Failures,
    /// What is known of every NIC now.
    pub ledger: Ledger,
}

/// Ends what `journal` says is under way: forwards where the kernel was proven right, and back where not. `ledger` is
/// what is on disk, and `boot_id` the boot of the node.
///
/// To do it again changes nothing. An error where the node cannot be looked at, so that nothing was done.
pub async fn recover(
    machine: &mut impl Machine,
    journal: &Journal,
    mut ledger: Ledger,
    boot_id: &str,
) -> Result<Recovered, NodeError> {
    machine.view().await?;
    let rebooted = boot::is_another(&journal.boot_id, boot_id);
    let (mut finished, mut failures) = (Vec::new(), Failures::new());
    for open in &journal.transactions {
        let ended = if goes_on(machine, open) {
            finish(machine, open).await.map_err(|(_, cause)| cause)
        } else {
            let message = "the agent or its node ended in the middle of a change of this NIC";
            Err(Explanation::new(Reason::Interrupted, message))
        };
        let failure = match ended {
            Ok(()) => {
                open.settle(&mut ledger);
                finished.extend(open.nics());
                continue;
            }
            // What the kernel was is gone with its boot.
            Err(cause) if rebooted => take_back(machine, &open.of_files(), open.files.len(), cause).await,
            Err(cause) => take_back(machine, open, open.files.len(), cause).await,
        };
        let view = machine.view().await;
        record_failure(open, &failure, view.as_ref(), &mut ledger, &mut failures);
    }
    Ok(Recovered { finished, failures, ledger })
}

/// Whether a transaction had come to its files: these are written once the kernel was proven right, and a power cut may
/// leave only them to tell so.
fn goes_on(machine: &mut impl Machine, open: &Open) -> bool {
    let is_written = |change: &FileChange| machine.text(&change.path).is_ok_and(|text| text == change.to);
    open.proven || open.files.iter().any(is_written)
}
