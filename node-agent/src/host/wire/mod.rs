//! The networks of NICs: frames out and in, tied to one link each. What they say is decided in
//! [`multinic_agent_core::wire`].
//!
//! Needs `CAP_NET_RAW`.

mod channel;

use std::{
    io,
    time::{Duration, Instant},
};

use futures::future::join_all;
use multinic_agent_core::wire::{Announcement, Findings, Inquiry, frame};
use tokio::time::timeout;

use self::channel::Channel;

/// Asks the networks of NICs, all at once; what each says, or why it cannot be asked.
pub async fn ask_all(inquiries: Vec<Inquiry>) -> Vec<io::Result<Findings>> {
    join_all(inquiries.into_iter().map(ask)).await
}

/// Asks the network of one NIC.
pub async fn ask(mut inquiry: Inquiry) -> io::Result<Findings> {
    let channel = Channel::open(inquiry.question().index)?;
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
    let channel = Channel::open(announcement.index)?;
    for ip in &announcement.addresses {
        if let Some(frame) = frame::announce(announcement.source, *ip) {
            channel.send(&frame).await?;
        }
    }
    Ok(())
}
