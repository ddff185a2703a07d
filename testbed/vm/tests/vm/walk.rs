//! The walk of the stories on a real kernel, with real NICs and real udev.

use anyhow::{Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{Port, Schema, Testbed, eventually};
use multinic_testbed_vm::{Guest, VirtualMachine};

use crate::scene::{Right, Scene};

const NODE: &str = "worker-1";

const FIRST: Right =
    Right { mac: "fa:16:3e:00:00:01", name: "multinic0", mtu: 1450, address: "10.20.0.1/24" };
const SECOND: Right =
    Right { mac: "fa:16:3e:00:00:02", name: "multinic1", mtu: 1500, address: "10.20.0.2/24" };
/// Plugged in while the machine runs.
const LATE: Right = Right { mac: "fa:16:3e:00:00:03", name: "multinic2", mtu: 1500, address: "10.20.0.3/24" };
/// Gets the slot of the second.
const NEXT: Right = Right { mac: "fa:16:3e:00:00:04", name: "multinic1", mtu: 1500, address: "10.20.0.4/24" };
/// The first with another address, after the boot.
const MOVED: Right = Right { mtu: 1500, address: "10.20.0.7/24", ..FIRST };
/// Gets the slot of the next, after the boot.
const LAST: Right = Right { mac: "fa:16:3e:00:00:05", name: "multinic1", mtu: 1400, address: "10.20.0.8/24" };

/// The lines by which networkd recognises our NICs.
const MATCHED: &str = "grep -H MACAddress= /run/systemd/network/*multinic*.network /etc/systemd/network/*multinic*.network || true";

/// Rows become NICs, one comes late, one goes and its slot is used again, carriers are lost, the machine reboots without an
/// agent, all of that goes on after the boot, and one is pulled out; the uplink never notices.
pub(crate) async fn take(bed: &Testbed, guest: &'static Guest) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let machine = VirtualMachine::boot(bed, guest, &[FIRST.mac, SECOND.mac]).await?;
    let scene = Scene::open(world, machine, guest.name);
    scene.say(&format!("booted {}", scene.machine.exec(&["uname", "-srv"])?.trim()))?;

    let uplink = scene.machine.watch_uplink().await?;
    come(&scene).await?;
    use_a_slot_again(&scene).await?;
    lose_a_carrier(&scene, FIRST).await?;
    assert_eq!(uplink.finish().await?, [""; 0]);
    scene.say("the uplink has noticed nothing")?;

    boot_without_an_agent(&scene, guest.matched_by).await?;
    let uplink = scene.machine.watch_uplink().await?;
    go_on_after_the_boot(&scene).await?;
    pull_out(&scene).await?;
    assert_eq!(uplink.finish().await?, [""; 0]);
    scene.say("the uplink has noticed nothing since the boot")
}

/// Two NICs are there from the beginning, and one is plugged in.
async fn come(scene: &Scene<'_>) -> Result<()> {
    let by_udev = [scene.machine.names(FIRST.mac)?, scene.machine.names(SECOND.mac)?];
    scene.say(&format!("udev has named {} {}, and {} {}", FIRST.mac, by_udev[0], SECOND.mac, by_udev[1]))?;
    scene.machine.join(&scene.world.cluster).await?;
    scene.rows(&[], &[row(FIRST), row(SECOND), row(LATE)]).await?;
    for (nic, before) in [FIRST, SECOND].into_iter().zip(by_udev) {
        scene.configured(nic).await?;
        let names = scene.machine.names(nic.mac)?;
        let lost = before.others.iter().find(|other| !names.others.contains(other));
        ensure!(lost.is_none(), "{lost:?} was a name of {names}");
    }
    scene.say("a NIC is plugged in")?;
    scene.machine.plug(LATE.mac)?;
    scene.configured(LATE).await
}

/// A NIC is given back as udev had named it, and another one has its slot.
async fn use_a_slot_again(scene: &Scene<'_>) -> Result<()> {
    scene.rows(&[SECOND.mac], &[]).await?;
    given_back(scene, SECOND).await?;
    scene.machine.plug(NEXT.mac)?;
    scene.rows(&[], &[row(NEXT)]).await?;
    scene.configured(NEXT).await
}

/// Waits until a NIC is called again what udev had called it, and has nothing any more.
async fn given_back(scene: &Scene<'_>, nic: Right) -> Result<()> {
    scene.world.removed(&scene.machine, nic.mac).await?;
    let link = scene.machine.link(nic.mac)?;
    ensure!(!link.up && link.addresses.is_empty(), "the NIC that was given back is {link:?}");
    let names = scene.machine.names(nic.mac)?;
    scene.say(&format!("{} is given back: {names}", nic.mac))?;
    let by_place = scene.machine.policy_name(&names.name)?;
    ensure!(names.name == by_place, "by its place it is {by_place}");
    Ok(())
}

/// Without a carrier a NIC is told of, and keeps what it has.
async fn lose_a_carrier(scene: &Scene<'_>, nic: Right) -> Result<()> {
    scene.machine.set_carrier(nic.mac, false).await?;
    told(scene, nic, Some("NoCarrier")).await?;
    scene.becomes_right(nic).await?;
    scene.machine.set_carrier(nic.mac, true).await?;
    told(scene, nic, None).await?;
    scene.say(&format!("{} has lost its carrier and got it back", nic.mac))?;
    scene.becomes_right(nic).await
}

async fn told(scene: &Scene<'_>, nic: Right, reason: Option<&str>) -> Result<()> {
    eventually(
        &format!("the status to say {reason:?} of {}", nic.mac),
        VirtualMachine::PATIENCE,
        async || {
            let status = scene.world.reported(&scene.machine, nic.mac).await?;
            ensure!(status.state == InterfaceState::Configured, "it says {status:?}");
            ensure!((status.reason == "NoCarrier") == reason.is_some(), "it says {status:?}");
            Ok(())
        },
    )
    .await
}

async fn boot_without_an_agent(scene: &Scene<'_>, matched_by: &str) -> Result<()> {
    scene.machine.reboot().await?;
    ensure!(!scene.machine.has_agent()?, "an agent attended the boot");
    scene.say("rebooted, without an agent")?;
    for nic in [FIRST, NEXT, LATE] {
        scene.becomes_right(nic).await?;
    }
    let given_back = scene.machine.names(SECOND.mac)?;
    scene.say(&format!("{} is {given_back}", SECOND.mac))?;
    ensure!(given_back.name == scene.machine.policy_name(&given_back.name)?, "it was given back");
    let matched = scene.machine.exec(&["sh", "-c", MATCHED])?;
    scene.say(&format!("networkd has matched them by\n{}", matched.trim_end()))?;
    for nic in [FIRST, NEXT, LATE] {
        let line = format!(":{matched_by}={}", nic.mac);
        ensure!(matched.lines().any(|matched| matched.ends_with(&line)), "no {line}");
    }
    Ok(())
}

/// What configured the NICs at boot remembers them: an address that changes and a slot that another NIC gets must not
/// bring back what was there before, nor must a carrier that was lost.
async fn go_on_after_the_boot(scene: &Scene<'_>) -> Result<()> {
    scene.machine.start_agent(&scene.world.cluster).await?;
    for nic in [FIRST, NEXT, LATE] {
        scene.configured(nic).await?;
    }
    scene.rows(&[FIRST.mac, NEXT.mac], &[row(MOVED)]).await?;
    given_back(scene, NEXT).await?;
    scene.machine.plug(LAST.mac)?;
    scene.rows(&[], &[row(LAST)]).await?;
    for nic in [LAST, MOVED] {
        scene.configured(nic).await?;
    }
    for nic in [LAST, MOVED] {
        lose_a_carrier(scene, nic).await?;
    }
    for nic in [LAST, MOVED] {
        scene.becomes_right(nic).await?;
    }
    let link = scene.machine.link(NEXT.mac)?;
    ensure!(!link.up && link.addresses.is_empty(), "the NIC that was given back is {link:?}");
    Ok(())
}

/// A NIC that is pulled out is missed, whoever pretends to be it, and is itself again when it is back. Given back, it has the
/// name that udev gave it first.
async fn pull_out(scene: &Scene<'_>) -> Result<()> {
    scene.machine.unplug(LATE.mac).await?;
    let impostor = scene.machine.names(SECOND.mac)?.name;
    scene.machine.exec(&["ip", "link", "set", &impostor, "address", LATE.mac])?;
    let missed = scene.world.settled(&scene.machine, LATE.mac, InterfaceState::DeviceMissing).await?;
    scene.say(&format!("{} is pulled out: {:?}, {}", LATE.mac, missed.state, missed.message))?;
    scene.say(&format!("{impostor} has its MAC address for now, but not its permanent one"))?;
    scene.machine.plug(LATE.mac)?;
    scene.world.configured(&scene.machine, LATE.mac).await?;
    scene.machine.exec(&["ip", "link", "set", &impostor, "address", SECOND.mac])?;
    scene.becomes_right(LATE).await?;

    scene.rows(&[LATE.mac], &[]).await?;
    given_back(scene, LATE).await
}

fn row(nic: Right) -> Port {
    let address = nic.address.split('/').next().unwrap_or_default();
    let port = Port::new(nic.mac, NODE).address(address);
    if nic.mtu == 1500 { port } else { port.mtu(i32::try_from(nic.mtu).unwrap_or_default()) }
}
