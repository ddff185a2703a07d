//! What the network of a NIC is told, and what it says: who has an address, whether the gateway is there, how much passes.

use anyhow::{Context, Result, ensure};
use multinic_crds::InterfaceStatus;
use multinic_testbed::{ControlPlane, Kind, Needs, Node, SOON, Site, Suite, Testbed, eventually};
use serde_json::{Value, json};

use crate::alone::{status, want};

const MAC: &str = "fa:16:3e:00:00:01";
/// Where nobody is any more.
const FORMER: &str = "fa:16:3e:99:99:99";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("neighbours_hear_where_an_address_is_now", Needs::FullNodes, announced)
        .tell("an_address_of_another_host_is_not_taken", Needs::FullNodes, taken)
        .tell("an_address_that_another_host_shows_late_is_let_go", Needs::FullNodes, taken_late)
        .tell("a_gateway_that_does_not_answer_is_named", Needs::FullNodes, silent)
        .tell("what_does_not_pass_is_named_to_the_byte", Needs::FullNodes, too_large)
}

/// One node with one NIC at one site.
struct Scene<'bed> {
    cluster: ControlPlane<'bed>,
    site: Site<'bed>,
    node: Node<'bed>,
}

impl<'bed> Scene<'bed> {
    async fn of(bed: &'bed Testbed) -> Result<Self> {
        let (cluster, site) = (bed.control_plane().await?, bed.site(0)?);
        let node = bed.node("worker-1", Kind::Full).await?;
        node.plug(MAC)?;
        node.join(&cluster).await?;
        Ok(Self { cluster, site, node })
    }

    /// A NIC with both families, and the site's router as its gateway.
    fn nic(&self) -> Value {
        json!({
            "macAddress": MAC, "name": "multinic0", "verify": "wire",
            "addresses": self.site.addresses_of_a_nic(),
            "sourceRouting": { "gateways": self.site.gateways() },
        })
    }

    async fn want(&self, nic: &Value) -> Result<()> {
        want(&self.cluster, &self.node, &json!([nic])).await
    }

    /// Waits until the agent says `reason` of the NIC, and `ready` with `overall` of the node.
    async fn says(&self, reason: &str, ready: &str, overall: &str) -> Result<InterfaceStatus> {
        eventually(&format!("the NIC to be {reason}"), SOON, async || {
            let status = status(&self.cluster, &self.node).await?;
            let nic = status.interfaces.first().context("no NIC")?.clone();
            ensure!(nic.reason == reason, "{nic:?}");
            let said = status.conditions.iter().find(|one| one.type_ == "Ready").context("no Ready")?;
            ensure!((said.status.as_str(), said.reason.as_str()) == (ready, overall), "{said:?}");
            Ok(nic)
        })
        .await
    }

    /// Whether the NIC has the site's IPv4 address.
    fn has_address(&self) -> Result<bool> {
        let [wanted, _] = self.site.addresses_of_a_nic();
        Ok(self.node.link(MAC)?.addresses.contains(&wanted))
    }

    fn router_mac(&self) -> Result<String> {
        Ok(self.site.on_router(&["cat", "/sys/class/net/lan/address"])?.trim().to_owned())
    }

    /// The router gets the NIC's own IPv4 address too, or has it no more.
    fn router_has_address(&self, verb: &str) -> Result<()> {
        let [wanted, _] = self.site.addresses_of_a_nic();
        self.site.on_router(&["ip", "address", verb, &wanted, "dev", "lan"])?;
        Ok(())
    }
}

async fn announced(bed: &Testbed) -> Result<()> {
    let scene = Scene::of(bed).await?;
    let ips = scene.site.addresses_of_a_nic().map(|net| net.split('/').next().unwrap_or_default().to_owned());
    for ip in &ips {
        let known = ["ip", "neighbour", "replace", ip, "lladdr", FORMER, "nud", "stale", "dev", "lan"];
        scene.site.on_router(&known)?;
    }
    let mut nic = scene.nic();
    // Asking for its gateway would tell that of it as well.
    nic["verify"] = json!("kernel");
    scene.want(&nic).await?;
    scene.says("Configured", "True", "Configured").await?;
    eventually("the router to know where both addresses are", SOON, async || {
        for ip in &ips {
            let known = scene.site.on_router(&["ip", "neighbour", "show", ip, "dev", "lan"])?;
            ensure!(known.contains(MAC), "{known}");
        }
        Ok(())
    })
    .await
}

async fn taken(bed: &Testbed) -> Result<()> {
    let scene = Scene::of(bed).await?;
    scene.router_has_address("add")?;
    scene.want(&scene.nic()).await?;
    let nic = scene.says("AddressInUse", "False", "InterfaceFailed").await?;
    ensure!(nic.message.contains(&scene.router_mac()?), "{nic:?}");
    ensure!(!scene.has_address()?, "the NIC took it");
    scene.router_has_address("delete")?;
    scene.says("Configured", "True", "Configured").await?;
    ensure!(scene.has_address()?, "the NIC lacks what nobody else has");
    Ok(())
}

async fn taken_late(bed: &Testbed) -> Result<()> {
    let scene = Scene::of(bed).await?;
    scene.want(&scene.nic()).await?;
    scene.says("Configured", "True", "Configured").await?;
    scene.router_has_address("add")?;
    // A carrier that was lost may be back in another network.
    scene.node.flap(MAC)?;
    let nic = scene.says("AddressInUse", "False", "InterfaceFailed").await?;
    ensure!(nic.message.contains(&scene.router_mac()?), "{nic:?}");
    eventually("the address to be let go, and no other", SOON, async || {
        let link = scene.node.link(MAC)?;
        ensure!(link.name == "multinic0" && link.up, "{link:?}");
        ensure!(link.addresses == scene.site.addresses_of_a_nic()[1..], "{link:?}");
        Ok(())
    })
    .await?;
    scene.router_has_address("delete")?;
    scene.says("Configured", "True", "Configured").await?;
    ensure!(scene.has_address()?, "the NIC lacks what nobody else has");
    Ok(())
}

async fn silent(bed: &Testbed) -> Result<()> {
    let scene = Scene::of(bed).await?;
    let [ipv4, ipv6] = scene.site.gateways();
    scene.site.on_router(&["ip", "address", "delete", &format!("{ipv4}/24"), "dev", "lan"])?;
    scene.want(&scene.nic()).await?;
    let nic = scene.says("GatewaySilent", "True", "GatewaySilent").await?;
    ensure!(nic.message.contains(&ipv4) && !nic.message.contains(&ipv6), "{nic:?}");
    ensure!(scene.has_address()?, "it is configured");
    scene.site.on_router(&["ip", "address", "add", &format!("{ipv4}/24"), "dev", "lan"])?;
    scene.says("Configured", "True", "Configured").await?;
    Ok(())
}

async fn too_large(bed: &Testbed) -> Result<()> {
    let scene = Scene::of(bed).await?;
    scene.site.on_router(&["ip", "link", "set", "lan", "mtu", "1450"])?;
    let mut nic = scene.nic();
    nic["mtu"] = json!(9000);
    scene.want(&nic).await?;
    let said = scene.says("MtuTooLarge", "True", "MtuTooLarge").await?;
    ensure!(said.message.contains("1450 of 9000 bytes pass"), "{said:?}");
    nic["mtu"] = json!(1450);
    scene.want(&nic).await?;
    scene.says("Configured", "True", "Configured").await?;
    Ok(())
}
