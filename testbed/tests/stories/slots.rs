//! A NIC keeps its slot for as long as its row is there, and the slot is used again after it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use multinic_crds::NodeNetworkConfig;
use multinic_testbed::{
    Harm, Kind, Monitor, Needs, Node, OpenstackConfig, Port, Schema, Suite, Testbed, World,
};

use crate::witness::{Files, Recording, all_is_well};

/// The last octets of the first ten NICs, which fill all slots, in the order of their slots.
const TEN: std::ops::Range<u8> = 0..10;
/// In a middle slot.
const GONE: u8 = 4;
const NEXT: u8 = 10;
const LAST: u8 = 11;

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell(
        "a13_one_row_of_ten_goes_and_only_its_nic_does_and_its_slot_is_used_again_but_not_at_once",
        Needs::FullNodes,
        one_of_ten,
    )
}

async fn one_of_ten(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    for number in TEN {
        assert_eq!(node.plug(&mac(number))?, format!("eth{}", number + 1));
    }
    node.join(&world.cluster).await?;
    world.database.producer().sync(&object(TEN)).await?;
    for number in TEN {
        world.configured(&node, &mac(number)).await?;
        assert_eq!(node.link(&mac(number))?.name, format!("multinic{number}"));
    }

    only_its_nic_goes(&world, &node).await?;
    a_middle_slot_is_used_again(&world, &node).await?;
    never_in_the_sync_that_frees_it(&world, &node).await
}

async fn only_its_nic_goes(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    let (monitor, files) = (node.monitor().await?, Files::of(node)?);
    world.database.producer().remove(&mac(GONE)).await?;
    world.removed(node, &mac(GONE)).await?;
    all_is_well(world, node).await?;

    let gone = node.link(&mac(GONE))?;
    assert_eq!((gone.name.as_str(), gone.up, gone.mtu), ("eth5", false, 1500));
    ensure!(gone.addresses.is_empty(), "it is still addressed: {gone:?}");
    let touched = files.touched(node)?.into_iter().filter(|path| path.starts_with("etc"));
    let boot_file = "etc/netplan/60-multinic-multinic4.yaml";
    assert_eq!(touched.collect::<BTreeSet<_>>(), ["etc/netplan", boot_file].map(PathBuf::from).into());
    ensure!(!node.host_root()?.join(boot_file).exists(), "its file is still there");
    others_are_left_alone(&monitor).await?;
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn a_middle_slot_is_used_again(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    let monitor = node.monitor().await?;
    node.plug(&mac(NEXT))?;
    world.database.producer().insert(&object([]), &port(NEXT)).await?;
    world.configured(node, &mac(NEXT)).await?;

    assert_eq!(node.link(&mac(NEXT))?.name, "multinic4");
    others_are_left_alone(&monitor).await?;
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

/// All slots are taken when one row takes the place of another.
async fn never_in_the_sync_that_frees_it(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    let recording = Recording::start(world).await?;
    node.plug(&mac(LAST))?;
    let present = TEN.filter(|number| *number != GONE);
    world.database.producer().sync(&object(present.chain([LAST]))).await?;
    world.removed(node, &mac(NEXT)).await?;
    world.configured(node, &mac(LAST)).await?;
    assert_eq!(node.link(&mac(LAST))?.name, "multinic4");

    let last = all_is_well(world, node).await?;
    let mut holders: Vec<_> = recording.until(&last).await?.iter().map(holder).collect();
    holders.dedup();
    assert_eq!(holders, [Some(mac(NEXT)), None, Some(mac(LAST))]);
    Ok(())
}

/// Who has the middle slot.
fn holder(config: &NodeNetworkConfig) -> Option<String> {
    let mut interfaces = config.spec.interfaces.iter();
    let holder = interfaces.find(|interface| interface.name.to_string() == format!("multinic{GONE}"))?;
    Some(holder.mac_address.to_string())
}

async fn others_are_left_alone(monitor: &Monitor<'_>) -> Result<()> {
    for number in TEN.filter(|number| *number != GONE) {
        let name = format!("multinic{number}");
        let events = monitor.about(&name).await.with_context(|| format!("about {name}"))?;
        assert_eq!(events, [""; 0]);
    }
    Ok(())
}

fn object(numbers: impl IntoIterator<Item = u8>) -> OpenstackConfig {
    numbers.into_iter().map(port).fold(OpenstackConfig::new("storage", "10.20.0.0/24"), OpenstackConfig::with)
}

fn port(number: u8) -> Port {
    Port::new(&mac(number), "worker-1").address(&format!("10.20.0.{}", 100 + number)).mtu(1450)
}

fn mac(number: u8) -> String {
    format!("fa:16:3e:00:00:{number:02x}")
}
