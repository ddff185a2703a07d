//! Where a pass is, for whoever waits for it.

use super::machine::Machine;
use crate::{
    plan::Transaction,
    progress::{Progress, What},
};

/// Shows what is done with the transaction of this `number`.
pub(super) fn show(node: &mut impl Machine, transactions: &[Transaction], number: usize, what: What) {
    if let Some(member) = transactions[number].members.first() {
        node.show(Progress::of(member, what, number + 1, transactions.len()));
    }
}
