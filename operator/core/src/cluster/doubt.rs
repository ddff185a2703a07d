//! Why an agent's word cannot be relied on.

use multinic_crds::Reason;

use super::{Node, Object};

/// Why what the agent says of its NICs cannot be relied on; `None` where it can, or where it says itself what keeps it
/// from its work. `node` is the Node of this object, where there still is one.
#[must_use]
pub fn doubt(node: Option<&Node>, object: &Object) -> Option<Reason> {
    let Some(node) = node else { return Some(Reason::NodeGone) };
    if node.is_down() {
        Some(Reason::NodeNotReady)
    } else if object.agent_version.is_empty() {
        Some(Reason::NeverReported)
    } else if !node.upholds(&object.boot_id) {
        Some(Reason::NodeRebooted)
    } else if object.observed_generation != Some(object.generation) && !says_why(object) {
        Some(Reason::ReportOutdated)
    } else {
        None
    }
}

/// Whether the agent says why it says nothing of the newest spec.
fn says_why(object: &Object) -> bool {
    object.ready.is_some_and(|ready| !ready.holds && ready.reason.is_some_and(Reason::keeps_from_looking))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{cluster::WatchedNode, fixtures::object};

    fn node(ready: &str, boot: &str) -> Node {
        let conditions = json!([{ "type": "Ready", "status": ready }]);
        let status = json!({ "conditions": conditions, "nodeInfo": { "bootID": boot } });
        let node = json!({ "metadata": { "name": "a" }, "status": status });
        serde_json::from_value::<WatchedNode>(node).unwrap().into()
    }

    /// What an agent says in the boot `now`, of generation `observed` where the spec is of generation 2.
    fn said(observed: i64, status: &str, reason: &str) -> Object {
        let ready = json!({
            "type": "Ready", "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let status = json!({
            "observedGeneration": observed, "agentVersion": "1.0", "bootId": "now", "conditions": [ready],
        });
        object("a", 2, &[(1, 0)], status).into()
    }

    #[test]
    fn a_report_of_this_boot_and_of_the_newest_spec_can_be_relied_on_whatever_it_says() {
        for (status, reason) in [("True", "Configured"), ("False", "InterfaceFailed"), ("False", "Applying")]
        {
            assert_eq!(doubt(Some(&node("True", "now")), &said(2, status, reason)), None, "{reason}");
        }
    }

    #[test]
    fn what_a_report_cannot_know_of_is_a_doubt_and_the_node_comes_before_its_agent() {
        let (current, older) = (said(2, "True", "Configured"), said(1, "True", "Configured"));
        let silent = Object::from(object("a", 2, &[(1, 0)], Value::Null));
        for (node, object, reason) in [
            (None, &current, Reason::NodeGone),
            (Some(node("False", "now")), &current, Reason::NodeNotReady),
            (Some(node("Unknown", "then")), &older, Reason::NodeNotReady),
            (Some(node("False", "now")), &silent, Reason::NodeNotReady),
            (Some(node("True", "now")), &silent, Reason::NeverReported),
            (Some(node("True", "next")), &older, Reason::NodeRebooted),
            (Some(node("True", "now")), &older, Reason::ReportOutdated),
        ] {
            assert_eq!(doubt(node.as_ref(), object), Some(reason));
        }
    }

    #[test]
    fn a_node_without_nics_that_no_agent_spoke_of_is_doubted_all_the_same() {
        let silent = Object::from(object("a", 1, &[], Value::Null));
        assert_eq!(doubt(Some(&node("True", "now")), &silent), Some(Reason::NeverReported));
    }

    #[test]
    fn an_agent_that_says_what_keeps_it_from_looking_is_believed_until_its_node_is_another() {
        for reason in ["HostFilesUnreadable", "Paused"] {
            let kept = said(1, "False", reason);
            assert_eq!(doubt(Some(&node("True", "now")), &kept), None, "{reason}");
            assert_eq!(doubt(Some(&node("True", "next")), &kept), Some(Reason::NodeRebooted), "{reason}");
            assert_eq!(doubt(Some(&node("False", "now")), &kept), Some(Reason::NodeNotReady), "{reason}");
        }
    }
}
