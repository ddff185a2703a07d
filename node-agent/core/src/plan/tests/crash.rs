//! An agent that is killed anywhere, and whoever comes after it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use super::{
    properties::{backend, lease, named, named_scene, wanted},
    *,
};
use crate::{
    execute::{Machine, recover},
    testing::Killed,
};

/// Does `work` with the scene until it is killed, if it is.
fn until_killed(scene: &mut Scene, work: impl FnOnce(&mut Scene)) {
    if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| work(scene))) {
        assert!(thrown.is::<Killed>(), "it panicked");
    }
    scene.node.dies_at = None;
    scene.ledger = scene.node.recorded.last().cloned().unwrap_or_default();
}

/// What every agent does first.
fn start(scene: &mut Scene) {
    let Some(journal) = scene.node.journal.clone() else { return };
    let recovering = recover(&mut scene.node, &journal, scene.ledger.clone(), "");
    let recovered = recovering.now_or_never().unwrap().unwrap();
    for failure in recovered.failures.values() {
        assert!(matches!(failure, Failure::RolledBack(_)), "{failure}");
    }
    scene.node.record(&recovered.ledger).unwrap();
    scene.node.close().now_or_never().unwrap().unwrap();
    scene.ledger = recovered.ledger;
}

/// Whether of each transaction all of its links and files are as in `then`.
fn are_as_in(scene: &Scene, then: &Scene, transaction: &Transaction) -> bool {
    let links = transaction.targets.iter().map(|target| target.index);
    let files = transaction.files.iter().map(|change| &change.path);
    let nics = transaction.members.iter().map(|member| member.mac);
    links.into_iter().all(|index| scene.node.kernel.link(index) == then.node.kernel.link(index))
        && files.into_iter().all(|path| scene.node.files.get(path) == then.node.files.get(path))
        && nics.into_iter().all(|mac| scene.ledger.get(mac) == then.ledger.get(mac))
}

proptest! {
    #[test]
    fn an_agent_that_is_killed_anywhere_leaves_each_nic_as_it_was_or_as_wanted(
        first in wanted(), then in wanted(), named in named(), backend in backend(),
        (asked, asks) in (any::<[bool; 3]>(), any::<[bool; 3]>()),
        (at, again) in ((0usize..60, any::<bool>()), prop::option::of((0usize..20, any::<bool>()))),
    ) {
        let mut scene = named_scene(&[], named, backend);
        let first = lease(&mut scene, &first, asked);
        scene.want(&first);
        scene.converge();
        let then = lease(&mut scene, &then, asks);
        scene.want(&then);
        let plan = scene.plan();
        let before = scene.clone();
        let mut after = scene.clone();
        prop_assert_eq!(after.carry_out(&plan), BTreeMap::new());

        scene.node.dies_at = Some((scene.node.moments() + at.0, at.1));
        until_killed(&mut scene, |scene| drop(scene.carry_out(&plan)));
        if let Some((moments, is_before)) = again {
            scene.node.dies_at = Some((scene.node.moments() + moments, is_before));
            until_killed(&mut scene, start);
        }
        start(&mut scene);
        prop_assert_eq!(&scene.node.journal, &None);
        for transaction in &plan.transactions {
            let as_before = are_as_in(&scene, &before, transaction);
            prop_assert!(as_before || are_as_in(&scene, &after, transaction), "{transaction:?}: {:?}", scene.node);
        }
        scene.converge();
    }
}
