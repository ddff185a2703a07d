//! The networks of NICs: frames out and in, tied to one link each. What they say is decided in
//! [`multinic_agent_core::wire`].
//!
//! Needs `CAP_NET_RAW`.

mod channel;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::{Duration, Instant},
};

use futures::future::join_all;
use multinic_agent_core::wire::{Announcement, Findings, Inquiry, frame};
use tokio::{task::JoinHandle, time::timeout};

use self::channel::Channel;

/// Sockets that may be needed soon, by link: to open one takes as long as to ask something.
#[derive(Default)]
pub struct Ready(BTreeMap<u32, JoinHandle<io::Result<Channel>>>);

impl Ready {
    /// Begins to open sockets for these links, and closes all others.
    pub fn open(&mut self, links: &BTreeSet<u32>) {
        self.0 = links.iter().map(|link| (*link, tokio::spawn(Channel::open(*link)))).collect();
    }

    /// Asks the networks of NICs, all at once; what each says, or why it cannot be asked.
    pub async fn ask(&mut self, inquiries: Vec<Inquiry>) -> Vec<io::Result<Findings>> {
        let asking = inquiries.into_iter().map(|inquiry| {
            let ready = self.0.remove(&inquiry.question().index);
            async move {
                let channel = match ready {
                    Some(ready) => ready.await.map_err(io::Error::other)??,
                    None => Channel::open(inquiry.question().index).await?,
                };
                converse(&channel, inquiry).await
            }
        });
        join_all(asking).await
    }
}

/// Asks the network of one NIC.
pub async fn ask(inquiry: Inquiry) -> io::Result<Findings> {
    let channel = Channel::open(inquiry.question().index).await?;
    converse(&channel, inquiry).await
}

async fn converse(channel: &Channel, mut inquiry: Inquiry) -> io::Result<Findings> {
    channel.forget()?;
    let began = Instant::now();
    let mut frame = channel::buffer();
    while !inquiry.is_over(began.elapsed()) {
        for frame in inquiry.send(began.elapsed()) {
            channel.send(&frame).await?;
        }
        // At least a little: what is due is sent at the next turn.
        let wait = inquiry.due().saturating_sub(began.elapsed()).max(Duration::from_millis(1));
        if let Ok(length) = timeout(wait, channel.receive(&mut frame)).await {
            inquiry.hear(&frame[..length?], began.elapsed());
        }
    }
    Ok(inquiry.findings())
}

/// Tells the network of a NIC which addresses it has.
pub async fn announce(announcement: &Announcement) -> io::Result<()> {
    let channel = Channel::open(announcement.index).await?;
    for ip in &announcement.addresses {
        if let Some(frame) = frame::announce(announcement.source, *ip) {
            channel.send(&frame).await?;
        }
    }
    Ok(())
}
