//! A socket of whole frames, tied to one link.

use std::{
    io::{self, Read},
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    ifaddrs::getifaddrs,
    sys::socket::{LinkAddr, SockaddrStorage, bind},
};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use tokio::{net::UnixDatagram, runtime::Handle, task::spawn_blocking};

/// Every protocol, as the kernel numbers them; it wants the number in network order.
const ALL: u16 = 3;
/// A frame of the largest packet there is.
const LARGEST: usize = 65535 + 14;

/// The socket. tokio has no type for frames; to send and to receive, every socket of whole messages is the same.
pub(super) struct Channel(Option<UnixDatagram>);

/// Room for one frame.
pub(super) fn buffer() -> Vec<u8> {
    vec![0; LARGEST]
}

impl Channel {
    /// A socket that sends over the link with this number, and hears what comes in over it and is heeded here.
    ///
    /// The kernel waits for all its processors where such a socket is tied to a link, and where it is closed: that may
    /// be tens of milliseconds, in which nothing else has to wait.
    pub(super) async fn open(index: u32) -> io::Result<Self> {
        let socket = spawn_blocking(move || tied(index)).await.map_err(io::Error::other)??;
        UnixDatagram::from_std(OwnedFd::from(socket).into()).map(|socket| Self(Some(socket)))
    }

    fn socket(&self) -> io::Result<&UnixDatagram> {
        self.0.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Drops what came in before, over whichever link until the socket was tied to one.
    pub(super) fn forget(&self) -> io::Result<()> {
        let socket = SockRef::from(self.socket()?);
        let mut frame = [0; 1];
        loop {
            match (&*socket).read(&mut frame) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if is_lost(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends one frame. What the link does not take is lost, as on the way.
    pub(super) async fn send(&self, frame: &[u8]) -> io::Result<()> {
        match self.socket()?.send(frame).await {
            Err(error) if !is_lost(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// The next frame that comes; its length.
    pub(super) async fn receive(&self, frame: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.socket()?.recv(frame).await {
                Err(error) if is_lost(&error) => {}
                result => return result,
            }
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let socket = self.0.take().map(UnixDatagram::into_std);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(|| drop(socket));
        }
    }
}

/// A socket that is tied to a link.
fn tied(index: u32) -> io::Result<Socket> {
    let link = link(index)?;
    let protocol = Protocol::from(i32::from(ALL.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), Some(protocol))?;
    socket.attach_filter(&filter())?;
    bind(socket.as_raw_fd(), &link)?;
    Ok(socket)
}

/// Whether it is the link that fails, and not the right to use it: it is down or gone, or has no room, or another size.
fn is_lost(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NETDOWN | Errno::NODEV | Errno::NXIO | Errno::NOBUFS | Errno::MSGSIZE | Errno::INTR)
    )
}

/// What the kernel calls the link when a socket is tied to it.
fn link(index: u32) -> io::Result<LinkAddr> {
    let number = usize::try_from(index).map_err(io::Error::other)?;
    let links = getifaddrs()?.filter_map(|link| link.address);
    let links = links.filter_map(|address: SockaddrStorage| address.as_link_addr().copied());
    let mut found = links.filter(|link| link.ifindex() == number);
    found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no link {index}")))
}

/// ARP, and ICMP of both versions: nothing else that is on the link concerns the agent.
fn filter() -> [SockFilter; 10] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const EQUALS: u16 = 0x15;
    const RETURN: u16 = 0x06;
    [
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(EQUALS, 6, 0, 0x0806),
        SockFilter::new(EQUALS, 0, 2, 0x0800),
        SockFilter::new(LOAD_BYTE, 0, 0, 23),
        SockFilter::new(EQUALS, 3, 4, 1),
        SockFilter::new(EQUALS, 0, 3, 0x86dd),
        SockFilter::new(LOAD_BYTE, 0, 0, 20),
        SockFilter::new(EQUALS, 0, 1, 58),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
