use super::{super::facts::Cluster, *};

const VERSION: &str = "1.0.0 (abc)";

fn expected() -> Expected {
    Expected { version: VERSION, database: "multinic".to_owned(), agent_port: 8080 }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What an object says on which an agent has reported.
fn object() -> Object {
    let addresses = BTreeMap::from([(ip("10.10.0.5"), "multinic0".to_owned())]);
    Object { agent_version: "1.0.0".to_owned(), addresses }
}

fn node(name: &str) -> Node {
    let agent = Agent { status: "healthy".to_owned(), version: VERSION.to_owned(), node: name.to_owned() };
    Node { name: name.to_owned(), internal_ips: vec![ip("192.0.2.1")], agent: Ok(agent) }
}

/// All is well, on three Nodes.
fn good() -> Facts {
    let names = ["a", "b", "c"];
    let objects = names.map(|name| (name.to_owned(), object()));
    let inspection = Inspection {
        account: "multinic@%".to_owned(),
        shape: Ok(Shape::ProducerWithAddresses),
        read_only: false,
        index: None,
        tables: &["multi_interface", "multi_subnet"],
        reading: Some(Ok(())),
        writing: vec![("netplan_success", Ok(())), ("modified_at", Ok(()))],
    };
    Facts {
        cluster: Cluster {
            version: Ok("v1.34.4".to_owned()),
            objects: Ok(objects.into()),
            nodes: Ok(names.map(node).into()),
        },
        database: Ok(inspection),
        status_table: None,
    }
}

fn said(facts: &Facts) -> Vec<String> {
    judge(facts, &expected()).iter().map(Line::to_string).collect()
}

#[test]
fn the_readme_shows_what_a_good_world_says() {
    let version = "0.1.0 (0123456789ab)";
    let nodes = ["a", "b"].map(|name| {
        let mut node = node(name);
        node.agent.as_mut().unwrap().version = version.to_owned();
        node
    });
    let mut facts = good();
    facts.cluster.objects.as_mut().unwrap().remove("c");
    facts.cluster.nodes = Ok(nodes.into());
    facts.database.as_mut().unwrap().writing.pop();
    let lines: Vec<_> =
        judge(&facts, &Expected { version, ..expected() }).iter().map(Line::to_string).collect();
    let lines = lines.join("\n");
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains(&format!("test multinic --logs\n{lines}\n```\n")), "{lines}");
}

fn failures(facts: &Facts) -> Vec<String> {
    judge(facts, &expected()).iter().filter(|line| !line.is_ok()).map(Line::to_string).collect()
}

/// What fails where all is well but the database.
fn with_database(change: impl FnOnce(&mut Inspection)) -> Vec<String> {
    let mut facts = good();
    change(facts.database.as_mut().unwrap());
    failures(&facts)
}

/// What fails where all is well but Nodes and objects.
fn with_cluster(change: impl FnOnce(&mut Cluster)) -> Vec<String> {
    let mut facts = good();
    change(&mut facts.cluster);
    failures(&facts)
}

fn denied(why: &str) -> Result<(), Refusal> {
    Err(Refusal { cause: Cause::Forbidden, why: why.to_owned() })
}

#[test]
fn a_good_world_is_told_in_one_line_for_each_thing() {
    assert_eq!(
        said(&good()),
        [
            "ok   API server: v1.34.4",
            "ok   definition: NodeNetworkConfigs are served, and there are 3",
            "ok   database: connected as multinic@%",
            "ok   table: multi_interface has addresses and their prefixes",
            "ok   reading: SELECT is allowed",
            "ok   writing: UPDATE (netplan_success) and UPDATE (modified_at) is allowed",
            "ok   objects: each of 3 Nodes has one",
            "ok   reports: the agent of each Node has reported",
            "ok   addresses: no InternalIP of a Node is that of a NIC of multinic",
            "ok   agents: each of 3 answers with version 1.0.0 (abc)",
        ]
    );
}

#[test]
fn without_an_api_server_the_database_is_still_looked_at() {
    let mut facts = good();
    let unanswered = || Unanswered { code: None, why: "refused".to_owned() };
    facts.cluster =
        Cluster { version: Err(unanswered()), objects: Err(unanswered()), nodes: Err(unanswered()) };
    let said = said(&facts);
    let what: Vec<_> = said.iter().map(|line| line.split(':').next().unwrap()).collect();
    let expected = ["FAILED API server", "FAILED definition", "ok   database", "ok   table", "ok   reading"];
    assert_eq!(what, [&expected[..], &["ok   writing", "FAILED Nodes"]].concat());
}

#[test]
fn what_the_api_server_refuses_has_its_own_remedy() {
    for (code, remedy) in
        [(404, "install the definition"), (403, "bind the role"), (500, "look at the API server")]
    {
        let lines = with_cluster(|cluster| {
            cluster.objects = Err(Unanswered { code: Some(code), why: "no".to_owned() });
        });
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with(&format!("FAILED definition: no; {remedy}")), "{lines:?}");
    }
}

#[test]
fn a_missing_grant_is_spelt_out_for_the_very_account() {
    let lines = with_database(|database| {
        database.account = "reader@10.0.0.%".to_owned();
        database.reading = Some(denied("not that table"));
        database.writing[1].1 = denied("not that column");
    });
    assert_eq!(
        lines,
        [
            "FAILED reading: not that table; GRANT SELECT ON multinic.multi_interface TO 'reader'@'10.0.0.%'; \
             GRANT SELECT ON multinic.multi_subnet TO 'reader'@'10.0.0.%'",
            "FAILED writing: not that column; \
             GRANT UPDATE (modified_at) ON multinic.multi_interface TO 'reader'@'10.0.0.%'",
        ]
    );
}

#[test]
fn a_server_that_takes_no_writes_is_not_taken_for_a_missing_grant() {
    let read_only = || Err(Refusal { cause: Cause::ReadOnly, why: "it is read-only".to_owned() });
    let lines = with_database(|database| {
        database.writing.iter_mut().for_each(|(_, answer)| *answer = read_only());
    });
    assert_eq!(
        lines,
        [
            "FAILED writing: it is read-only; set DB_HOST to the server that takes writes, not to a replica of it"
        ]
    );
}

#[test]
fn a_replica_is_no_source_since_what_it_tells_may_be_old() {
    let lines = with_database(|database| database.read_only = true);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].ends_with("set DB_HOST to the server that takes writes"), "{lines:?}");
}

#[test]
fn an_index_that_is_missing_is_spelt_out_and_no_failure() {
    let mut facts = good();
    facts.database.as_mut().unwrap().index = Some("ALTER TABLE t ADD INDEX (c)");
    assert_eq!(failures(&facts), Vec::<String>::new());
    assert!(
        said(&facts)[3].ends_with("with an index on port_id: ALTER TABLE t ADD INDEX (c)"),
        "{:?}",
        said(&facts)
    );
}

#[test]
fn a_table_that_cannot_be_used_says_what_it_lacks() {
    let lines = with_database(|database| {
        database.shape = Ok(Shape::AddressesWithoutSubnets);
        database.tables = &["multi_interface"];
    });
    assert_eq!(lines.len(), 1);
    assert!(lines[0].ends_with("GRANT SELECT ON multinic.multi_subnet TO 'multinic'@'%'"), "{lines:?}");

    let told =
        Refusal { cause: Cause::Told, why: "no such table; create it or GRANT SELECT on it".to_owned() };
    let lines = with_database(|database| {
        (database.shape, database.reading, database.writing) = (Err(told), None, vec![]);
    });
    let line = "FAILED table: no such table; create it or GRANT SELECT on it: \
                GRANT SELECT ON multinic.multi_interface TO 'multinic'@'%'";
    assert_eq!(lines, [line]);
}

#[test]
fn the_remedy_for_no_connection_depends_on_why() {
    for (cause, remedy) in [
        (Cause::Denied, "why; correct DB_USER"),
        (Cause::Secured, "why; correct DB_SSL_MODE"),
        (Cause::Unreachable, "why; correct DB_HOST"),
        (Cause::Silent, "why; see whether a firewall"),
        (Cause::Other, "why; look at the server"),
        (Cause::Told, "why"),
    ] {
        let database = Err(Refusal { cause, why: "why".to_owned() });
        let lines = failures(&Facts { database, ..good() });
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with(&format!("FAILED database: {remedy}")), "{lines:?}");
    }
}

#[test]
fn a_node_without_an_object_or_a_report_is_named() {
    let lines = with_cluster(|cluster| {
        let objects = cluster.objects.as_mut().unwrap();
        objects.remove("a");
        objects.insert("b".to_owned(), Object::default());
    });
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("FAILED objects: none for a (1 of 3); "), "{lines:?}");
    assert!(lines[1].starts_with("FAILED reports: no agent has reported on a, b (2 of 3); "), "{lines:?}");
}

#[test]
fn a_node_that_the_cluster_looks_for_at_a_nics_address_is_named_with_the_key_to_set() {
    let lines = with_cluster(|cluster| {
        let nodes = cluster.nodes.as_mut().unwrap();
        nodes[1].internal_ips.push(ip("10.10.0.5"));
        nodes[2].internal_ips.push(ip("10.10.0.6"));
    });
    assert_eq!(lines.len(), 1);
    let named = "FAILED addresses: NICs' addresses are InternalIPs of b (10.10.0.5 of multinic0) (1 of 3); ";
    assert!(lines[0].starts_with(named) && lines[0].contains("internal-network-name"), "{lines:?}");
}

#[test]
fn an_agent_must_answer_for_its_own_node_in_this_version_and_in_health() {
    let lines = with_cluster(|cluster| {
        let mut other = node("b");
        other.agent.as_mut().unwrap().version = "0.9".to_owned();
        let mut sick = node("c");
        sick.agent.as_mut().unwrap().status = "unhealthy".to_owned();
        let mut degraded = node("d");
        degraded.agent.as_mut().unwrap().status = "degraded".to_owned();
        let moved = Node { name: "e".to_owned(), ..node("f") };
        let silent = Node { agent: Err("10.0.0.7:8080: refused".to_owned()), ..node("g") };
        cluster.nodes = Ok(vec![node("a"), other, sick, degraded, moved, silent]);
        cluster.objects = Err(Unanswered { code: Some(500), why: "another matter".to_owned() });
    });
    let named = "b (version 0.9, but this is 1.0.0 (abc)), c (unhealthy), e (the agent of f answers), \
                 g (10.0.0.7:8080: refused) (4 of 6); ";
    assert!(lines[1].starts_with(&format!("FAILED agents: not as they should be: {named}")), "{lines:?}");
}

#[test]
fn ten_nodes_are_named_and_the_rest_is_counted() {
    let lines = with_cluster(|cluster| {
        cluster.nodes = Ok((0..12).map(|number| node(&format!("n{number:02}"))).collect());
        cluster.objects = Ok(BTreeMap::from([("n00".to_owned(), object())]));
    });
    let named: Vec<_> = (1..11).map(|number| format!("n{number:02}")).collect();
    let named = format!("none for {} and 1 more (11 of 12); ", named.join(", "));
    assert!(lines[0].starts_with(&format!("FAILED objects: {named}")), "{lines:?}");
}

#[test]
fn labels_that_no_node_has_prove_nothing() {
    let lines = with_cluster(|cluster| cluster.nodes = Ok(vec![]));
    assert_eq!(lines, ["FAILED Nodes: there are none with these labels; correct NODE_SELECTOR"]);
}

#[test]
fn a_status_table_that_somebody_wants_must_be_there_and_be_ours_to_write() {
    let mut facts = good();
    let mut line = |asked: Result<(), Refusal>| {
        facts.status_table = Some(("own".to_owned(), asked));
        said(&facts).into_iter().find(|line| line.contains("status table")).unwrap()
    };
    let refused = |cause, why: &str| Err(Refusal { cause, why: why.to_owned() });
    assert_eq!(line(Ok(())), "ok   status table: multinic.own can be written");
    assert_eq!(
        line(refused(Cause::Forbidden, "denied")),
        "FAILED status table: denied; GRANT SELECT, INSERT, DELETE ON multinic.own TO 'multinic'@'%'"
    );
    assert_eq!(
        line(refused(Cause::Other, "no such table")),
        "FAILED status table: no such table; make the table as docs/status-table.md says"
    );
}
