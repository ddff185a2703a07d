//! What people get: roles that follow the cluster's own, and the policy that makes one of them harmless.

use serde_json::{Value, json};

use super::{NEWEST, rendered::Rendered};

const AGGREGATE_TO: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// The cluster's own roles that get the role `name`.
fn followed_by(rendered: &Rendered, name: &str) -> Vec<String> {
    let labels = rendered.get("ClusterRole", name)["metadata"]["labels"].as_object().unwrap();
    let roles = labels.iter().filter(|(_, value)| *value == "true");
    roles.filter_map(|(label, _)| Some(label.strip_prefix(AGGREGATE_TO)?.to_owned())).collect()
}

#[test]
fn who_may_view_the_cluster_sees_the_objects_and_its_administrator_sets_their_mode() {
    let rendered = Rendered::of(NEWEST, &[]).unwrap();
    assert_eq!(followed_by(&rendered, "multinic-view"), ["admin", "cluster-reader", "edit", "view"]);
    assert_eq!(followed_by(&rendered, "multinic-mode"), ["admin"]);
    for name in ["multinic-agent", "multinic-operator"] {
        assert_eq!(followed_by(&rendered, name), [""; 0]);
    }

    let by_hand = Rendered::of(NEWEST, &["rbac.aggregate=false"]).unwrap();
    for name in ["multinic-view", "multinic-mode"] {
        assert_eq!(followed_by(&by_hand, name), [""; 0]);
        assert_eq!(by_hand.get("ClusterRole", name)["rules"], rendered.get("ClusterRole", name)["rules"]);
    }
}

#[test]
fn nobody_is_given_the_mode_where_nothing_keeps_the_interfaces_from_them() {
    for (kubernetes, sets) in [("1.29.0", &[][..]), (NEWEST, &["admissionPolicy.enabled=false"])] {
        let rendered = Rendered::of(kubernetes, sets).unwrap();
        assert!(rendered.find("ValidatingAdmissionPolicy", "multinic-interfaces").is_none());
        assert_eq!(followed_by(&rendered, "multinic-mode"), [""; 0], "{kubernetes} {sets:?}");
        assert_eq!(followed_by(&rendered, "multinic-view").len(), 4, "{kubernetes} {sets:?}");
    }
}

#[test]
fn the_policy_on_interfaces_excepts_the_account_that_the_operator_has() {
    let rendered = Rendered::of(NEWEST, &[]).unwrap();
    let account = rendered.pod("Deployment", "multinic-operator")["serviceAccountName"].as_str().unwrap();
    let namespace =
        rendered.get("Deployment", "multinic-operator")["metadata"]["namespace"].as_str().unwrap();
    let policy = rendered.get("ValidatingAdmissionPolicy", "multinic-interfaces");
    let about = &policy["spec"]["matchConditions"][0]["expression"];
    let user = format!("system:serviceaccount:{namespace}:{account}");
    assert_eq!(about, &json!(format!("request.userInfo.username != \"{user}\"")));
    let binding = rendered.get("ValidatingAdmissionPolicyBinding", "multinic-interfaces");
    assert_eq!(binding["spec"]["policyName"], policy["metadata"]["name"]);
    assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]));
    assert_ne!(policy["spec"]["validations"], Value::Null);
}
