//! The kernel's announcements that a link or an address changed.

use std::io;

use futures::{Stream, StreamExt};
use rtnetlink::{MulticastGroup, new_multicast_connection};

/// Yields once for every announcement; what changed is found out by looking.
pub fn changes() -> io::Result<impl Stream<Item = ()> + Unpin> {
    let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
    let (connection, _, messages) = new_multicast_connection(&groups)?;
    tokio::spawn(connection);
    Ok(messages.map(|_| ()))
}
