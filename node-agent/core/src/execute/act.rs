//! One change of one link, which is still the one that it is meant for.

use super::machine::{Machine, NodeError};
use crate::attribute::{Step, Target};

/// Takes `step`, which is one towards `targets`, unless the number of its link is another device's by now.
///
/// A step knows its link by the number alone, and several are taken after one look.
pub(super) async fn act(node: &mut impl Machine, step: &Step, targets: &[Target]) -> Result<(), NodeError> {
    if let Some(target) = targets.iter().find(|target| target.index == step.index())
        && node.identity(target.index).await? != target.identity
    {
        return Err(NodeError("the NIC was pulled out meanwhile".to_owned()));
    }
    node.apply(step).await
}
