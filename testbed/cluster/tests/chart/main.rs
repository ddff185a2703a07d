//! What the chart makes of values, for every Kubernetes that it is for. No cluster: helm renders it alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod gitops;
mod knobs;
mod metrics;
mod release;
mod rendered;
mod roles;
mod routes;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use rendered::{Rendered, refusal, run, template, variable};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/multinic");
const NEWEST: &str = "1.36.0";
/// What nobody can install without.
const REQUIRED: [&str; 2] = ["database.host=db.example", "database.password=open-sesame"];

#[test]
fn lint_finds_nothing() {
    for program in ["helm", "helm4"] {
        let arguments = ["lint", "--strict", CHART, "--kube-version", NEWEST];
        let output = run(program, &arguments, &REQUIRED).unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn each_kubernetes_gets_what_it_understands() {
    for minor in 25..=36 {
        let rendered = Rendered::of(&format!("1.{minor}.0"), &[]).unwrap();
        let agent = rendered.container("DaemonSet", "multinic-agent");
        let policy = rendered.find("ValidatingAdmissionPolicy", "multinic-agent-own-node");
        let binding = rendered.find("ValidatingAdmissionPolicyBinding", "multinic-agent-own-node");
        assert_eq!((policy.is_some(), binding.is_some()), (minor >= 30, minor >= 30), "1.{minor}");

        let mounts = agent["volumeMounts"].as_array().unwrap();
        let read_only: Vec<_> = mounts.iter().filter(|mount| mount["readOnly"] == true).collect();
        assert_eq!(read_only.len(), 10);
        for mount in read_only {
            let recursive = if minor >= 31 { json!("IfPossible") } else { Value::Null };
            assert_eq!(mount["recursiveReadOnly"], recursive, "1.{minor}: {mount}");
        }
        let addresses = &variable(agent, "NODE_IPS")["valueFrom"]["fieldRef"]["fieldPath"];
        assert_eq!(addresses, if minor >= 29 { "status.hostIPs" } else { "status.hostIP" }, "1.{minor}");
    }
    assert!(
        String::from_utf8(template("1.24.0", &[], &REQUIRED).unwrap().stderr)
            .unwrap()
            .contains("kubeVersion")
    );
}

#[test]
fn helm_4_makes_the_same_of_the_chart() {
    let objects = |program| {
        let arguments = ["template", "ours", CHART, "--namespace", "of-ours", "--kube-version", NEWEST];
        let sets = [
            "operator.replicas=2",
            "metrics.serviceMonitor.enabled=true",
            "metrics.prometheusRule.enabled=true",
            "metrics.grafanaDashboard.enabled=true",
        ];
        let output = run(program, &arguments, &[&REQUIRED[..], &sets].concat()).unwrap();
        Rendered::parse(output).unwrap().0
    };
    assert_eq!(objects("helm4"), objects("helm"));
}

#[test]
fn permissions_are_these_and_no_others() {
    let rendered = Rendered::of(NEWEST, &["operator.replicas=2"]).unwrap();
    let rules: Vec<_> = rendered
        .0
        .iter()
        .filter(|object| object["kind"] == "ClusterRole" || object["kind"] == "Role")
        .map(|role| json!({"name": role["metadata"]["name"], "kind": role["kind"], "rules": role["rules"]}))
        .collect();
    let pod = |kind, name| {
        let (pod, container) = (rendered.pod(kind, name), rendered.container(kind, name));
        let host: Vec<_> =
            ["hostNetwork", "hostPID", "hostIPC"].iter().filter(|key| pod[*key] == true).collect();
        json!({
            "host namespaces": host,
            "pod": pod["securityContext"],
            "container": container["securityContext"],
            "volumes": pod["volumes"],
            "mounts": container["volumeMounts"],
            "token": pod["automountServiceAccountToken"],
        })
    };
    let permissions = json!({
        "roles": rules,
        "agent": pod("DaemonSet", "multinic-agent"),
        "operator": pod("Deployment", "multinic-operator"),
        "admission": rendered.get("ValidatingAdmissionPolicy", "multinic-agent-own-node")["spec"],
        "admission of interfaces": rendered.get("ValidatingAdmissionPolicy", "multinic-interfaces")["spec"],
    });
    insta::assert_json_snapshot!(permissions);
}

#[test]
fn the_admission_policy_is_about_the_account_that_agents_have() {
    let rendered = Rendered::of(NEWEST, &[]).unwrap();
    let account = rendered.pod("DaemonSet", "multinic-agent")["serviceAccountName"].as_str().unwrap();
    let namespace = rendered.get("DaemonSet", "multinic-agent")["metadata"]["namespace"].as_str().unwrap();
    let policy = rendered.get("ValidatingAdmissionPolicy", "multinic-agent-own-node");
    let about = policy["spec"]["matchConditions"][0]["expression"].as_str().unwrap();
    assert_eq!(
        about,
        format!(r#"request.userInfo.username == "system:serviceaccount:{namespace}:{account}""#)
    );
    let binding = rendered.get("ValidatingAdmissionPolicyBinding", "multinic-agent-own-node");
    assert_eq!(binding["spec"]["policyName"], policy["metadata"]["name"]);
    assert_eq!(rendered.get("ServiceAccount", account)["metadata"]["namespace"], namespace);
}

/// The seed's values.yaml, whose port is a text, and what its README sets on the command line.
const SEED: &str = r#"
database: {host: db.example, port: "3307", user: root, password: secret, name: cloud}
agent: {pollInterval: "10s", logLevel: "debug"}
image: {repository: registry.example/net/multinic-agent, tag: 0.6.0, pullPolicy: Never}
nodeSelector: {node-role: multinic-enabled}
"#;

#[test]
fn values_of_the_go_agent_keep_working() {
    let values = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(values.path(), SEED).unwrap();
    let rendered = Rendered::with(NEWEST, &["--values", values.path().to_str().unwrap()], &[]).unwrap();
    let agent = rendered.container("DaemonSet", "multinic-agent");
    let operator = rendered.container("Deployment", "multinic-operator");
    assert_eq!(agent["image"], "registry.example/net/multinic-agent:0.6.0");
    assert_eq!(operator["image"], "registry.example/net/multinic-operator:0.6.0");
    for (container, name, value) in [
        (operator, "DB_HOST", "db.example"),
        (operator, "DB_PORT", "3307"),
        (operator, "DB_USER", "root"),
        (operator, "DB_NAME", "cloud"),
        (operator, "POLL_INTERVAL", "1s..10s"),
        (operator, "REMOVAL_GRACE", "30s"),
        (operator, "LOG_LEVEL", "debug"),
        (agent, "LOG_LEVEL", "debug"),
    ] {
        assert_eq!(variable(container, name)["value"], value, "{name}");
    }
    for container in [agent, operator] {
        assert_eq!(container["imagePullPolicy"], "Never");
    }
    let selector = &rendered.pod("DaemonSet", "multinic-agent")["nodeSelector"];
    assert_eq!(selector, &json!({"kubernetes.io/os": "linux", "node-role": "multinic-enabled"}));
    let check = &rendered.get("Pod", "multinic-check")["spec"]["containers"][0];
    for container in [check, operator] {
        assert_eq!(
            variable(container, "NODE_SELECTOR")["value"],
            "kubernetes.io/os=linux,node-role=multinic-enabled"
        );
    }

    let daemon_set = rendered.get("DaemonSet", "multinic-agent");
    for labels in [&daemon_set["metadata"]["labels"], &daemon_set["spec"]["template"]["metadata"]["labels"]] {
        assert_eq!(labels["app.kubernetes.io/name"], "multinic-agent");
    }
}

#[test]
fn agents_are_asked_on_the_nodes_own_address_unless_every_address_is_chosen() {
    let rendered = Rendered::of(NEWEST, &["agent.port=9101"]).unwrap();
    let agent = rendered.container("DaemonSet", "multinic-agent");
    assert_eq!(variable(agent, "LISTEN")["value"], "[$(HOST_IP)]:9101,127.0.0.1:9101");
    let variables = agent["env"].as_array().unwrap();
    let position = |name: &str| variables.iter().position(|variable| variable["name"] == name).unwrap();
    assert!(position("HOST_IP") < position("LISTEN"), "only what comes before is put in");
    assert_eq!(variable(agent, "HOST_IP")["valueFrom"]["fieldRef"]["fieldPath"], "status.hostIP");
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(agent[probe]["httpGet"]["host"], Value::Null, "{probe} asks the pod's address");
    }
    for address in ["[::]", "0.0.0.0"] {
        let set = format!("agent.listenAddress={address}");
        let rendered = Rendered::of(NEWEST, &[&set]).unwrap();
        let agent = rendered.container("DaemonSet", "multinic-agent");
        assert_eq!(variable(agent, "LISTEN")["value"], format!("{address}:8080"));
        assert_eq!(variable(agent, "HOST_IP"), &Value::Null);
    }
}

#[test]
fn the_dashboard_has_a_port_of_the_pod_only_where_it_listens_beyond_it() {
    for (listen, told, port) in [
        ("127.0.0.1:8081", "127.0.0.1:8081", Value::Null),
        ("off", "off", Value::Null),
        ("", "off", Value::Null),
        ("[::1]:8082", "[::1]:8082", Value::Null),
        ("[::]:8082", "[::]:8082", json!(8082)),
        ("0.0.0.0:8081", "0.0.0.0:8081", json!(8081)),
    ] {
        let set = [&*format!("operator.dashboard.listen={listen}"), "networkPolicy.enabled=true"];
        let rendered = Rendered::of(NEWEST, &set).unwrap();
        let operator = rendered.container("Deployment", "multinic-operator");
        assert_eq!(variable(operator, "DASHBOARD_LISTEN")["value"], told);
        assert_eq!(operator["ports"][1]["containerPort"], port, "{listen}");
        let policy = rendered.get("NetworkPolicy", "multinic-operator");
        // The page asks nobody who they are: whom it is for is the administrator's to name.
        let open = json!([{"ports": [{"port": 8080, "protocol": "TCP"}]}]);
        assert_eq!(policy["spec"]["ingress"], open, "{listen}");
    }
    let refused = Rendered::of(NEWEST, &["operator.dashboard.listen=[::]:8080"]).err().unwrap();
    assert!(refused.to_string().contains("operator.port"), "{refused}");
}

#[test]
fn each_backend_brings_the_directories_that_it_needs_and_no_others() {
    let mounts = |backends: &str| {
        let rendered = Rendered::of(NEWEST, &[&format!("agent.backends={{{backends}}}")]).unwrap();
        let mounts =
            rendered.container("DaemonSet", "multinic-agent")["volumeMounts"].as_array().unwrap().clone();
        let one = |mount: &Value| {
            let access = if mount["readOnly"] == true { "ro" } else { "rw" };
            format!("{access} {}", mount["mountPath"].as_str().unwrap().trim_start_matches("/host"))
        };
        mounts.iter().map(one).collect::<BTreeSet<_>>()
    };
    let more = |backends: &str| mounts(backends).difference(&mounts("netplan")).cloned().collect::<Vec<_>>();
    assert_eq!(more("netplan"), [""; 0]);
    assert_eq!(
        more("networkd"),
        ["ro /run/NetworkManager/devices", "ro /run/wicked", "rw /etc/systemd/network"]
    );
    assert_eq!(
        more("netplan,networkmanager"),
        [
            "ro /etc/sysconfig",
            "ro /run/NetworkManager/devices",
            "ro /run/dbus",
            "ro /run/wicked",
            "rw /etc/NetworkManager/system-connections",
            "rw /etc/systemd/network"
        ]
    );
    assert_eq!(
        more("wicked"),
        [
            "ro /etc/wicked",
            "ro /run/NetworkManager/devices",
            "ro /run/dbus",
            "ro /run/wicked",
            "rw /etc/sysconfig",
            "rw /etc/udev/rules.d"
        ]
    );
    for backends in ["", "ifupdown", "wicked,wicked"] {
        assert!(refusal(&[&format!("agent.backends={{{backends}}}")]).contains("backends"), "{backends}");
    }
}

#[test]
fn agents_have_the_time_to_finish_what_they_have_begun_and_so_has_a_purge() {
    for (sets, seconds) in
        [(&[][..], 120), (&["purge=true"], 120), (&["agent.terminationGracePeriodSeconds=300"], 300)]
    {
        let rendered = Rendered::of(NEWEST, sets).unwrap();
        let pod = rendered.pod("DaemonSet", "multinic-agent");
        assert_eq!(pod["terminationGracePeriodSeconds"], seconds, "{sets:?}");
    }
}

#[test]
fn what_was_set_once_is_taken_out_by_null() {
    let set =
        ["nodeSelector.a=b", "nodeSelector.c=null", "agent.podLabels=null", "operator.podAnnotations.d=null"];
    let rendered = Rendered::of(NEWEST, &set).unwrap();
    let selector = |rendered: &Rendered| rendered.pod("DaemonSet", "multinic-agent")["nodeSelector"].clone();
    assert_eq!(selector(&rendered), json!({"a": "b", "kubernetes.io/os": "linux"}));
    let check = &rendered.get("Pod", "multinic-check")["spec"]["containers"][0];
    assert_eq!(variable(check, "NODE_SELECTOR")["value"], "a=b,kubernetes.io/os=linux");
    let none = Rendered::of(NEWEST, &["nodeSelector=null"]).unwrap();
    assert_eq!(selector(&none), json!({"kubernetes.io/os": "linux"}));
}

#[test]
fn what_is_misspelt_or_out_of_range_is_refused_by_its_name() {
    for (set, named) in [
        ("agent.pollinterval=5s", "pollinterval"),
        ("agent.pollInterval=soon", "/agent/pollInterval"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("operator.replicas=0", "/operator/replicas"),
        ("operator.maxInterfaces=21", "/operator/maxInterfaces"),
        ("operator.removalGrace=29s", "/operator/removalGrace"),
        ("operator.removalGrace=25h", "/operator/removalGrace"),
        ("database.port=mysql", "/database/port"),
        ("database.tls.mode=verify-ca", "/database/tls/caConfigMap"),
        ("database.tls.mode=disabled,database.tls.caConfigMap=ca", "/database/tls/caConfigMap"),
        ("agent.maxUnavailable=0", "/agent/maxUnavailable"),
        ("agent.listenAddress=127.0.0.1", "/agent/listenAddress"),
        ("agent.terminationGracePeriodSeconds=5", "/agent/terminationGracePeriodSeconds"),
        ("databse.host=db", "databse"),
        ("database.host=", "database.host is required"),
        ("database.password=", "database.existingSecret"),
        ("image.repository=net/nic", "operator.image.repository"),
        ("agent.logLevel=verbose", "/agent/logLevel"),
        ("agent.logLevel=info\\,kube=verbose", "/agent/logLevel"),
        ("agent.logLevel=info\\,", "/agent/logLevel"),
        ("agent.pollInterval=0s", "/agent/pollInterval"),
        ("agent.pollInterval=2h", "/agent/pollInterval"),
        ("operator.busyInterval=0s", "/operator/busyInterval"),
        ("image.tag=7", "/image/tag"),
        (r"agent.podLabels.app\.kubernetes\.io/name=x", "'app.kubernetes.io/name'"),
        (r"operator.podLabels.app\.kubernetes\.io/instance=x", "'app.kubernetes.io/instance'"),
        (r"metrics.podMonitor.labels.helm\.sh/chart=x", "'helm.sh/chart'"),
        ("metrics.serviceMonitor.scrapeTimeout=soon", "/metrics/serviceMonitor/scrapeTimeout"),
        ("metrics.prometheusRule.runbooks=", "/metrics/prometheusRule/runbooks"),
    ] {
        let complaint = refusal(&[set]);
        assert!(complaint.contains(named), "{set}: {complaint}");
    }
}

#[test]
fn intervals_and_levels_that_the_binaries_take_are_taken() {
    for set in
        ["pollInterval=1s", "pollInterval=90s", "pollInterval=1m30s", "pollInterval=3600s", "pollInterval=1h"]
            .into_iter()
            .chain([
                "logLevel=warning",
                "logLevel=DEBUG",
                "logLevel=warn\\,kube=trace",
                "logLevel=kube=warning\\,info",
            ])
    {
        Rendered::of(NEWEST, &[&format!("agent.{set}")]).unwrap();
    }
    for grace in ["30s", "600s", "10m", "24h"] {
        Rendered::of(NEWEST, &[&format!("operator.removalGrace={grace}")]).unwrap();
    }
}

#[test]
fn two_operators_need_a_lease_and_one_must_never_overlap_with_another_version() {
    let one = Rendered::of(NEWEST, &[]).unwrap();
    assert_eq!(variable(one.container("Deployment", "multinic-operator"), "LEADER_ELECTION"), &Value::Null);
    assert!(one.find("PodDisruptionBudget", "multinic-operator").is_none());

    let two = Rendered::of(NEWEST, &["operator.replicas=2"]).unwrap();
    for rendered in [&one, &two] {
        assert_eq!(rendered.get("Deployment", "multinic-operator")["spec"]["strategy"]["type"], "Recreate");
    }
    let operator = two.container("Deployment", "multinic-operator");
    assert_eq!(variable(operator, "LEADER_ELECTION")["value"], "true");
    assert_eq!(two.get("RoleBinding", "multinic-operator-lease")["subjects"][0]["name"], "multinic-operator");
    assert_eq!(two.get("PodDisruptionBudget", "multinic-operator")["spec"]["maxUnavailable"], 1);
}

#[test]
fn the_password_is_in_the_secret_and_nowhere_else() {
    let rendered = Rendered::of(NEWEST, &[]).unwrap();
    for object in &rendered.0 {
        let text = object.to_string();
        assert!(!text.contains("open-sesame"), "{object}");
        // The same in base64.
        assert_eq!(text.contains("b3Blbi1zZXNhbWU="), object["kind"] == "Secret", "{object}");
    }
    let given =
        Rendered::of(NEWEST, &["database.existingSecret=ours", "database.existingSecretKey=pw"]).unwrap();
    assert!(given.0.iter().all(|object| object["kind"] != "Secret"));
    let volume = &given.pod("Deployment", "multinic-operator")["volumes"][0]["secret"];
    assert_eq!((&volume["secretName"], &volume["items"][0]["key"]), (&json!("ours"), &json!("pw")));
}

#[test]
fn a_purge_stops_the_operator_and_cleans_the_nodes() {
    let rendered = Rendered::of(NEWEST, &["purge=true"]).unwrap();
    assert_eq!(rendered.get("Deployment", "multinic-operator")["spec"]["replicas"], 0);
    assert_eq!(rendered.container("DaemonSet", "multinic-agent")["args"], json!(["cleanup", "--stay"]));
    let update = &rendered.get("DaemonSet", "multinic-agent")["spec"]["updateStrategy"]["rollingUpdate"];
    assert_eq!(update["maxUnavailable"], "100%", "a node that cannot be cleaned would stop the others");
}

#[test]
fn uninstalling_leaves_the_definition_and_nothing_else() {
    let everything = Rendered::of(NEWEST, &["operator.replicas=2", "networkPolicy.enabled=true"]).unwrap();
    for object in &everything.0 {
        let annotations = &object["metadata"]["annotations"];
        let kept = annotations["helm.sh/resource-policy"] == "keep";
        assert_eq!(kept, object["kind"] == "CustomResourceDefinition", "{object}");
        // Argo CD prunes what only helm is told to keep.
        let spared = annotations["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false";
        assert_eq!(spared, kept, "{object}");
    }
    assert!(
        Rendered::of(NEWEST, &["crds.install=false"])
            .unwrap()
            .0
            .iter()
            .all(|object| object["kind"] != "CustomResourceDefinition")
    );
}
