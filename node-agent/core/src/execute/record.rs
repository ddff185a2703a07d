//! What of a transaction is written into the ledger, before it and after it.

use multinic_crds::{InterfaceName, MacAddress};

use crate::{
    attribute,
    observed::{
        lease::Lease,
        ledger::{Entry, Ledger},
        link::KernelView,
    },
    parse::{desired::nets, routing},
    plan::Transaction,
};

impl Ledger {
    /// The ledger as it must be on disk before `transaction` begins.
    ///
    /// A NIC that is new to us is remembered as it was found.
    pub(crate) fn intend(&mut self, transaction: &Transaction) {
        for member in &transaction.members {
            let (Some(nic), Some(link)) = (&member.wanted, &member.link) else { continue };
            let entry = self.nics.entry(member.mac).or_insert_with(|| {
                // One of our names was given by us: what else is found on it may be ours as well.
                let adopted = is_ours(&link.name);
                Entry {
                    original_name: (!adopted).then(|| link.name.clone()),
                    original_ipv6: link.ipv6.filter(|_| !adopted),
                    adopted,
                    ..Entry::named(nic.name)
                }
            });
            entry.name = nic.name;
            entry.away = None;
            entry.unsaved = false;
            if nic.mtu.is_some() && !entry.adopted {
                entry.original_mtu.get_or_insert(link.mtu);
            }
            entry.addresses.extend(nets(nic));
            entry.routes.extend(routing::routes(nic));
            // One that was lost is good for nothing but to be asked for again.
            let lost = entry.lease.take().map(Lease::ended);
            entry.lease = member.lease.clone().or(lost).filter(|_| nic.addressing().is_dynamic());
            if let (Some(original), Some(found)) = (&mut entry.original_ipv6, link.ipv6) {
                // Earlier agents changed nothing of it, and did not take it down.
                original.advertised = original.advertised.or(found.advertised);
            }
        }
    }

    /// Whether a link of these `nics` bears a name or an address of ours. One that does not, after a
    /// roll-back that failed elsewhere, is not ours because of what was intended for it.
    pub(crate) fn marks(&self, mut nics: impl Iterator<Item = MacAddress>, view: &KernelView) -> bool {
        nics.any(|mac| {
            let given = self.get(mac).map(|entry| &entry.addresses);
            view.links_with(mac).any(|link| {
                is_ours(&link.name)
                    || given.is_some_and(|given| link.nets().iter().any(|net| given.contains(net)))
            })
        })
    }

    /// The ledger after `transaction` was proven.
    pub(crate) fn settle(&mut self, transaction: &Transaction) {
        for member in &transaction.members {
            match &member.wanted {
                None if member.link.is_none() => self.give_up(member.mac),
                None => {
                    self.nics.remove(&member.mac);
                }
                Some(nic) if nic.mtu.is_none() => {
                    // The device has its own size back, and keeps it.
                    if let Some(entry) = self.nics.get_mut(&member.mac) {
                        entry.original_mtu = None;
                    }
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether only we call links so.
fn is_ours(name: &str) -> bool {
    name.parse::<InterfaceName>().is_ok() || attribute::is_temporary(name)
}
