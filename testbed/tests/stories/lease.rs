//! Several operators, of which one acts at a time.

use std::fs;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use multinic_testbed::{
    DATABASE, Kind, NAMESPACE, Needs, Node, OPERATOR_HEALTH, OPERATOR_USER, OpenstackConfig, Operator, Port,
    SOON, Schema, Suite, Testbed, World, Write, eventually, get,
};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::witness;

const NIC: &str = "fa:16:3e:00:00:01";
const LATER_NIC: &str = "fa:16:3e:00:00:02";
const LAST_NIC: &str = "fa:16:3e:00:00:03";
/// Name of the operator's account, of its role, and of the lease.
const NAME: &str = "multinic-operator";
/// The second has an account, a database user and an address of its own, so that the two can be told apart.
const SECOND: &str = "multinic-operator-2";
const SECOND_USER: &str = "multinic2";
const SECOND_HEALTH: &str = "192.0.2.1:8081";
const RULES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/multinic/files/operator-lease-rules.yaml");

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell(
            "a54_when_the_leader_is_killed_the_other_takes_over_and_never_do_both_act",
            Needs::Testbed,
            killed,
        )
        .tell("a_leader_that_was_frozen_does_nothing_once_it_thaws", Needs::Testbed, frozen)
        .tell("a_leader_that_cannot_renew_its_lease_stops_acting", Needs::Testbed, cut_off)
        .tell(
            "a_lease_is_handed_over_on_a_clean_stop_and_made_anew_when_it_is_deleted",
            Needs::Testbed,
            handed_over,
        )
}

async fn killed(bed: &Testbed) -> Result<()> {
    let (pair, node) = Pair::with_a_nic(bed).await?;
    let first = pair.first();
    assert_eq!(pair.statements(SECOND_USER).await?, 0);
    ensure!(!pair.writers()?.contains(&account(SECOND)), "the one that stands by has written");

    first.operator.process()?.kill()?;
    pair.add(&node, LATER_NIC).await?;
    pair.world.configured(&node, LATER_NIC).await?;
    assert!(pair.second().leads().await?);

    let before = pair.statements(OPERATOR_USER).await?;
    first.operator.resume()?;
    first.stands_by().await?;
    pair.add(&node, LAST_NIC).await?;
    pair.world.configured(&node, LAST_NIC).await?;
    assert_eq!(pair.statements(OPERATOR_USER).await?, before);
    assert!(pair.second().leads().await?);
    pair.took_turns(&[OPERATOR_USER, SECOND_USER]).await?;
    pair.one_at_a_time()
}

async fn frozen(bed: &Testbed) -> Result<()> {
    let (pair, node) = Pair::with_a_nic(bed).await?;
    let (first, second) = (pair.first(), pair.second());
    first.operator.process()?.signal(Signal::SIGSTOP)?;
    second.begins_to_lead().await?;
    let before = pair.statements(OPERATOR_USER).await?;
    pair.add(&node, LATER_NIC).await?;

    first.operator.process()?.signal(Signal::SIGCONT)?;
    first.stands_by().await?;
    pair.world.configured(&node, LATER_NIC).await?;
    assert_eq!(pair.statements(OPERATOR_USER).await?, before);
    assert!(second.leads().await?);
    pair.one_at_a_time()
}

async fn cut_off(bed: &Testbed) -> Result<()> {
    let (pair, node) = Pair::with_a_nic(bed).await?;
    let bindings = Api::<RoleBinding>::namespaced(pair.world.cluster.client(), NAMESPACE);
    bindings.delete(NAME, &DeleteParams::default()).await?;
    for party in [pair.first(), pair.second()] {
        party.stands_by().await?;
    }
    let before = (pair.statements(OPERATOR_USER).await?, pair.statements(SECOND_USER).await?);
    pair.insert(LATER_NIC).await?;
    pair.first().lives_on(5).await?;
    let after = (pair.statements(OPERATOR_USER).await?, pair.statements(SECOND_USER).await?);
    assert_eq!(after, before);
    assert_eq!(pair.first().metric("multinic_leader").await?, "0");

    allow_leases(&pair.world).await?;
    node.plug(LATER_NIC)?;
    pair.world.configured(&node, LATER_NIC).await?;
    pair.one_at_a_time()
}

async fn handed_over(bed: &Testbed) -> Result<()> {
    let (pair, node) = Pair::with_a_nic(bed).await?;
    let leases = Api::<Lease>::namespaced(pair.world.cluster.client(), NAMESPACE);
    leases.delete(NAME, &DeleteParams::default()).await?;
    eventually("the lease to be made anew", SOON, async || {
        let lease = leases.get(NAME).await?;
        lease.spec.and_then(|spec| spec.holder_identity).context("nobody has it")
    })
    .await?;
    let (leader, other) = pair.leader_and_other().await?;
    pair.world.database.execute("TRUNCATE mysql.general_log").await?;
    leader.lives_on(2).await?;

    leader.operator.stop().await?;
    other.begins_to_lead().await?;
    pair.add(&node, LATER_NIC).await?;
    pair.world.configured(&node, LATER_NIC).await?;
    assert_eq!(other.metric("multinic_leader").await?, "1");
    pair.took_turns(&[leader.user, other.user]).await?;

    other.operator.stop().await?;
    let spec = leases.get(NAME).await?.spec.context("the lease has no spec")?;
    assert_eq!(spec.holder_identity, None);
    pair.one_at_a_time()
}

/// The whole product, with two operators.
struct Pair<'bed> {
    world: World<'bed>,
    second: Operator<'bed>,
}

/// One of the two.
struct Party<'pair, 'bed> {
    operator: &'pair Operator<'bed>,
    health: &'static str,
    user: &'static str,
}

impl<'bed> Pair<'bed> {
    /// The first leads and the second stands by; one NIC is as its row says.
    async fn with_a_nic(bed: &'bed Testbed) -> Result<(Self, Node<'bed>)> {
        let world = bed.world(Schema::ProducerWithAddressing).await?;
        world.operator.stop().await?;
        let second = world.operator.twin("operator-2");
        allow_second(&world, &second).await?;
        allow_leases(&world).await?;
        for (operator, pod) in [(&world.operator, "pod-1"), (&second, "pod-2")] {
            operator.set("LEADER_ELECTION", "true");
            operator.set("POD_NAME", pod);
            operator.set("POD_NAMESPACE", NAMESPACE);
        }
        let pair = Self { world, second };
        pair.world.operator.resume()?;
        pair.first().begins_to_lead().await?;
        pair.second.resume()?;
        pair.second().stands_by().await?;

        pair.world.database.execute("SET GLOBAL log_output = 'TABLE', general_log = 1").await?;
        let node = bed.node("worker-1", Kind::Light).await?;
        node.plug(NIC)?;
        node.join(&pair.world.cluster).await?;
        pair.world.database.producer().sync(&one_port()).await?;
        pair.world.configured(&node, NIC).await?;
        Ok((pair, node))
    }

    fn first(&self) -> Party<'_, 'bed> {
        Party { operator: &self.world.operator, health: OPERATOR_HEALTH, user: OPERATOR_USER }
    }

    fn second(&self) -> Party<'_, 'bed> {
        Party { operator: &self.second, health: SECOND_HEALTH, user: SECOND_USER }
    }

    async fn leader_and_other(&self) -> Result<(Party<'_, 'bed>, Party<'_, 'bed>)> {
        eventually("one of the two to lead", SOON, async || {
            match (self.first().leads().await?, self.second().leads().await?) {
                (true, false) => Ok((self.first(), self.second())),
                (false, true) => Ok((self.second(), self.first())),
                both => anyhow::bail!("whether they lead: {both:?}"),
            }
        })
        .await
    }

    /// Plugs a NIC in and asks for it.
    async fn add(&self, node: &Node<'_>, mac: &str) -> Result<()> {
        node.plug(mac)?;
        self.insert(mac).await
    }

    async fn insert(&self, mac: &str) -> Result<()> {
        self.world.database.producer().insert(&one_port(), &Port::new(mac, "worker-1")).await
    }

    /// How many statements this database user has sent that read or change rows.
    async fn statements(&self, user: &str) -> Result<u64> {
        let count = sqlx::query_scalar(
            "SELECT CAST(SELECT_COMMANDS + UPDATE_COMMANDS AS UNSIGNED) FROM information_schema.USER_STATISTICS \
             WHERE USER = ?",
        );
        let count = count.bind(user).fetch_optional(self.world.database.administrator()).await?;
        Ok(count.unwrap_or_default())
    }

    /// Each was silent in the database once another had begun: who asked for or changed rows, in turn, with the seconds
    /// that nobody did so in between.
    async fn in_the_database(&self) -> Result<Vec<(String, f64)>> {
        let statements: Vec<(String, f64)> = sqlx::query_as(
            "SELECT SUBSTRING_INDEX(user_host, '[', 1), CAST(UNIX_TIMESTAMP(event_time) AS DOUBLE) \
             FROM mysql.general_log WHERE user_host LIKE 'multinic%' AND command_type IN ('Query', 'Execute') \
             AND (argument LIKE 'SELECT%multi_interface%' OR argument LIKE 'UPDATE%') ORDER BY event_time",
        )
        .fetch_all(self.world.database.administrator())
        .await?;
        let mut turns: Vec<(String, f64)> = Vec::new();
        let mut last = None;
        for (user, time) in statements {
            if turns.last().is_none_or(|(turn, _)| *turn != user) {
                turns.push((user, last.map_or(0.0, |last| time - last)));
            }
            last = Some(time);
        }
        Ok(turns)
    }

    /// Says how long each change of hands took.
    async fn took_turns(&self, users: &[&str]) -> Result<()> {
        let turns = self.in_the_database().await?;
        for (user, seconds) in turns.iter().skip(1) {
            eprintln!("{user} takes over: nobody reads for {seconds:.1} s");
        }
        assert_eq!(turns.iter().map(|(user, _)| user.as_str()).collect::<Vec<_>>(), users);
        Ok(())
    }

    /// Who has written what of the product, in the order of time.
    fn writers(&self) -> Result<Vec<String>> {
        Ok(self.writes()?.into_iter().map(|write| write.user).collect())
    }

    /// All that somebody of the product, or a person, has changed.
    fn writes(&self) -> Result<Vec<Write>> {
        let mut writes = witness::writes(&self.world)?;
        writes.retain(|write| write.code < 300);
        Ok(writes)
    }

    /// Every object was written by whoever had the lease then.
    fn one_at_a_time(&self) -> Result<()> {
        let operators = [account(NAME), account(SECOND)];
        let mut holder = None;
        let mut objects = 0;
        // What was written before there was a lease, one operator wrote alone.
        for write in self.writes()?.into_iter().filter(|write| operators.contains(&write.user)) {
            match (write.resource.as_str(), &holder) {
                ("leases", _) => holder = Some(write.user),
                (_, Some(holder)) => {
                    ensure!(write.user == *holder, "{holder} has the lease, and this was written: {write:?}");
                    objects += 1;
                }
                (_, None) => {}
            }
        }
        ensure!(objects > 0, "nothing was written under a lease");
        Ok(())
    }
}

impl Party<'_, '_> {
    async fn overview(&self) -> Result<Value> {
        Ok(serde_json::from_str(&get(self.health, "/").await?.body)?)
    }

    async fn leads(&self) -> Result<bool> {
        self.overview().await?["leader"].as_bool().context("it does not say whether it leads")
    }

    async fn begins_to_lead(&self) -> Result<()> {
        eventually(&format!("the one at {} to lead", self.health), SOON, async || {
            let overview = self.overview().await?;
            let acts = overview["leader"] == true && overview["last_sync_age_seconds"].is_u64();
            ensure!(acts, "it says {overview}");
            Ok(())
        })
        .await
    }

    /// Waits until it stands by, and would pass both probes.
    async fn stands_by(&self) -> Result<()> {
        eventually(&format!("the one at {} to stand by", self.health), SOON, async || {
            ensure!(!self.leads().await?, "it leads");
            for path in ["/healthz", "/readyz"] {
                let answer = get(self.health, path).await?;
                ensure!(answer.status == 200, "{path}: {answer:?}");
            }
            Ok(())
        })
        .await
    }

    /// Waits until it is so many seconds older.
    async fn lives_on(&self, seconds: u64) -> Result<()> {
        let until = self.age().await? + seconds;
        eventually("time to pass", SOON, async || {
            let age = self.age().await?;
            ensure!(age >= until, "{age} of {until}");
            Ok(())
        })
        .await
    }

    /// In seconds, from an uptime such as `2h45m30s`.
    async fn age(&self) -> Result<u64> {
        let overview = self.overview().await?;
        let uptime = overview["uptime"].as_str().context("no uptime")?.trim_end_matches('s');
        uptime.split(['h', 'm']).try_fold(0, |age, part| Ok(age * 60 + part.parse::<u64>()?))
    }

    async fn metric(&self, name: &str) -> Result<String> {
        let metrics = get(self.health, "/metrics").await?.body;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(str::to_owned).with_context(|| format!("no metric {name}"))
    }
}

/// Gives the second operator the same rights, in its own name.
async fn allow_second(world: &World<'_>, second: &Operator<'_>) -> Result<()> {
    let client = world.cluster.client();
    let create = PostParams::default();
    let account = ServiceAccount { metadata: named(SECOND), ..ServiceAccount::default() };
    Api::namespaced(client.clone(), NAMESPACE).create(&create, &account).await?;
    let binding = ClusterRoleBinding {
        metadata: named(SECOND),
        role_ref: role("ClusterRole"),
        subjects: Some(vec![subject(SECOND)]),
    };
    Api::all(client).create(&create, &binding).await?;

    let path = world.cluster.operator_kubeconfig().await?;
    let mut kubeconfig: Value = serde_json::from_slice(&fs::read(&path)?)?;
    let token = world.cluster.kubectl(&["create", "token", SECOND, "--namespace", NAMESPACE])?;
    kubeconfig["users"][0]["user"]["token"] = token.trim().into();
    let path = path.with_file_name("operator-2.kubeconfig");
    fs::write(&path, kubeconfig.to_string())?;
    second.set("KUBECONFIG", &path.display().to_string());

    let password = fs::read_to_string(world.database.password_file())?;
    let on = format!("ON {DATABASE}.multi_interface TO {SECOND_USER}@'%'");
    for statement in [
        format!("CREATE USER {SECOND_USER}@'%' IDENTIFIED BY '{password}'"),
        format!("GRANT SELECT ON {DATABASE}.* TO {SECOND_USER}@'%'"),
        format!("GRANT UPDATE (netplan_success, modified_at) {on}"),
    ] {
        world.database.execute(&statement).await?;
    }
    second.set("DB_USER", SECOND_USER);
    second.set("LISTEN", SECOND_HEALTH);
    Ok(())
}

/// Gives both operators what the chart gives to several.
async fn allow_leases(world: &World<'_>) -> Result<()> {
    let client = world.cluster.client();
    let permissions: Vec<PolicyRule> = serde_saphyr::from_str(&fs::read_to_string(RULES)?)?;
    let roles = Api::<Role>::namespaced(client.clone(), NAMESPACE);
    if roles.get_opt(NAME).await?.is_none() {
        roles
            .create(&PostParams::default(), &Role { metadata: named(NAME), rules: Some(permissions) })
            .await?;
    }
    let binding = RoleBinding {
        metadata: named(NAME),
        role_ref: role("Role"),
        subjects: Some(vec![subject(NAME), subject(SECOND)]),
    };
    Api::namespaced(client, NAMESPACE).create(&PostParams::default(), &binding).await?;
    Ok(())
}

fn role(kind: &str) -> RoleRef {
    RoleRef {
        api_group: "rbac.authorization.k8s.io".to_owned(),
        kind: kind.to_owned(),
        name: NAME.to_owned(),
    }
}

fn subject(account: &str) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: account.to_owned(),
        namespace: Some(NAMESPACE.to_owned()),
        ..Subject::default()
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

/// A `ServiceAccount`, as the audit names it.
fn account(name: &str) -> String {
    format!("system:serviceaccount:{NAMESPACE}:{name}")
}

fn one_port() -> OpenstackConfig {
    OpenstackConfig::new("storage", "10.20.0.0/24").with(Port::new(NIC, "worker-1"))
}
