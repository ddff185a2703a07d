//! A node that never boots: what systemd would have made of the image is made by hand.

use anyhow::Result;

use super::cable::Cables;
use super::machine::{Machine, UPLINK};
use super::root::Root;
use crate::sandbox::fabric::GATEWAY;
use crate::sandbox::testbed::Testbed;

/// Mounts what a host's root has, and lets the host's own generator turn its netplan files into networkd's.
///
/// The file `/run/systemd/netif/state` is networkd's: it says that networkd is in charge.
const PREPARE: &str = r#"
cd "$1"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mkdir -p run/systemd/netif/links run/systemd/network run/udev/rules.d
touch run/systemd/netif/state
for generator in usr/libexec/netplan/configure usr/libexec/netplan/generate usr/lib/netplan/generate; do
    if [ -x "$generator" ]; then
        exec chroot . "/$generator"
    fi
done
echo "the node image has no netplan generator" >&2
exit 1
"#;

pub(super) fn boot(bed: &Testbed, cables: &Cables<'_>, root: &Root) -> Result<Machine> {
    let spawner = bed.spawner_in(cables.netns())?;
    spawner.run(&["sh", "-ec", PREPARE, "prepare", &root.path.to_string_lossy()])?;
    let address = format!("{}/24", cables.address());
    spawner.run(&["ip", "address", "add", &address, "dev", UPLINK])?;
    // As `link-local: []` says: otherwise the kernel would add one in a second, which looks like somebody's change.
    spawner.run(&["ip", "link", "set", UPLINK, "addrgenmode", "none", "up"])?;
    spawner.run(&["ip", "route", "add", "default", "via", &GATEWAY.to_string(), "proto", "static"])?;
    Ok(Machine {
        spawner,
        root_on_node: root.path.clone(),
        root_from_here: bed.inside(&root.path),
        share_on_node: root.share.clone(),
        enter: format!("{} ip netns exec {}", bed.enter_command(), cables.netns()),
        power: None,
    })
}
