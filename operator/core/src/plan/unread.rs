//! What to do while the table cannot be read: nothing but to say so.

use multinic_crds::Reason;

use super::{tasks::Task, verdict::Verdict};
use crate::cluster::{Index, Name, Node, Object};

/// Plans the conditions that say why the table cannot be read.
///
/// An object that says what waits for a person goes on to say that, or a restart would forget it.
#[must_use]
pub fn unread(nodes: &Index<Node>, objects: &Index<Object>, reason: Reason, message: String) -> Vec<Task> {
    let verdict = Verdict::unread(reason, message);
    let task = |node: &Name| Task { node: Name::clone(node), write: None, verdict: verdict.clone() };
    let held = |node: &Name| objects.get(node).is_some_and(Object::is_held);
    nodes.iter().map(|(node, _)| node).filter(|node| !held(node)).map(task).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{nodes, object};

    #[test]
    fn every_object_says_that_the_table_cannot_be_read_except_one_that_waits_for_a_person() {
        let synced = |reason: Reason| {
            let condition = json!({
                "type": "Synced", "status": "False", "reason": reason.as_str(), "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            });
            json!({ "conditions": [condition] })
        };
        let mut objects = Index::default();
        objects.record(object("a", 1, &[(1, 0)], synced(Reason::ShrinkGuard)));
        objects.record(object("b", 1, &[(2, 0)], synced(Reason::RowsMissing)));
        let verdict = Verdict::unread(Reason::DatabaseUnavailable, "why".to_owned());
        let task = |node: &str| Task { node: node.into(), write: None, verdict: verdict.clone() };
        assert_eq!(
            unread(&nodes(&["a", "b", "c"]), &objects, Reason::DatabaseUnavailable, "why".to_owned()),
            [task("b"), task("c")]
        );
    }
}
