//! Which changes of a plan may be made together, where the host says of each set of them whether it takes that.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, MacAddress};

use crate::plan::Transaction;

/// A host whose files are tried.
pub(super) trait Trial {
    /// The host could not be asked.
    type Error;

    /// Whether the host takes these changes `together`, and nothing else; or why not.
    fn judge(
        &mut self,
        together: &[&Transaction],
    ) -> impl Future<Output = Result<Result<(), Explanation>, Self::Error>>;
}

/// The NICs whose changes the host would not take, and why. All others' changes, made together, have been tried.
pub(super) async fn refused<T: Trial>(
    trial: &mut T,
    changing: Vec<&Transaction>,
) -> Result<BTreeMap<MacAddress, Explanation>, T::Error> {
    if trial.judge(&changing).await?.is_ok() {
        return Ok(BTreeMap::new());
    }
    search(trial, changing).await.map(by_member)
}

/// Adds one after the other to those that may be made; the ones that never could be.
async fn search<'t, T: Trial>(
    trial: &mut T,
    changing: Vec<&'t Transaction>,
) -> Result<Vec<(&'t Transaction, Explanation)>, T::Error> {
    let (mut accepted, mut left) = (Vec::new(), changing);
    loop {
        let mut refused = Vec::new();
        let count = accepted.len();
        for transaction in left {
            accepted.push(transaction);
            if let Err(refusal) = trial.judge(&accepted).await? {
                accepted.pop();
                refused.push((transaction, refusal));
            }
        }
        // Another one that was accepted later may be what it needs.
        if refused.is_empty() || accepted.len() == count {
            return Ok(refused);
        }
        left = refused.into_iter().map(|(transaction, _)| transaction).collect();
    }
}

/// One refusal for each NIC of the transactions.
pub(super) fn by_member<'a>(
    refused: impl IntoIterator<Item = (&'a Transaction, Explanation)>,
) -> BTreeMap<MacAddress, Explanation> {
    let each = |(transaction, refusal): (&'a Transaction, Explanation)| {
        transaction.members.iter().map(move |member| (member.mac, refusal.clone()))
    };
    refused.into_iter().flat_map(each).collect()
}
