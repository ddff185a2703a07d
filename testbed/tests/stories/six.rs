//! An API server that is reached over IPv6 alone.

use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{GATEWAY, Kind, LAN, Needs, Suite, Testbed};
use serde_json::json;
use tokio::net::TcpStream;

use crate::endings::{FIRST, SECOND, Scene};

/// Where the API server is, on the network of the NICs, so that nothing but the way there makes one of them the node's own.
const SERVER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 0, 1);
/// The node's address there.
const ADDRESS: &str = "2001:db8:a::5/64";
/// No new connection to it is made, and the kernel's way there is the same to whoever asks.
const CUT_OFF: &str = "pref 50 ipproto tcp dport 6443 blackhole";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell(
        "a53_with_an_api_server_on_ipv6_alone_the_way_to_it_is_protected_and_tried",
        Needs::Testbed,
        over_ipv6,
    )
}

async fn over_ipv6(bed: &Testbed) -> Result<()> {
    bed.spawner()?.run(&["ip", "address", "add", &format!("{SERVER}/64"), "dev", LAN, "nodad"])?;
    let cluster = bed.control_plane_at(IpAddr::V6(SERVER)).await?;
    ensure!(TcpStream::connect((GATEWAY, 6443)).await.is_err(), "it listens at {GATEWAY} as well");
    let node = bed.node("worker-1", Kind::Light).await?;
    let way = node.plug(FIRST)?;
    node.plug(SECOND)?;
    node.exec(&["ip", "link", "set", &way, "addrgenmode", "none", "up"])?;
    node.exec(&["ip", "address", "add", ADDRESS, "dev", &way, "nodad"])?;
    node.join(&cluster).await?;
    let scene = Scene { cluster, node };
    let node = &scene.node;
    let before = node.link(FIRST)?;

    let with = |last: u8| {
        let addresses = [format!("10.20.0.{last}/24"), format!("2001:db8:20::{last}/64")];
        json!([
            { "macAddress": FIRST, "name": "multinic0", "addresses": ["10.30.0.5/24"] },
            { "macAddress": SECOND, "name": "multinic1", "addresses": addresses },
        ])
    };
    let generation = scene.ask(&with(5)).await?;
    let refused = scene.says(generation, "ProtectedInterface").await?;
    ensure!(refused.message.contains("is the way to the API server"), "{refused:?}");
    second_is(&scene, generation, InterfaceState::Configured, "Configured").await?;

    // The way is lost with a change: that is noticed by a new connection over IPv6, and by nothing else.
    let meddler = node.run_beside(
        "meddler",
        &format!(
            "exec 2>/dev/null; while sleep 0.05; do \
               if ip -6 address show multinic1 | grep -q 2001:db8:20::6; then \
                 ip -6 rule show | grep -q ^50: || ip -6 rule add {CUT_OFF}; \
               else ip -6 rule del {CUT_OFF}; fi; \
             done"
        ),
    )?;
    let generation = scene.ask(&with(6)).await?;
    second_is(&scene, generation, InterfaceState::Failed, "SelfFenced").await?;
    let log = node.agent()?.log()?;
    let said = format!("the API server at {SERVER}, which takes no new connection, changed");
    ensure!(log.contains(&said), "{log}");
    let nic = node.link(SECOND)?;
    ensure!(nic.addresses == ["10.20.0.5/24", "2001:db8:20::5/64"], "{nic:?}");
    drop(meddler);
    // It may have been killed before it took its rule away.
    let _ = node.exec(&["sh", "-c", &format!("ip -6 rule del {CUT_OFF}")]);

    let generation = scene.ask(&with(7)).await?;
    second_is(&scene, generation, InterfaceState::Configured, "Configured").await?;
    assert_eq!(node.link(FIRST)?, before);
    Ok(())
}

/// Waits until the agent says this of the second NIC, and that of this generation.
async fn second_is(
    scene: &Scene<'_>,
    generation: Option<i64>,
    state: InterfaceState,
    reason: &str,
) -> Result<()> {
    let nic = scene.says_of(SECOND, generation, reason).await?;
    ensure!(nic.state == state, "{nic:?}");
    Ok(())
}
