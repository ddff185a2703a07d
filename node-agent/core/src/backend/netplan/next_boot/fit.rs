//! Which changes of a plan may be made, all those together.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, MacAddress, Reason};

use crate::{
    backend::{
        netplan::next_boot::{
            Answer, Boot, Generator,
            judge::{Change, is_source, judge},
        },
        trial::{Trial, by_member, refused},
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
    refused(&mut Attempt { generator, boot, before }, changing).await
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

/// A host whose files are put to its generator.
struct Attempt<'a, G> {
    generator: &'a mut G,
    boot: &'a Boot,
    before: Answer,
}

impl<G: Generator> Trial for Attempt<'_, G> {
    type Error = G::Error;

    async fn judge(&mut self, together: &[&Transaction]) -> Result<Result<(), Explanation>, G::Error> {
        let files = together.iter().flat_map(|transaction| &transaction.files);
        let change = Change::new(self.boot, files);
        let after = self.generator.ask(&change.files()).await?;
        let alone =
            if change.written.is_empty() { None } else { Some(self.generator.ask(&change.written).await?) };
        Ok(judge(&self.before, &after, alone.as_ref(), &change))
    }
}
