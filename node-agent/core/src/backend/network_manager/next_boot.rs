//! What `NetworkManager` reads in the connections that are written for NICs, and whether that is what is wanted. Pure.
//!
//! Its parser drops a value that it does not understand, and ends well all the same: so what it prints of a connection
//! must be what the NIC is wanted to have.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, Interface, MacAddress, Reason};

use super::{connection, read::Read};
use crate::{backend::trial::by_member, parse::desired::at_boot, plan::Transaction};

/// What `NetworkManager`'s parser makes of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This connection, with every value as it was understood.
    Takes(String),
    /// Nothing, and why.
    Refuses(String),
}

/// The host's own parser.
pub trait Parser {
    /// It did not run.
    type Error;

    /// What it makes of the connection that is to lie at `path`.
    fn ask(&mut self, path: &str, text: &str) -> impl Future<Output = Result<Answer, Self::Error>>;
}

/// The NICs of `transactions` whose connections this host's `NetworkManager` would not read as they are meant, and why.
pub async fn unfit<P: Parser>(
    parser: &mut P,
    transactions: &[Transaction],
) -> Result<BTreeMap<MacAddress, Explanation>, P::Error> {
    let mut refused = Vec::new();
    for transaction in transactions {
        for (nic, text) in written(transaction) {
            let answer = parser.ask(&connection(nic.name), text).await?;
            refused.extend(judge(nic, &answer).map(|refusal| (transaction, refusal)));
        }
    }
    Ok(by_member(refused))
}

/// Whether a connection is written with `transaction`.
#[must_use]
pub fn is_concerned(transaction: &Transaction) -> bool {
    written(transaction).next().is_some()
}

/// The connections that are written with `transaction`, and for which NICs.
fn written(transaction: &Transaction) -> impl Iterator<Item = (&Interface, &str)> {
    let wanted = transaction.members.iter().filter_map(|member| member.wanted.as_ref());
    wanted.filter_map(|nic| {
        let path = connection(nic.name);
        let change = transaction.files.iter().find(|change| change.path == path)?;
        Some((nic, change.to.as_deref()?))
    })
}

/// Why `nic` would not be what it is wanted to be, if it would not.
fn judge(nic: &Interface, answer: &Answer) -> Option<Explanation> {
    let what = match answer {
        Answer::Refuses(words) => format!("does not take the NIC's connection: {words}"),
        Answer::Takes(text) => {
            let difference = Read::parse(text).difference(&Read::of(&at_boot(nic)))?;
            format!("reads {difference} in the connection of {}", nic.name)
        }
    };
    Some(Explanation::new(Reason::InvalidBootConfig, format!("the node's NetworkManager {what}")))
}
