//! Telling what configures the host of a transaction, where that remembers more than its files say.

use multinic_crds::{Explanation, Reason};

use super::{
    journal::Open,
    machine::{Machine, NodeError},
};
use crate::{
    attribute::Step,
    observed::link::{KernelView, Link},
    plan::{Notice, Transaction},
};

/// Whether it listens, asked before anything is touched, and only where it will be told something.
pub(super) async fn listens(
    node: &mut impl Machine,
    transactions: &[Transaction],
) -> Result<(), Explanation> {
    if transactions.iter().all(|transaction| transaction.notices.is_empty()) {
        return Ok(());
    }
    node.tell(Notice::Ready).await.map_err(|error| untold(&error))
}

/// What it may do to links of `transaction` when it has to forget them: to set them down and to take their addresses off.
pub(super) fn costs(transaction: &Transaction, view: &KernelView) -> Vec<Step> {
    let is_forgotten = |link: &&Link| transaction.notices.forget.contains(&link.name);
    let cost = |link: &Link| {
        let index = link.index;
        let addresses = link.nets().into_iter().map(move |net| Step::RemoveAddress { index, net });
        addresses.chain([Step::SetDown { index }])
    };
    view.links.iter().filter(is_forgotten).flat_map(cost).collect()
}

/// Has it forget links and names that other NICs may have afterwards; whether there was anything to forget.
pub(super) async fn forget(node: &mut impl Machine, transaction: &Transaction) -> Result<bool, Explanation> {
    for name in &transaction.notices.forget {
        node.tell(Notice::Forget(name.clone())).await.map_err(|error| untold(&error))?;
    }
    for name in &transaction.notices.forget_names {
        node.tell(Notice::ForgetName(name.clone())).await.map_err(|error| untold(&error))?;
    }
    Ok(!transaction.notices.forget.is_empty())
}

/// Has it take up what NICs have become.
pub(super) async fn adopt(node: &mut impl Machine, open: &Open) -> Result<(), Explanation> {
    for name in &open.notices.adopt {
        node.tell(Notice::Adopt(*name)).await.map_err(|error| untold(&error))?;
    }
    Ok(())
}

/// Has it remember what it did before. Whoever does not listen now has not taken up the new state either.
pub(super) async fn back(node: &mut impl Machine, open: &Open) {
    for notice in &open.notices.back {
        let _ = node.tell(notice.clone()).await;
    }
}

fn untold(error: &NodeError) -> Explanation {
    let remedy = Reason::ManagerUnreachable.remedy();
    Explanation::new(
        Reason::ManagerUnreachable,
        format!("the host cannot be told of the change: {error}; {remedy}"),
    )
}
