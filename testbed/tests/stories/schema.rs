//! What the API server takes is what the parsers take: parser, schema pattern and CEL rule say the same.

use std::fmt::Display;
use std::str::FromStr;

use anyhow::{Result, anyhow, ensure};
use ipnet::IpNet;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::ApiResource;
use multinic_crds::{
    Addressing, Interface, InterfaceAddress, InterfaceName, MAX_ROUTES, MacAddress, Mtu, NextHop,
    NodeNetworkConfig, Route, RouteDestination, RouteTable,
};
use multinic_testbed::{ControlPlane, Needs, Suite, Testbed};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// Candidates for each field. The same ones in every run.
const CANDIDATES: usize = 250;

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("a40_malformed_objects_are_refused_with_a_reason", Needs::Testbed, malformed)
        .tell("a40_the_api_server_takes_exactly_what_the_parsers_take", Needs::Testbed, parsers)
        .tell("the_api_server_takes_the_routes_that_the_parsers_take", Needs::Testbed, routes)
        .tell("the_api_server_takes_the_addressing_that_the_parsers_take", Needs::Testbed, addressing)
        .tell("source_routing_is_taken_as_a_whole_with_and_without_gateways", Needs::Testbed, whole)
        .tell("the_api_server_takes_the_examples_and_drops_nothing_of_them", Needs::Testbed, examples)
        .tell("a_spec_that_was_planned_from_an_older_version_is_not_taken", Needs::Testbed, outdated)
}

/// As somebody would try them: without anything being stored.
async fn examples(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut taken = 0;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path().display().to_string();
        let dry_run = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", &path];
        let answer = cluster.kubectl(&[&dry_run[..], &["-o", "json"]].concat())?;
        let stored: Value = serde_json::from_str(&answer)?;
        let written: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path)?)?;
        ensure!(stored["spec"]["interfaces"] == written["spec"]["interfaces"], "{path}: {stored:#}");
        taken += 1;
    }
    ensure!(taken >= 5, "there are {taken} examples");
    Ok(())
}

/// What the operator relies on, so that a late write of one that no longer leads does no harm.
async fn outdated(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let objects = Api::<NodeNetworkConfig>::all(cluster.client());
    let params = PatchParams::apply("operator").force();
    let apply = async |version: Option<String>, nics: Value| {
        let object = json!({
            "apiVersion": "multinic.io/v1alpha1", "kind": "NodeNetworkConfig",
            "metadata": { "name": "worker-1", "resourceVersion": version }, "spec": { "interfaces": nics },
        });
        objects.patch("worker-1", &params, &Patch::Apply(object)).await
    };
    let nic = |mac: &str| json!([{ "macAddress": mac, "name": "multinic0" }]);
    // Upon a version that none ever has, an object is created, and not changed.
    let never = Some("1".to_owned());
    let planned_from = apply(never.clone(), json!([])).await?.resource_version();
    refused(apply(never, nic("fa:16:3e:00:00:03")).await)?;
    let by_the_successor = apply(planned_from.clone(), nic("fa:16:3e:00:00:01")).await?;
    refused(apply(planned_from, nic("fa:16:3e:00:00:02")).await)?;
    ensure!(objects.get("worker-1").await?.spec == by_the_successor.spec);
    Ok(())
}

/// Where addresses come from, with what must go with it and what must not.
async fn addressing(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let gate = Gate::new(&cluster);
    let words = Addressing::ALL.map(Addressing::as_str).map(Some).into_iter().chain([None]);
    for (word, address) in words.flat_map(|word| [None, Some("10.20.0.5/24")].map(|address| (word, address)))
    {
        for routing in [None, Some(json!({})), Some(json!({ "gateways": ["10.20.0.1"] }))] {
            let mut nic = json!({ "macAddress": "fa:16:3e:00:00:01", "name": "multinic0" });
            let fields = [
                ("addressing", word.map(|word| json!(word))),
                ("addresses", address.map(|address| json!([address]))),
                ("sourceRouting", routing),
            ];
            for (field, value) in fields.into_iter().filter_map(|(field, value)| Some((field, value?))) {
                nic[field] = value;
            }
            let parsed: Interface = serde_json::from_value(nic.clone())?;
            gate.takes(json!([nic]), parsed.contradiction().is_none()).await?;
        }
        let small = json!([{ "macAddress": "fa:16:3e:00:00:01", "name": "multinic0", "addressing": word, "mtu": 1279 }]);
        if let Some(addressing) = Addressing::ALL.into_iter().find(|all| Some(all.as_str()) == word)
            && addressing != Addressing::Static
        {
            gate.takes(small, !addressing.is_ipv6()).await?;
        }
    }
    for (verify, taken) in [("kernel", true), ("wire", true), ("cable", false)] {
        let nic = json!({ "macAddress": "fa:16:3e:00:00:01", "name": "multinic0", "verify": verify });
        gate.takes(json!([nic]), taken).await?;
    }
    Ok(())
}

/// What an apply says of it is what there is then, also where it says that the network tells the gateway.
async fn whole(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let objects = Api::<NodeNetworkConfig>::all(cluster.client());
    let params = PatchParams::apply("operator").force();
    let said = json!({ "gateways": ["10.20.0.1"] });
    for source_routing in [said.clone(), json!({}), said, Value::Null, json!({}), Value::Null] {
        let mut nic =
            json!({ "macAddress": "fa:16:3e:00:00:01", "name": "multinic0", "addressing": "dhcp4" });
        if !source_routing.is_null() {
            nic["sourceRouting"] = source_routing;
        }
        let object = json!({
            "apiVersion": "multinic.io/v1alpha1", "kind": "NodeNetworkConfig",
            "metadata": { "name": "worker-1" }, "spec": { "interfaces": [nic] },
        });
        let stored = objects.patch("worker-1", &params, &Patch::Apply(&object)).await?.spec.interfaces;
        ensure!(json!(stored) == object["spec"]["interfaces"], "of {object} it stores {stored:?}");
    }
    Ok(())
}

fn refused(answer: kube::Result<NodeNetworkConfig>) -> Result<()> {
    match answer {
        Err(kube::Error::Api(status)) if status.is_conflict() => Ok(()),
        other => Err(anyhow!("it is taken: {other:?}")),
    }
}

async fn malformed(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let gate = Gate::new(&cluster);
    let nic =
        |n: usize| json!({ "macAddress": format!("fa:16:3e:00:00:{n:02x}"), "name": format!("multinic{n}") });
    let with = |mut nic: Value, key: &str, value: Value| {
        nic[key] = value;
        nic
    };
    gate.admits(json!([])).await?;
    gate.admits((0..20).map(nic).collect()).await?;
    gate.admits(json!([with(nic(0), "addresses", json!(["10.0.0.5/24", "2001:db8::5/64"]))])).await?;

    for (interfaces, complaint) in [
        (json!([nic(1), with(nic(2), "macAddress", nic(1)["macAddress"].clone())]), "Duplicate value"),
        (
            json!([nic(1), with(nic(2), "name", json!("multinic1"))]),
            "every interface needs a name of its own",
        ),
        ((0..21).map(nic).collect(), "at most 20 items"),
        (json!([with(nic(1), "macAddress", json!("fa:16:3e"))]), "macAddress"),
        (json!([with(nic(1), "macAddress", json!("01:00:5e:00:00:01"))]), "macAddress"),
        (json!([with(nic(1), "macAddress", json!("00:00:00:00:00:00"))]), "belongs to no NIC"),
        (json!([with(nic(1), "name", json!("eth0"))]), "name"),
        (json!([with(nic(1), "addresses", json!(["10.0.0.5"]))]), "addresses[0]"),
        (json!([with(nic(1), "addresses", json!(["::1/128"]))]), "cannot be given to a NIC"),
        (json!([with(nic(1), "addresses", json!(["10.0.0.5/24", "10.0.0.5/24"]))]), "Duplicate value"),
        (json!([with(nic(1), "mtu", json!(67))]), "mtu"),
        (
            json!([with(with(nic(1), "mtu", json!(1279)), "addresses", json!(["2001:db8::5/64"]))]),
            "at least 1280",
        ),
    ] {
        let refusal = gate.refusal(interfaces.clone()).await?;
        ensure!(
            refusal.as_ref().is_some_and(|message| message.contains(complaint)),
            "{interfaces} should be refused for {complaint:?}, and got {refusal:?}"
        );
    }
    Ok(())
}

async fn parsers(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let gate = Gate::new(&cluster);
    let interface = |key: &str, value: Value| {
        let mut nic = json!({ "macAddress": "fa:16:3e:00:00:01", "name": "multinic0" });
        nic[key] = value;
        json!([nic])
    };
    for text in sample(MAC_ADDRESSES)? {
        gate.takes(interface("macAddress", json!(text)), canonical::<MacAddress>(&text)).await?;
    }
    for text in sample(NAMES)? {
        gate.takes(interface("name", json!(text)), canonical::<InterfaceName>(&text)).await?;
    }
    for bytes in (0..CANDIDATES)
        .map(|n| i64::try_from(n * n * 3).unwrap_or_default() - 10)
        .chain([67, 68, 65_535, 65_536])
    {
        gate.takes(interface("mtu", json!(bytes)), Mtu::try_from(bytes).is_ok()).await?;
    }
    for text in sample(ADDRESSES)? {
        let address = |text: &str| interface("addresses", json!([text]));
        gate.takes_no_more_than::<InterfaceAddress>(&text, address).await?;
    }
    Ok(())
}

async fn routes(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let gate = Gate::new(&cluster);
    let with = |key: &str, value: Value| json!([{ "macAddress": "fa:16:3e:00:00:01", "name": "multinic0", key: value }]);
    let gateways = |gateways: Value| with("sourceRouting", json!({ "gateways": gateways }));
    for text in sample(ROUTERS)? {
        gate.takes_no_more_than::<NextHop>(&text, |text| gateways(json!([text]))).await?;
    }
    for text in sample(ADDRESSES)?.into_iter().chain(sample(NETWORKS)?) {
        // In a table of its own, where even the way to everywhere may be.
        let route = |text: &str| with("routes", json!([{ "destination": text, "table": 100 }]));
        // Whether there are host bits it cannot tell.
        let with_host_bits = text.parse::<IpNet>().ok().filter(|net| net.trunc() != *net);
        let net = with_host_bits.map_or(text, |net| net.trunc().to_string());
        gate.takes_no_more_than::<RouteDestination>(&net, route).await?;
    }
    for table in [-1, 0, 1, 252, 253, 254, 255, 256, 5299, 5300, 5319, 5320, i64::from(u32::MAX), 1 << 32] {
        let route = json!([{ "destination": "10.30.0.0/16", "table": table }]);
        gate.takes(with("routes", route), RouteTable::try_from(table).is_ok()).await?;
    }
    together(&gate, with).await?;
    for (both, taken) in [
        (json!(["10.20.0.1", "2001:db8::1"]), true),
        (json!(["fe80::1"]), true),
        (json!(["10.20.0.1", "10.20.0.2"]), false),
        (json!([]), false),
    ] {
        gate.takes(gateways(both), taken).await?;
    }
    Ok(())
}

/// The fields of a route together, and routes together.
async fn together(gate: &Gate, with: impl Fn(&str, Value) -> Value) -> Result<()> {
    for (destination, via, on_link, table) in all_kinds_of_routes() {
        let route = json!({ "destination": destination, "via": via, "onLink": on_link, "table": table });
        let parsed: Route = serde_json::from_value(route.clone())?;
        let refusal = gate.refusal(with("routes", json!([route]))).await?;
        let said = refusal.as_deref().unwrap_or_default();
        let as_parsed =
            parsed.contradiction().map_or_else(|| refusal.is_none(), |words| said.contains(words));
        ensure!(
            as_parsed,
            "{route}: the parser says {:?}, the API server {refusal:?}",
            parsed.contradiction()
        );
    }
    let route = |number: usize| json!({ "destination": format!("10.30.{number}.0/24"), "via": "10.20.0.1" });
    gate.takes(with("routes", (0..MAX_ROUTES).map(route).collect()), true).await?;
    gate.takes(with("routes", (0..=MAX_ROUTES).map(route).collect()), false).await?;
    Ok(())
}

fn all_kinds_of_routes() -> impl Iterator<Item = (&'static str, Option<&'static str>, bool, Option<u32>)> {
    let destinations = ["10.30.0.0/16", "0.0.0.0/0", "2001:db8:30::/48", "::/0"];
    let vias = [None, Some("10.20.0.1"), Some("2001:db8:20::1")];
    let ends = [(false, None), (true, None), (false, Some(100)), (true, Some(100))];
    destinations.into_iter().flat_map(move |destination| {
        vias.into_iter().flat_map(move |via| {
            ends.into_iter().map(move |(on_link, table)| (destination, via, on_link, table))
        })
    })
}

/// As [`ADDRESSES`], without prefixes.
const ROUTERS: &str = "(0|1|9|10|126|127|128|223|224|255|256|01)(\\.(0|5|25[0-9]|1[0-9]{2}|05)){3}|\
    (10\\.0\\.0\\.5|2001:db8::5)(/(24|64))?|\
    ([0-9a-f]{1,4}:){1,7}:?[0-9a-f]{0,4}|\
    ([0-9a-f]{1,4}:){0,3}:([0-9a-f]{1,4}:){0,3}[0-9a-f]{1,4}|\
    (0:){0,6}(::)?(0:|ffff:){0,2}[01]{1,2}|\
    ::ffff:([0-9a-f]{1,4}:)?[0-9a-f]{1,4}|::ffff:10\\.0\\.0\\.1|0:0:0:0:0:ffff:(1:)?:|\
    (ff|FE80|fe80|FD00)[0-9]{0,2}:{1,2}[0-9a-f]{1,4}";

/// Networks of few bits, and those that are none.
const NETWORKS: &str = "(0|10|127|128|192|224)\\.(0|128|64)\\.0\\.0/([0-9]|1[0-9]|32|33)|(2001:db8|fe80|ff02|0)?::/([0-9]{1,2}|12[0-9])|\
    (::|0::|0\\.0\\.0\\.0)/(0|00|1)";

const MAC_ADDRESSES: &str =
    "[0-9a-fA-F:-]{16,18}|([0-9a-f]{2}:){5}[0-9a-f]{2}|([0-9A-F]{2}-){5}[0-9A-F]{2}|(00:){5}0[01]";

const NAMES: &str = "multinic[0-9]{0,3}|multinic[+ a]?[0-9]|[a-z]{3,10}[0-9]?|Multinic1| multinic1";

/// Near misses: octets and prefixes around their bounds, `::` in every place, mapped, loopback, multicast.
const ADDRESSES: &str = "(0|1|9|10|126|127|128|223|224|255|256|01)(\\.(0|5|25[0-9]|1[0-9]{2}|05)){3}/(0|1|8|24|3[0-4]|024)|\
    (10\\.0\\.0\\.5|2001:db8::5)(/)?|\
    ([0-9a-f]{1,4}:){1,7}:?[0-9a-f]{0,4}/(0|1|64|12[6-9])|\
    ([0-9a-f]{1,4}:){0,3}:([0-9a-f]{1,4}:){0,3}[0-9a-f]{1,4}/64|\
    (0:){0,6}(::)?(0:|ffff:){0,2}[01]{1,2}/(64|128)|\
    ::ffff:([0-9a-f]{1,4}:)?[0-9a-f]{1,4}/120|::ffff:10\\.0\\.0\\.1/120|0:0:0:0:0:ffff:(1:)?:/96|\
    (ff|FE80|fe80|FD00)[0-9]{0,2}:{1,2}[0-9a-f]{1,4}/64";

fn sample(pattern: &str) -> Result<Vec<String>> {
    let mut runner = TestRunner::deterministic();
    let strategy = proptest::string::string_regex(pattern)?;
    let one =
        |_| strategy.new_tree(&mut runner).map(|tree| tree.current()).map_err(|reason| anyhow!("{reason}"));
    (0..CANDIDATES).map(one).collect()
}

/// Whether `text` is how a `T` is printed: the only spelling that goes into an object.
fn canonical<T: FromStr + Display>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|value| value.to_string() == text)
}

/// The API server, asked without anything being stored.
struct Gate {
    api: Api<DynamicObject>,
    kind: ApiResource,
}

impl Gate {
    fn new(cluster: &ControlPlane<'_>) -> Self {
        let kind = ApiResource::erase::<NodeNetworkConfig>(&());
        Self { api: Api::all_with(cluster.client(), &kind), kind }
    }

    /// Why an object with these interfaces is refused, if it is.
    async fn refusal(&self, interfaces: Value) -> Result<Option<String>> {
        let object =
            DynamicObject::new("candidate", &self.kind).data(json!({ "spec": { "interfaces": interfaces } }));
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        match self.api.create(&dry_run, &object).await {
            Ok(_) => Ok(None),
            Err(kube::Error::Api(status)) if status.is_invalid() => Ok(Some(status.message.clone())),
            Err(error) => Err(error.into()),
        }
    }

    async fn admits(&self, interfaces: Value) -> Result<()> {
        self.takes(interfaces, true).await
    }

    /// Of the text in `interfaces`: nothing that is no `T`, and every `T` as it is printed.
    async fn takes_no_more_than<T>(&self, text: &str, interfaces: impl Fn(&str) -> Value) -> Result<()>
    where
        T: FromStr<Err: Display> + Display,
    {
        let taken = self.refusal(interfaces(text)).await?.is_none();
        match text.parse::<T>() {
            Ok(value) => self.admits(interfaces(&value.to_string())).await,
            Err(error) => {
                ensure!(!taken, "the API server takes {text:?}, and the parser does not: {error}");
                Ok(())
            }
        }
    }

    async fn takes(&self, interfaces: Value, expected: bool) -> Result<()> {
        let refusal = self.refusal(interfaces.clone()).await?;
        ensure!(
            refusal.is_none() == expected,
            "the parser says {expected} to {interfaces}, and the API server says {refusal:?}"
        );
        Ok(())
    }
}
