//! NICs whose networks give them their addresses, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use multinic_crds::{InterfaceState, InterfaceStatus};
use multinic_testbed::{
    ControlPlane, Harm, Kind, Needs, Node, Process, SOON, Suite, System, Testbed, eventually, setup::system,
    skip,
};
use serde_json::{Value, json};

use crate::alone::{same, status, want, ways, without_rules_of_ours};

const NIC: &str = "fa:16:3e:00:00:01";
/// Longer than the shortest lease that dnsmasq gives.
const A_LEASE: Duration = Duration::from_mins(3);
/// A lease of two minutes that is renewed after eight seconds, with a router, an MTU, a route, and what must not be taken: a
/// name server, a name and a clock.
const OFFER: [&str; 8] = [
    "--dhcp-range=10.30.0.50,10.30.0.59,255.255.255.0,2m",
    "--dhcp-authoritative",
    "--dhcp-option=option:router,10.30.0.254",
    "--dhcp-option=option:classless-static-route,0.0.0.0/0,10.30.0.254,10.99.0.0/16,10.30.0.253",
    "--dhcp-option=option:mtu,1400",
    "--dhcp-option=option:T1,8",
    "--dhcp-option=option:dns-server,10.30.0.254",
    "--dhcp-option=option:ntp-server,10.30.0.254",
];
/// The same for another part of the subnet, which refuses addresses of the first.
const ANOTHER: [&str; 4] = [
    "--dhcp-range=10.30.0.150,10.30.0.159,255.255.255.0,2m",
    "--dhcp-authoritative",
    "--dhcp-option=option:router,10.30.0.254",
    "--dhcp-option=option:T1,8",
];

pub(crate) fn tell(suite: Suite) -> Suite {
    let systems = [&system::NETPLAN, &system::NETWORKD, &system::NETWORK_MANAGER_1_42, &system::WICKED];
    let suite = systems.into_iter().fold(suite, |suite, system: &'static System| {
        let name = format!("an_address_is_leased_kept_and_given_up_with_{}", system.name);
        suite.tell(&name, Needs::FullNodes, async move |bed: &Testbed| walk(bed, system).await)
    });
    suite
        .tell("a_lease_that_nobody_renews_ends_and_a_silent_server_is_told", Needs::Testbed, expiry)
        .tell("a_second_server_on_the_network_changes_nothing", Needs::Testbed, two_servers)
        .tell("a_router_and_a_dhcpv6_server_give_addresses_and_no_default_route", Needs::Testbed, six)
}

async fn walk(bed: &Testbed, system: &'static System) -> Result<()> {
    if let Some(obstacle) = system.obstacle() {
        return Err(skip(obstacle));
    }
    let cluster = bed.control_plane().await?;
    let mut place = bed.dhcp_server(0)?;
    let server = place.serve(&OFFER).await?;
    let node = bed.node("worker-1", Kind::Of(system)).await?;
    node.plug(NIC)?;
    let (before, names) = (all(&node)?, resolvers(&node)?);
    let monitor = node.monitor().await?;
    node.join(&cluster).await?;
    want(&cluster, &node, &json!([nic("dhcp4", &json!({ "sourceRouting": {} }))])).await?;
    let address = leased(&cluster, &node, "10.30.0.5").await?;
    ensure!(node.link(NIC)?.mtu == 1400, "the MTU is {}", node.link(NIC)?.mtu);
    only_its_own(&node)?;
    ensure!(resolvers(&node)? == names, "the node's name servers changed to {}", resolvers(&node)?);

    let kept = node.run_beside("kept", "exec ip -oneline monitor address dev multinic0")?;
    renewed(&server, 3).await?;
    node.kill_agent()?;
    node.start_agent(&cluster).await?;
    renewed(&server, 5).await?;
    ensure!(!kept.log()?.contains("Deleted"), "the address was away: {}", kept.log()?);
    drop(kept);

    drop(server);
    let server = place.serve(&ANOTHER).await?;
    let another = leased(&cluster, &node, "10.30.0.15").await?;
    ensure!(!node.link(NIC)?.addresses.contains(&address), "{address} is still there");
    assert_eq!(monitor.finish().await.map(without_rules_of_ours)?, Harm::default());

    node.exec(system.reload)?;
    eventually("the address to be back after a reload", SOON, async || has(&node, &another)).await?;
    node.reboot().await?;
    node.start_agent(&cluster).await?;
    leased(&cluster, &node, "10.30.0.15").await?;
    only_its_own(&node)?;
    drop(server);
    want(&cluster, &node, &json!([])).await?;
    eventually("nothing of it to be left", SOON, async || same(&before, &all(&node)?)).await
}

async fn expiry(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(NIC)?;
    node.join(&cluster).await?;
    want(&cluster, &node, &json!([nic("dhcp4", &json!({}))])).await?;
    told(&cluster, &node, InterfaceState::Pending, "AwaitingAddress").await?;
    told(&cluster, &node, InterfaceState::Failed, "NoLease").await?;
    let mut place = bed.dhcp_server(0)?;
    let server = place.serve(&OFFER).await?;
    leased(&cluster, &node, "10.30.0.5").await?;
    drop(server);
    let lost = eventually("the lease to end", A_LEASE, async || {
        let nic = reported(&cluster, &node).await?;
        ensure!(nic.reason == "LeaseLost", "{nic:?}");
        Ok(nic)
    })
    .await?;
    ensure!(lost.message.contains("10.30.0.5") && lost.state == InterfaceState::Failed, "{lost:?}");
    ensure!(node.link(NIC)?.addresses.is_empty(), "{:?}", node.link(NIC)?.addresses);
    let _server = place.serve(&OFFER).await?;
    eventually("an address again", A_LEASE, async || {
        let nic = reported(&cluster, &node).await?;
        ensure!(nic.state == InterfaceState::Configured, "{nic:?}");
        Ok(())
    })
    .await
}

async fn two_servers(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let mut place = bed.dhcp_server(0)?;
    let server = place.serve(&OFFER).await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(NIC)?;
    node.join(&cluster).await?;
    want(&cluster, &node, &json!([nic("dhcp4", &json!({}))])).await?;
    let address = leased(&cluster, &node, "10.30.0.5").await?;
    let mut other = bed.dhcp_server(1)?;
    let _other = other.serve(&["--dhcp-range=10.31.0.50,10.31.0.59,255.255.255.0,2m"]).await?;
    // Longer than the first lease: without the later ones the kernel would have taken the address away.
    renewed(&server, 17).await?;
    has(&node, &address)?;
    want(&cluster, &node, &json!([nic("static", &json!({ "addresses": ["10.30.0.77/24"] }))])).await?;
    eventually("the address of the object instead of the leased one", SOON, async || {
        let link = node.link(NIC)?;
        ensure!(link.addresses == ["10.30.0.77/24"], "{link:?}");
        Ok(())
    })
    .await
}

async fn six(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let mut place = bed.dhcp_server(0)?;
    let advertised = ["--enable-ra", "--dhcp-range=2001:db8:30::,slaac,64,10m", "--ra-param=lan,high,4,600"];
    let router = place.serve(&advertised).await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(NIC)?;
    node.join(&cluster).await?;
    want(&cluster, &node, &json!([nic("slaac", &json!({}))])).await?;
    let made = leased(&cluster, &node, "2001:db8:30:0:f816:3eff:fe00:1").await?;
    ensure!(made.ends_with("/64"), "{made}");
    no_default_route(&node)?;
    drop(router);

    let stateful = [
        "--enable-ra",
        "--dhcp-range=2001:db8:30::50,2001:db8:30::59,64,2m",
        "--ra-param=lan,high,4,600",
        "--dhcp-option=option6:dns-server,[2001:db8:30::fe]",
    ];
    let server = place.serve(&stateful).await?;
    let answering = json!({ "sourceRouting": { "gateways": ["2001:db8:30::fe"] } });
    want(&cluster, &node, &json!([nic("dhcp6", &answering)])).await?;
    let given = leased(&cluster, &node, "2001:db8:30::5").await?;
    ensure!(given.ends_with("/128"), "{given}");
    eventually("the subnet that the router says to be on the link", SOON, async || {
        let shown = node.exec(&["ip", "-6", "route", "show", "dev", "multinic0"])?;
        ensure!(shown.contains("2001:db8:30::/64"), "{shown}");
        Ok(())
    })
    .await?;
    no_default_route(&node)?;
    let own = node.exec(&["ip", "-6", "route", "show", "table", "5300"])?;
    ensure!(own.contains("default via 2001:db8:30::fe dev multinic0"), "{own}");
    eventually("the DHCPv6 lease to be renewed", A_LEASE, async || {
        let log = server.log()?;
        ensure!(log.contains("DHCPRENEW"), "{log}");
        Ok(())
    })
    .await?;
    node.kill_agent()?;
    node.start_agent(&cluster).await?;
    eventually("the same address after a restart", SOON, async || has(&node, &given)).await?;
    want(&cluster, &node, &json!([])).await?;
    eventually("no address to be left", SOON, async || {
        let addresses = node.link(NIC)?.addresses;
        ensure!(addresses.is_empty(), "{addresses:?}");
        Ok(())
    })
    .await
}

fn nic(addressing: &str, more: &Value) -> Value {
    let mut nic = json!({ "macAddress": NIC, "name": "multinic0", "addressing": addressing });
    if let (Some(nic), Some(more)) = (nic.as_object_mut(), more.as_object()) {
        nic.extend(more.clone());
    }
    nic
}

async fn reported(cluster: &ControlPlane<'_>, node: &Node<'_>) -> Result<InterfaceStatus> {
    status(cluster, node).await?.interfaces.into_iter().next().context("no NIC in the status")
}

async fn told(
    cluster: &ControlPlane<'_>,
    node: &Node<'_>,
    state: InterfaceState,
    reason: &str,
) -> Result<()> {
    eventually(&format!("{reason} to be told"), SOON, async || {
        let nic = reported(cluster, node).await?;
        ensure!(nic.state == state && nic.reason == reason, "{nic:?}");
        Ok(())
    })
    .await
}

/// The address that begins so, once the agent says that the NIC is configured with it.
async fn leased(cluster: &ControlPlane<'_>, node: &Node<'_>, begin: &str) -> Result<String> {
    eventually(&format!("an address {begin}…"), SOON, async || {
        let nic = reported(cluster, node).await?;
        ensure!(nic.state == InterfaceState::Configured, "{nic:?}");
        let observed = nic.observed.as_ref().context("nothing observed")?;
        let found = observed.addresses.iter().find(|address| address.starts_with(begin)).cloned();
        found.with_context(|| format!("{nic:?}"))
    })
    .await
}

fn has(node: &Node<'_>, address: &str) -> Result<()> {
    let addresses = node.link(NIC)?.addresses;
    ensure!(addresses.iter().any(|found| found == address), "{address} is not among {addresses:?}");
    Ok(())
}

/// Waits until `server` granted the lease so often.
async fn renewed(server: &Process, times: usize) -> Result<()> {
    eventually(&format!("the lease to be granted {times} times"), A_LEASE, async || {
        let granted = server.log()?.matches("DHCPACK").count();
        ensure!(granted >= times, "{granted} times so far");
        Ok(())
    })
    .await
}

/// The routes of the lease are in the NIC's own table, and nowhere else.
fn only_its_own(node: &Node<'_>) -> Result<()> {
    no_default_route(node)?;
    let own = node.exec(&["ip", "route", "show", "table", "5300"])?;
    ensure!(own.contains("default via 10.30.0.254 dev multinic0"), "{own}");
    let main = node.exec(&["ip", "route", "show"])?;
    ensure!(!main.contains("10.99.0.0/16"), "{main}");
    Ok(())
}

fn no_default_route(node: &Node<'_>) -> Result<()> {
    let main = node.exec(&["sh", "-c", "ip route show; ip -6 route show"])?;
    let over_nic = main.lines().find(|line| line.starts_with("default") && line.contains("multinic0"));
    ensure!(over_nic.is_none(), "{main}");
    Ok(())
}

fn resolvers(node: &Node<'_>) -> Result<String> {
    node.exec(&["sh", "-c", "cat /etc/resolv.conf /run/systemd/resolve/resolv.conf 2> /dev/null; hostname"])
}

/// Every rule and every route. Whether an idle link is up, and so has the one that is left out, is a matter of the host.
fn all(node: &Node<'_>) -> Result<BTreeSet<String>> {
    let mut ways = ways(node)?;
    ways.retain(|line| !line.starts_with("multicast"));
    Ok(ways)
}
