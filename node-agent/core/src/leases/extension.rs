//! A lease that goes on: the kernel counts its time anew, and nothing else changes.

use multinic_crds::MacAddress;

use crate::{
    attribute::Step,
    observed::{
        lease::Lease,
        ledger::Ledger,
        link::{KernelView, Manner},
    },
};

/// How the NIC with this MAC address keeps the address that was leased to it anew at `now`. Nothing where it has not got it,
/// or not from us.
///
/// It is no change of the NIC: what forbids that (a VLAN on it, a fight, files of others) must not cost it its address.
#[must_use]
pub fn extension(
    mac: MacAddress,
    lease: &Lease,
    now: u64,
    view: &KernelView,
    ledger: &Ledger,
) -> Option<Step> {
    ledger.get(mac).filter(|entry| entry.addresses.contains(&lease.address))?;
    let link = view.links_with(mac).find(|link| link.nets().contains(&lease.address))?;
    let manner = Manner::lasting(lease.address, lease.seconds(now));
    Some(Step::RestoreAddress { index: link.index, net: lease.address, manner })
}
