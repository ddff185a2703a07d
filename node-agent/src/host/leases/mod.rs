//! The clients that ask DHCP servers, one task for each NIC that asks. What they hear goes to the loop, which plans by it:
//! they change nothing on the node.
//!
//! The host's own clients are not used: networkd would have to be reloaded for each NIC, which costs others their routes and
//! rules on every link.

mod dhcp4;
mod dhcp6;
mod time;

pub use time::now;

use std::collections::BTreeMap;

use multinic_agent_core::{
    asking::{Asking, Protocol},
    leases::{Leases, Word},
    observed::{lease::Lease, ledger::Ledger},
};
use multinic_crds::MacAddress;
use tokio::{sync::mpsc, task::AbortHandle};

/// What a client heard.
#[derive(Debug)]
pub struct Heard {
    mac: MacAddress,
    client: u64,
    word: Word,
}

/// What follows from what a client heard.
#[derive(Debug)]
pub enum News {
    /// What is wanted of NICs is another thing.
    Changed,
    /// This NIC has the same address for longer.
    Renewed(MacAddress, Lease),
}

/// Everything that clients hear, in order.
pub type Words = mpsc::UnboundedReceiver<Heard>;

/// The clients, and what is known from them.
#[derive(Debug)]
pub struct Clients {
    running: BTreeMap<MacAddress, Client>,
    started: u64,
    words: BTreeMap<MacAddress, Word>,
    sender: mpsc::UnboundedSender<Heard>,
}

#[derive(Debug)]
struct Client {
    number: u64,
    asks: (u32, Protocol),
    task: AbortHandle,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Clients {
    /// No clients yet, and where they will be heard.
    #[must_use]
    pub fn new() -> (Self, Words) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { running: BTreeMap::new(), started: 0, words: BTreeMap::new(), sender }, receiver)
    }

    /// What is known now, by them and by `ledger`. What was said of NICs that are not ours any more is forgotten.
    pub fn leases(&mut self, ledger: &Ledger) -> Leases {
        let mut words = std::mem::take(&mut self.words);
        words.retain(|mac, _| ledger.get(*mac).is_some());
        let mut leases = Leases { now: time::now(), words };
        leases.recall(ledger);
        self.words.clone_from(&leases.words);
        leases
    }

    /// Takes in what was heard, where what is known is another thing now. A lease that goes on is returned, with its NIC.
    pub fn hear(&mut self, heard: Heard) -> Option<News> {
        let Heard { mac, client, word } = heard;
        // A client that was ended may have spoken before.
        self.running.get(&mac).filter(|running| running.number == client)?;
        let before = self.words.insert(mac, word.clone());
        if before.as_ref() == Some(&word) {
            return None;
        }
        match (before, word) {
            (Some(Word::Leased(was)), Word::Leased(is)) if was.address == is.address => {
                Some(News::Renewed(mac, is))
            }
            (_, word) => {
                tell(mac, &word);
                Some(News::Changed)
            }
        }
    }

    /// Has exactly these ask, and those go on that are `undecided`.
    pub fn keep(&mut self, asking: BTreeMap<MacAddress, Asking>, undecided: impl Fn(MacAddress) -> bool) {
        self.running.retain(|mac, client| {
            let asks = asking.get(mac).map(|asking| (asking.index, asking.by));
            !client.task.is_finished() && asks.map_or_else(|| undecided(*mac), |asks| asks == client.asks)
        });
        for (mac, asking) in asking {
            if !self.running.contains_key(&mac) {
                let client = self.start(asking);
                self.running.insert(mac, client);
            }
        }
    }

    fn start(&mut self, asking: Asking) -> Client {
        self.started += 1;
        let (number, mac, asks) = (self.started, asking.mac, (asking.index, asking.by));
        let sender = self.sender.clone();
        // Where nobody listens any more, the process ends.
        let say = move |word| drop(sender.send(Heard { mac, client: number, word }));
        let task = match asking.by {
            Protocol::Dhcp4 => tokio::spawn(dhcp4::run(asking, say)),
            Protocol::Dhcp6(from) => tokio::spawn(dhcp6::run(asking, from, say)),
        };
        Client { number, asks, task: task.abort_handle() }
    }
}

fn tell(mac: MacAddress, word: &Word) {
    match word {
        Word::Leased(Lease { address, .. }) => tracing::info!(%mac, %address, "leased"),
        Word::Lost(Lease { address, .. }) => tracing::warn!(%mac, %address, "the lease is lost"),
        Word::Silent => tracing::warn!(%mac, "no DHCP server answers"),
    }
}
