//! How a transaction acts on the node of plain data.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use multinic_crds::MacAddress;

use super::PlainNode;
use crate::{
    attribute::Step,
    execute::{Journal, Machine, NodeError},
    observed::{
        files::FileChange,
        ledger::Ledger,
        link::{AddressState, KernelView, Link},
    },
    plan::Notice,
    progress::Progress,
    testing::mac,
    wire::{Findings, Inquiry},
};

impl Machine for PlainNode {
    async fn apply(&mut self, step: &Step) -> Result<(), NodeError> {
        self.live(|node| {
            node.count()?;
            node.change(step)
        })
    }

    async fn identity(&mut self, index: u32) -> Result<Option<MacAddress>, NodeError> {
        self.meddle();
        Ok(self.kernel.link(index).and_then(Link::identity))
    }

    async fn view(&mut self) -> Result<KernelView, NodeError> {
        Ok(self.look())
    }

    fn write(&mut self, change: &FileChange) -> Result<(), NodeError> {
        self.live(|node| {
            node.count()?;
            match &change.to {
                Some(text) => node.files.insert(change.path.clone(), text.clone()),
                None => node.files.remove(&change.path),
            };
            Ok(())
        })
    }

    fn text(&mut self, path: &str) -> Result<Option<String>, NodeError> {
        Ok(self.files.get(path).cloned())
    }

    fn open(&mut self, journal: &Journal) -> Result<(), NodeError> {
        self.note(journal)
    }

    /// As it is written, so that what is read again is what was written.
    fn note(&mut self, journal: &Journal) -> Result<(), NodeError> {
        let text = serde_json::to_string(journal).map_err(|error| NodeError(error.to_string()))?;
        let read = serde_json::from_str(&text).map_err(|error| NodeError(error.to_string()))?;
        self.live(|node| node.journal = Some(read));
        Ok(())
    }

    async fn close(&mut self) -> Result<(), NodeError> {
        self.live(|node| node.journal = None);
        Ok(())
    }

    async fn tell(&mut self, notice: Notice) -> Result<(), NodeError> {
        if self.is_deaf {
            return Err(NodeError("nobody listens".to_owned()));
        }
        self.count()?;
        match notice {
            Notice::Ready => {}
            Notice::ForgetName(name) => drop(self.remembered.remove(&name)),
            Notice::Forget(name) => {
                self.remembered.remove(&name);
                for link in self.kernel.links.iter_mut().filter(|link| link.name == name) {
                    // Those of others too, as wicked does.
                    link.addresses.clear();
                    link.up = false;
                }
            }
            Notice::Adopt(name) => self.adopt(name),
        }
        Ok(())
    }

    async fn ask(&mut self, inquiries: Vec<Inquiry>) -> Vec<Findings> {
        let other = mac("fa:16:3e:99:99:99");
        let says = |inquiry: &Inquiry| {
            let claims = inquiry.question().claims.iter();
            let taken = claims.filter(|ip| self.answered.contains(&IpAddr::V4(**ip)));
            Findings { taken: taken.map(|ip| (*ip, other)).collect(), ..Findings::default() }
        };
        inquiries.iter().map(says).collect()
    }

    async fn probe(&mut self) -> BTreeSet<IpAddr> {
        match &mut self.last_probe {
            Some(0) => return BTreeSet::new(),
            Some(left) => *left -= 1,
            None => {}
        }
        self.reached.clone()
    }

    fn show(&mut self, progress: Progress) {
        self.shown.push(progress.what);
    }

    fn record(&mut self, ledger: &Ledger) -> Result<(), NodeError> {
        self.live(|node| node.recorded.push(ledger.clone()));
        Ok(())
    }

    async fn pause(&mut self, duration: Duration) {
        self.clock += duration;
        let clock = self.clock;
        for ((index, net), _) in self.probed.extract_if(.., |_, until| *until <= clock) {
            let answered = self.answered.contains(&net.addr());
            let state = if answered { AddressState::Duplicate } else { AddressState::Ready };
            let links = self.kernel.links.iter_mut().filter(|link| link.index == index);
            let probed = links.flat_map(|link| &mut link.addresses).filter(|address| address.net == net);
            probed.for_each(|address| address.state = state);
        }
    }
}
