//! The kernel's links, addresses and routes, by netlink only.
//!
//! ```text
//!  session   one question to the kernel, and its whole answer or an error
//!  read      everything that a decision rests on
//!            decode, routes   what messages say
//!            nexthop          routes that name their way by number
//!            neighbours       whether next hops answer
//!  write     one change
//!            write_routes   of a route or a rule
//! ```
//!
//! Needs `CAP_NET_ADMIN` for changes, and for the two sysctls a writable
//! `/proc/sys`, which an unprivileged container has only through the host's root.

mod decode;
mod neighbours;
mod nexthop;
mod read;
pub(super) mod routes;
mod session;
mod write;
mod write_routes;

use std::{io, path::PathBuf, time::Duration};

use crate::host::root::HostRoot;

const IPV6_SYSCTLS: &str = "/proc/sys/net/ipv6/conf";

/// A look or a change that the kernel refused.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No socket.
    #[error("failed to open a netlink socket: {0}")]
    Open(#[source] io::Error),
    /// An answer that is an error, such as EPERM without `CAP_NET_ADMIN`.
    #[error("the kernel answers: {0}")]
    Kernel(#[source] io::Error),
    /// The connection ended before the answer did.
    #[error("the netlink connection ended before the kernel's answer")]
    NoAnswer,
    /// Nothing came at all.
    #[error("timed out after {} s: the kernel's answer", .0.as_secs())]
    Timeout(Duration),
    /// What is listed changed each time while it was listed.
    #[error("what the kernel lists changed each of {0} times while it was listed")]
    Interrupted(u32),
    /// A sysctl cannot be written.
    #[error("failed to write {path}: {source}")]
    Sysctl {
        /// Which one.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl NetlinkError {
    /// Whether the kernel refused with this code.
    fn is(&self, code: i32) -> bool {
        matches!(self, Self::Kernel(error) if error.raw_os_error() == Some(code))
    }
}

/// The network namespace that this process is in. Each look and each change has a connection of its
/// own, so that one that died harms no other.
pub struct Netlink {
    /// The root whose `/proc/sys` is used.
    sysctls: HostRoot,
}

impl Netlink {
    /// The kernel of the `host` with this root.
    #[must_use]
    pub fn new(host: &HostRoot) -> Self {
        // In a container only the host's mount of /proc/sys is writable; both show this
        // process's own network namespace.
        let own = || HostRoot::new(PathBuf::from("/"));
        Self { sysctls: if host.is_directory(IPV6_SYSCTLS) { host.clone() } else { own() } }
    }

    /// Where the kernel has the setting `key` of the link called `name`.
    fn sysctl(name: &str, key: &str) -> String {
        format!("{IPV6_SYSCTLS}/{name}/{key}")
    }
}

/// A refusal by which the kernel says that there is nothing to do; reading back tells whether so.
fn done_if(code: i32, result: Result<(), NetlinkError>) -> Result<(), NetlinkError> {
    if result.as_ref().is_err_and(|error| error.is(code)) { Ok(()) } else { result }
}
