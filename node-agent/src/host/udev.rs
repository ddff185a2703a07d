//! udev's word that it is done with a link: it has run its rules, and the link has the name that it will keep.
//!
//! udev tells everybody in its network namespace, which is the agent's too. That needs no right, and no directory of the
//! host in the pod. Where there is no udev nobody says anything, and links are waited for: see
//! [`multinic_agent_core::arrivals`].

use std::io;

use futures::{Stream, StreamExt, stream};
use rtnetlink::sys::{
    AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_KOBJECT_UEVENT,
};

/// The group to which udev tells what it has done; in the first one the kernel tells what is to be done.
const DONE: u32 = 1 << 1;
/// How each of its messages begins; a number follows that has its bytes in network order.
const PREFIX: [u8; 12] = *b"libudev\0\xfe\xed\xca\xfe";
/// Where a message says at which byte its properties begin, and how many bytes they are.
const PROPERTIES: [usize; 2] = [16, 20];

/// The number of every link that udev is done with from now on.
pub fn done() -> io::Result<impl Stream<Item = u32> + Unpin> {
    let mut socket = TokioSocket::new(NETLINK_KOBJECT_UEVENT)?;
    socket.socket_mut().bind(&SocketAddr::new(0, DONE))?;
    let done = stream::unfold(socket, |socket| async {
        loop {
            match socket.recv_from_full().await {
                Ok((message, _)) => {
                    if let Some(index) = link(&message) {
                        return Some((index, socket));
                    }
                }
                // Some were lost while many came: the links in them are waited for.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error()) => {}
                Err(_) => return None,
            }
        }
    });
    Ok(Box::pin(done).fuse())
}

/// The link that came or was renamed, if that is what the message is about.
fn link(message: &[u8]) -> Option<u32> {
    if !message.starts_with(&PREFIX) {
        return None;
    }
    let number = |at: usize| {
        let bytes = message.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_ne_bytes(bytes)).ok()
    };
    let [begin, length] = PROPERTIES.map(number);
    let begin = begin?;
    let properties = std::str::from_utf8(message.get(begin..begin.checked_add(length?)?)?).ok()?;
    let value = |key: &str| properties.split('\0').find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let comes = value("SUBSYSTEM") == Some("net") && matches!(value("ACTION"), Some("add" | "move"));
    value("IFINDEX")?.parse().ok().filter(|_| comes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(properties: &str) -> Vec<u8> {
        let length = u32::try_from(properties.len()).unwrap();
        let numbers = [40, 40, length, 0, 0, 0, 0].map(u32::to_ne_bytes).concat();
        [&PREFIX[..], &numbers, properties.as_bytes()].concat()
    }

    #[test]
    fn only_links_that_came_or_were_renamed_are_told() {
        let of = |action, subsystem| {
            link(&message(&format!("ACTION={action}\0DEVPATH=/x\0SUBSYSTEM={subsystem}\0IFINDEX=7\0")))
        };
        assert_eq!(of("add", "net"), Some(7));
        assert_eq!(of("move", "net"), Some(7));
        assert_eq!([of("remove", "net"), of("change", "net"), of("add", "block")], [None; 3]);
    }

    #[test]
    fn whatever_else_comes_is_nothing() {
        let whole = message("ACTION=add\0SUBSYSTEM=net\0IFINDEX=7\0");
        for end in 0..whole.len() - 1 {
            assert_eq!(link(&whole[..end]), None, "{end}");
        }
        assert_eq!(link(b"add@/devices/virtual/net/eth1\0ACTION=add\0SUBSYSTEM=net\0IFINDEX=7\0"), None);
        let mut beyond = whole;
        beyond[16..20].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(link(&beyond), None);
    }
}
