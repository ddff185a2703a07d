//! What is under way, kept beside the ledger while it is, so that whoever comes after a crash can end it.
//!
//! Every transaction of a pass is in it before the first of them begins: its files with their old text, what was known
//! of its NICs, and, before each step is taken, what that step will change. Of the kernel these are our own differences,
//! which only the boot knows in which they were made; files outlive it.

use std::collections::BTreeMap;

use multinic_crds::MacAddress;
use serde::{Deserialize, Serialize};

use super::undo::Undo;
use crate::{
    attribute::Step,
    observed::{
        files::FileChange,
        ledger::{Entry, Ledger},
        link::KernelView,
    },
    parse::desired::Request,
    plan::{Notices, Transaction},
};

/// Raised when an agent that knows only an older one must not act on what is written.
pub const VERSION: u64 = 1;

/// Everything that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// Which form it has.
    pub version: u64,
    /// The boot in which it was opened; empty where that is not known.
    pub boot_id: String,
    /// What asked for it.
    pub request: Request,
    /// The transactions, in the order of the plan.
    pub transactions: Vec<Open>,
}

/// A transaction that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    /// What was known of its NICs.
    before: BTreeMap<MacAddress, Option<Entry>>,
    /// What is known of them once it is done.
    after: BTreeMap<MacAddress, Option<Entry>>,
    /// What its steps change in the kernel, those that are still to come among them.
    pub(super) undo: Undo,
    /// The kernel was proven right, and the files are next.
    pub(super) proven: bool,
    /// Its files.
    pub(super) files: Vec<FileChange>,
    /// What the host is told.
    pub(super) notices: Notices,
}

impl Journal {
    /// Of `transactions` that are about to begin for `request`, where `ledger` is what was known before.
    pub(super) fn of(transactions: &[Transaction], ledger: &Ledger, request: Request) -> Self {
        let transactions = transactions.iter().map(|transaction| Open::of(transaction, ledger)).collect();
        Self { version: VERSION, boot_id: ledger.boot_id().to_owned(), request, transactions }
    }
}

impl Open {
    fn of(transaction: &Transaction, ledger: &Ledger) -> Self {
        let mut then = ledger.clone();
        then.intend(transaction);
        then.settle(transaction);
        let macs = || transaction.members.iter().map(|member| member.mac);
        let known = |ledger: &Ledger| macs().map(|mac| (mac, ledger.get(mac).cloned())).collect();
        Self {
            before: known(ledger),
            after: known(&then),
            undo: Undo::default(),
            proven: false,
            files: transaction.files.clone(),
            notices: transaction.notices.clone(),
        }
    }

    /// Its NICs.
    pub(super) fn nics(&self) -> impl Iterator<Item = MacAddress> {
        self.before.keys().copied()
    }

    /// What of it outlives a boot.
    pub(super) fn of_files(&self) -> Self {
        Self { undo: Undo::default(), ..self.clone() }
    }

    /// Takes down what `steps` are about to change in the kernel that `view` shows; whether that is news.
    pub(super) fn foresee(&mut self, steps: &[Step], view: &KernelView) -> bool {
        let known = self.undo.clone();
        for step in steps {
            self.undo.record(step, view);
        }
        self.undo != known
    }

    /// The ledger after it came to nothing: a NIC that we never configured must not be taken for ours.
    pub(super) fn withdraw(&self, ledger: &mut Ledger) {
        know(ledger, &self.before);
    }

    /// The ledger after it was done.
    pub(super) fn settle(&self, ledger: &mut Ledger) {
        know(ledger, &self.after);
    }
}

fn know(ledger: &mut Ledger, nics: &BTreeMap<MacAddress, Option<Entry>>) {
    for (mac, entry) in nics {
        match entry {
            Some(entry) => ledger.nics.insert(*mac, entry.clone()),
            None => ledger.nics.remove(mac),
        };
    }
}
