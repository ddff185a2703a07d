//! The node as it must be, in plain data.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::deed::{Deed, Drift, NICS, Want};

/// After this many repairs since the object changed, the next one might be taken for a fight.
const PEACE: usize = 3;

/// One NIC, as it must be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nic {
    pub(crate) plugged: bool,
    pub(crate) wanted: Option<Want>,
    /// Whether somebody else gave it an address.
    pub(crate) guest: bool,
    /// How often it was disturbed since the object changed.
    disturbed: usize,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) nics: [Nic; NICS],
}

impl Expected {
    /// Whether the deed makes sense now: nobody pulls out what is not there.
    pub(crate) fn allows(&self, deed: Deed) -> bool {
        let nic = |number: usize| &self.nics[number];
        match deed {
            Deed::Plug(number) => !nic(number).plugged,
            Deed::Unplug(number) | Deed::Flap(number) => nic(number).plugged && nic(number).disturbed < PEACE,
            // A size that nobody asks for is nobody's to repair.
            Deed::Drift(number, drift) => {
                let want =
                    nic(number).wanted.filter(|_| nic(number).plugged && nic(number).disturbed < PEACE);
                want.is_some_and(|want| drift != Drift::Mtu || want.mtu.is_some())
            }
            Deed::Guest(number) => nic(number).plugged && nic(number).wanted.is_some(),
            Deed::Release(number) => nic(number).wanted.is_some(),
            _ => true,
        }
    }

    /// What follows from it.
    pub(crate) fn follow(&mut self, deed: Deed) {
        match deed {
            Deed::Want(number, want) => self.want(number, want),
            Deed::Release(number) => {
                self.nics[number].wanted = None;
                self.nics[number].guest = false;
                self.change();
            }
            Deed::Plug(number) => self.nics[number].plugged = true,
            Deed::Unplug(number) => {
                let nic = &mut self.nics[number];
                (nic.plugged, nic.guest) = (false, false);
                nic.disturbed += 1;
            }
            Deed::Flap(number) => self.nics[number].disturbed += 1,
            Deed::Drift(number, drift) => {
                let nic = &mut self.nics[number];
                nic.guest &= drift != Drift::Flush;
                nic.disturbed += 1;
            }
            Deed::Guest(number) => self.nics[number].guest ^= true,
            Deed::KillAll | Deed::Kill | Deed::Restart => {}
        }
    }

    fn want(&mut self, number: usize, want: Want) {
        let had = self.nics[number].wanted.map(|want| want.slot);
        let has_slot = |nic: &Nic| nic.wanted.is_some_and(|other| other.slot == want.slot);
        if let Some(other) = (0..NICS).find(|other| *other != number && has_slot(&self.nics[*other])) {
            let free = had.or_else(|| self.free_slot()).unwrap_or_default();
            if let Some(other) = &mut self.nics[other].wanted {
                other.slot = free;
            }
        }
        self.nics[number].wanted = Some(want);
        self.change();
    }

    fn free_slot(&self) -> Option<usize> {
        let taken: BTreeSet<_> = self.nics.iter().filter_map(|nic| Some(nic.wanted?.slot)).collect();
        (0..=NICS).find(|slot| !taken.contains(slot))
    }

    fn change(&mut self) {
        for nic in &mut self.nics {
            nic.disturbed = 0;
        }
    }

    /// What the object asks for.
    pub(crate) fn interfaces(&self) -> Value {
        let interface = |(number, nic): (usize, &Nic)| {
            let want = nic.wanted?;
            let mut interface =
                json!({ "macAddress": mac(number), "name": format!("multinic{}", want.slot) });
            interface["addresses"] = json!(addresses(number, want));
            if let Some(mtu) = want.mtu {
                interface["mtu"] = json!(mtu);
            }
            Some(interface)
        };
        let mut all: Vec<_> = self.nics.iter().enumerate().filter_map(interface).collect();
        all.sort_by_key(|interface| interface["name"].to_string());
        Value::Array(all)
    }
}

/// The MAC address of a NIC.
pub(crate) fn mac(number: usize) -> String {
    format!("fa:16:3e:00:00:{:02x}", number + 1)
}

/// The addresses that a NIC of this shape has, each NIC in networks of its own.
pub(crate) fn addresses(number: usize, want: Want) -> Vec<String> {
    let ipv4 = want.address.map(|variant| format!("10.{}.{variant}.5/24", number + 30));
    let ipv6 = want.ipv6.then(|| format!("2001:db8:{}::5/64", number + 1));
    ipv4.into_iter().chain(ipv6).collect()
}

/// What somebody else gives it.
pub(crate) fn guest(number: usize) -> String {
    format!("198.51.100.{}/32", number + 50)
}
