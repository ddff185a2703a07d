//! What people may add to what the chart makes by itself.

use std::process::Command;

use serde_json::{Value, json};

use super::{
    CHART, NEWEST, REQUIRED,
    rendered::{Rendered, refusal, variable},
};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The chart with these values, which are YAML.
fn with(kubernetes: &str, values: &str) -> Rendered {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), values).unwrap();
    Rendered::with(kubernetes, &["--values", file.path().to_str().unwrap()], &REQUIRED).unwrap()
}

fn check(rendered: &Rendered) -> &Value {
    &rendered.get("Pod", "multinic-check")["spec"]
}

#[test]
fn pods_run_on_linux_and_the_check_counts_the_nodes_that_agents_run_on() {
    let rendered = with(
        NEWEST,
        "
nodeSelector: {role: worker}
operator: {nodeSelector: {rack: a}}
agent:
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
          - matchExpressions:
              - {key: node-role.kubernetes.io/control-plane, operator: DoesNotExist}
              - {key: gpu, operator: Exists}
              - {key: zone, operator: In, values: [a, b]}
              - {key: tier, operator: NotIn, values: [edge]}
",
    );
    let agent = rendered.pod("DaemonSet", "multinic-agent");
    assert_eq!(agent["nodeSelector"], json!({"kubernetes.io/os": "linux", "role": "worker"}));
    let terms = &agent["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    assert_eq!(terms["nodeSelectorTerms"][0]["matchExpressions"].as_array().unwrap().len(), 4);

    let operator = rendered.pod("Deployment", "multinic-operator");
    for pod in [operator, check(&rendered)] {
        assert_eq!(pod["nodeSelector"], json!({"kubernetes.io/os": "linux", "rack": "a"}));
        assert_eq!(
            variable(&pod["containers"][0], "NODE_SELECTOR")["value"],
            "kubernetes.io/os=linux,role=worker,!node-role.kubernetes.io/control-plane,gpu,zone in (a,b),tier notin (edge)"
        );
    }
}

#[test]
fn images_come_from_a_mirror_and_by_their_digests() {
    let images = |sets: &[&str]| {
        let rendered = Rendered::of(NEWEST, sets).unwrap();
        let agent = rendered.container("DaemonSet", "multinic-agent")["image"].clone();
        let operator = rendered.container("Deployment", "multinic-operator")["image"].clone();
        assert_eq!(check(&rendered)["containers"][0]["image"], operator);
        [agent, operator].map(|image| image.as_str().unwrap().to_owned())
    };
    let tag = "image.tag=1.2.3";
    assert_eq!(
        images(&[tag, "image.registry=mirror.example:5000/cache", "image.repository=net/multinic-agent"]),
        [
            "mirror.example:5000/cache/net/multinic-agent:1.2.3",
            "mirror.example:5000/cache/net/multinic-operator:1.2.3"
        ]
    );
    let (agents, operators) = (format!("image.digest={DIGEST}"), format!("operator.image.digest={DIGEST}"));
    assert_eq!(
        images(&[tag, &agents]),
        [format!("multinic-agent:1.2.3@{DIGEST}"), "multinic-operator:1.2.3".to_owned()]
    );
    assert_eq!(
        images(&[tag, &operators]),
        ["multinic-agent:1.2.3".to_owned(), format!("multinic-operator:1.2.3@{DIGEST}")]
    );
}

#[test]
fn what_the_operator_needs_to_reach_its_database_the_check_has_too() {
    let rendered = with(
        NEWEST,
        "
operator:
  hostAliases: [{ip: 10.0.0.5, hostnames: [db.example]}]
  extraEnv: [{name: HTTPS_PROXY, value: http://proxy.example}]
  extraArgs: [--max-interfaces=3]
  extraVolumes: [{name: vault, emptyDir: {}}]
  extraVolumeMounts: [{name: vault, mountPath: /vault}]
  topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]
  podLabels: {team: net}
  podAnnotations: {mesh/inject: 'false'}
",
    );
    let operator = rendered.pod("Deployment", "multinic-operator");
    for pod in [operator, check(&rendered)] {
        let container = &pod["containers"][0];
        assert_eq!(pod["hostAliases"][0]["hostnames"], json!(["db.example"]));
        assert_eq!(variable(container, "HTTPS_PROXY")["value"], "http://proxy.example");
        assert!(variable(container, "DB_HOST")["value"] == "db.example", "its own are there too");
        let named = |list: &Value| {
            list.as_array().unwrap().iter().map(|item| item["name"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(named(&pod["volumes"]), ["vault", "database"]);
        assert_eq!(named(&container["volumeMounts"]), ["vault", "database"]);
        assert_eq!(pod["priorityClassName"], "system-cluster-critical");
    }
    assert_eq!(operator["containers"][0]["args"], json!(["--max-interfaces=3"]));
    assert_eq!(operator["topologySpreadConstraints"][0]["topologyKey"], "zone");
    let template = &rendered.get("Deployment", "multinic-operator")["spec"]["template"]["metadata"];
    for metadata in [template, &rendered.get("Pod", "multinic-check")["metadata"]] {
        assert_eq!(
            (&metadata["labels"]["team"], &metadata["annotations"]["mesh/inject"]),
            (&json!("net"), &json!("false"))
        );
    }
    assert_eq!(rendered.get("Pod", "multinic-check")["metadata"]["annotations"]["helm.sh/hook"], "test");
}

#[test]
fn a_variable_that_the_chart_sets_is_not_set_again() {
    for part in ["agent", "operator"] {
        let rendered = Rendered::of(NEWEST, &["operator.replicas=2"]).unwrap();
        let kind = if part == "agent" { "DaemonSet" } else { "Deployment" };
        for variable in rendered.container(kind, &format!("multinic-{part}"))["env"].as_array().unwrap() {
            let name = variable["name"].as_str().unwrap();
            let complaint = refusal(&["operator.replicas=2", &format!("{part}.extraEnv[0].name={name}")]);
            assert!(
                complaint.contains(&format!("{part}.extraEnv: the variable {name} is there already")),
                "{complaint}"
            );
        }
    }
    let rendered = with(NEWEST, "agent: {extraEnv: [{name: KUBERNETES_SERVICE_HOST, value: api.example}]}");
    let agent = rendered.container("DaemonSet", "multinic-agent");
    assert_eq!(variable(agent, "KUBERNETES_SERVICE_HOST")["value"], "api.example");
}

#[test]
fn agents_are_replaced_as_people_want_and_purged_in_any_case() {
    let rolling = |most: &str| json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": most}});
    let own = "agent.updateStrategy.rollingUpdate.maxUnavailable=30%";
    for (sets, strategy) in [
        (&[][..], rolling("10%")),
        (&["agent.maxUnavailable=25%"], rolling("25%")),
        (&["agent.maxUnavailable=25%", own], rolling("30%")),
        (&["agent.updateStrategy.type=OnDelete"], json!({"type": "OnDelete"})),
        (&["agent.updateStrategy.type=OnDelete", "purge=true"], rolling("100%")),
    ] {
        let rendered = Rendered::of(NEWEST, sets).unwrap();
        assert_eq!(
            rendered.get("DaemonSet", "multinic-agent")["spec"]["updateStrategy"],
            strategy,
            "{sets:?}"
        );
    }
}

#[test]
fn every_object_has_the_common_labels_and_annotations_and_pods_the_labels() {
    let rendered = with(
        NEWEST,
        "
commonLabels: {cost-centre: '42', team: everybody}
commonAnnotations: {owner: net}
serviceAccount: {annotations: {role: reader}}
agent: {podLabels: {team: net}}
operator: {replicas: 2}
networkPolicy: {enabled: true}
",
    );
    for object in &rendered.0 {
        let metadata = &object["metadata"];
        let (kind, name) = (&object["kind"], &metadata["name"]);
        assert_eq!(metadata["labels"]["cost-centre"], "42", "{kind} {name}");
        assert_eq!(metadata["annotations"]["owner"], "net", "{kind} {name}");
        let role = &metadata["annotations"]["role"];
        assert_eq!(role == "reader", kind == "ServiceAccount", "{kind} {name}");
    }
    for (kind, name, team) in
        [("DaemonSet", "multinic-agent", "net"), ("Deployment", "multinic-operator", "everybody")]
    {
        let workload = rendered.get(kind, name);
        let pod = &workload["spec"]["template"]["metadata"];
        assert_eq!((&pod["labels"]["cost-centre"], &pod["labels"]["team"]), (&json!("42"), &json!(team)));
        // Nothing but what never changes finds the pods, and a change of annotations restarts none.
        let selector = &workload["spec"]["selector"]["matchLabels"];
        assert_eq!(selector.as_object().unwrap().len(), 2, "{selector}");
        assert_eq!(pod["annotations"].as_object().unwrap().len(), 1, "{pod}");
    }
}

#[test]
fn an_app_armor_profile_is_told_to_each_kubernetes_in_its_words() {
    const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/agent";
    for (profile, word) in [
        ("{type: Unconfined}", "unconfined"),
        ("{type: RuntimeDefault}", "runtime/default"),
        ("{type: Localhost, localhostProfile: multinic}", "localhost/multinic"),
    ] {
        for (kubernetes, has_field) in [("1.29.0", false), ("1.30.0", true)] {
            let rendered = with(kubernetes, &format!("agent: {{appArmorProfile: {profile}}}"));
            let field =
                &rendered.container("DaemonSet", "multinic-agent")["securityContext"]["appArmorProfile"];
            let pod = &rendered.get("DaemonSet", "multinic-agent")["spec"]["template"]["metadata"];
            let expected: Value = serde_saphyr::from_str(profile).unwrap();
            assert_eq!(*field, if has_field { expected } else { Value::Null });
            assert_eq!(pod["annotations"][ANNOTATION], if has_field { Value::Null } else { json!(word) });
        }
    }
}

#[test]
fn a_network_policy_takes_further_rules() {
    let rendered = with(
        NEWEST,
        "
networkPolicy:
  enabled: true
  extraIngress: [{from: [{podSelector: {}}]}]
  extraEgress: [{ports: [{port: 8443}]}]
",
    );
    let policy = &rendered.get("NetworkPolicy", "multinic-operator")["spec"];
    assert_eq!(policy["ingress"].as_array().unwrap().len(), 2);
    assert_eq!(policy["egress"][1], json!({"ports": [{"port": 8443}]}));
}

#[test]
fn no_pod_gets_the_addresses_of_all_services() {
    let rendered = Rendered::of(NEWEST, &[]).unwrap();
    let pods = [
        rendered.pod("DaemonSet", "multinic-agent"),
        rendered.pod("Deployment", "multinic-operator"),
        check(&rendered),
    ];
    for pod in pods {
        assert_eq!(pod["enableServiceLinks"], false);
    }
}

#[test]
fn what_nobody_could_carry_out_is_refused_by_its_name() {
    let term = "agent.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    let gt = format!("{term}[0].matchExpressions[0].key=a,{term}[0].matchExpressions[0].operator=Gt");
    let two = format!(
        "{term}[0].matchExpressions[0].key=a,{term}[0].matchExpressions[0].operator=Exists,\
         {term}[1].matchExpressions[0].key=b,{term}[1].matchExpressions[0].operator=Exists"
    );
    for (set, named) in [
        (gt.as_str(), "matchExpressions/0/operator"),
        (&two, "nodeSelectorTerms"),
        ("agent.affinity.podAffinity.x=y", "'podAffinity'"),
        ("image.digest=latest", "/image/digest"),
        ("image.registry=https://mirror", "/image/registry"),
        ("agent.updateStrategy.type=Recreate", "/agent/updateStrategy/type"),
        ("agent.updateStrategy.rollingUpdate.maxSurge=1", "'maxSurge'"),
        ("agent.appArmorProfile.type=Localhost", "/agent/appArmorProfile"),
        ("agent.extraEnv[0].value=x", "/agent/extraEnv/0"),
        (r"commonLabels.app\.kubernetes\.io/name=x", "'app.kubernetes.io/name'"),
    ] {
        let complaint = refusal(&[set]);
        assert!(complaint.contains(named), "{set}: {complaint}");
    }
}

#[test]
fn every_value_is_read_by_a_template() {
    let values = std::fs::read_to_string(format!("{CHART}/values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&values).unwrap();
    let templates = Command::new("grep").args(["-rhoE", r"\.Values(\.[A-Za-z]+)+", CHART]).output().unwrap();
    let templates = String::from_utf8(templates.stdout).unwrap();
    let read: Vec<_> = templates.lines().map(|line| line.split_once(".Values.").unwrap().1).collect();
    for path in leaves("", &values) {
        let is_read = read.iter().any(|read| *read == path || path.starts_with(&format!("{read}.")));
        assert!(is_read, "no template reads {path}");
    }
}

fn leaves(path: &str, value: &Value) -> Vec<String> {
    match value.as_object().filter(|object| !object.is_empty()) {
        None => vec![path.to_owned()],
        Some(object) => object
            .iter()
            .flat_map(|(key, value)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(&path, value)
            })
            .collect(),
    }
}
