//! Which changes of a plan may be made, all those together.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, MacAddress, Reason};

use crate::{
    backend::netplan::next_boot::{
        Answer, Boot, Generator,
        judge::{Change, is_source, judge},
    },
    plan::Transaction,
};

/// The NICs of `transactions` whose files this host would not take, and why. All others' changes, made together,
/// have been put to the generator as they will lie on the disk.
pub async fn unfit<G: Generator>(
    generator: &mut G,
    boot: &Boot,
    transactions: &[Transaction],
) -> Result<BTreeMap<MacAddress, Explanation>, G::Error> {
    let changing: Vec<&Transaction> =
        transactions.iter().filter(|transaction| transaction.files.iter().any(is_source)).collect();
    if changing.is_empty() {
        return Ok(BTreeMap::new());
    }
    if let Some(refusal) = boot.obstacle() {
        return Ok(by_member(changing.into_iter().map(|transaction| (transaction, refusal.clone()))));
    }
    let before = generator.ask(&boot.files).await?;
    let mut trial = Trial { generator, boot, before };
    if trial.judge(&changing).await?.is_ok() {
        return Ok(BTreeMap::new());
    }
    trial.search(changing).await.map(by_member)
}

impl Boot {
    /// Why no file may change, whatever it is.
    fn obstacle(&self) -> Option<Explanation> {
        if self.trying {
            return Some(Explanation::new(
                Reason::NetplanTry,
                format!("`netplan try` runs on the node; {}", Reason::NetplanTry.remedy()),
            ));
        }
        let (path, why) = self.unread.first()?;
        Some(Explanation::new(
            Reason::ForeignConfiguration,
            format!(
                "netplan reads {path}, and the agent cannot ({why}); put a regular text file there, or remove it"
            ),
        ))
    }
}

fn by_member<'a>(
    refused: impl IntoIterator<Item = (&'a Transaction, Explanation)>,
) -> BTreeMap<MacAddress, Explanation> {
    let each = |(transaction, refusal): (&'a Transaction, Explanation)| {
        transaction.members.iter().map(move |member| (member.mac, refusal.clone()))
    };
    refused.into_iter().flat_map(each).collect()
}

/// A host whose files are tried.
struct Trial<'a, G> {
    generator: &'a mut G,
    boot: &'a Boot,
    before: Answer,
}

impl<G: Generator> Trial<'_, G> {
    async fn judge(&mut self, together: &[&Transaction]) -> Result<Result<(), Explanation>, G::Error> {
        let files = together.iter().flat_map(|transaction| &transaction.files);
        let change = Change::new(self.boot, files);
        let after = self.generator.ask(&change.files()).await?;
        let alone =
            if change.written.is_empty() { None } else { Some(self.generator.ask(&change.written).await?) };
        Ok(judge(&self.before, &after, alone.as_ref(), &change))
    }

    /// Adds one after the other to those that may be made; the ones that never could be.
    async fn search<'t>(
        &mut self,
        changing: Vec<&'t Transaction>,
    ) -> Result<Vec<(&'t Transaction, Explanation)>, G::Error> {
        let (mut accepted, mut left) = (Vec::new(), changing);
        loop {
            let mut refused = Vec::new();
            let count = accepted.len();
            for transaction in left {
                accepted.push(transaction);
                if let Err(refusal) = self.judge(&accepted).await? {
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
}
