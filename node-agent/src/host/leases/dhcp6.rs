//! A `DHCPv6` client for one NIC.
//!
//! It listens on a port below 1024, at the NIC's link-local address alone, which needs `CAP_NET_BIND_SERVICE`. What it is
//! known by comes from the MAC address, so that it is given the same address again without having kept a lease.

use std::{
    net::{Ipv6Addr, SocketAddrV6},
    pin::pin,
};

use ipnet::{IpNet, Ipv6Net};
use mozim::{DhcpError, DhcpV6Client, DhcpV6Config, DhcpV6Lease, DhcpV6Mode, DhcpV6State};
use multinic_agent_core::{asking::Asking, leases::Word, observed::lease::Lease};
use multinic_crds::{Addressing, InterfaceAddress};
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

use super::time::{PATIENCE, PAUSES, end};

/// Where servers answer.
const CLIENT_PORT: u16 = 546;
/// Nothing but an address: the rest is the node's own.
const OPTIONS: [u16; 0] = [];

/// Asks until it is ended, and says what it hears.
pub(super) async fn run(nic: Asking, from: Ipv6Addr, say: impl Fn(Word)) {
    let mut held = nic.before.clone();
    let mut pause = PAUSES.0;
    loop {
        if let Err(error) = ask(&nic, from, &mut held, &say).await {
            tracing::warn!(nic = %nic.name, "cannot ask for a lease: {error}");
            if held.is_none() {
                say(Word::Silent);
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Asks as long as that goes well.
async fn ask(
    nic: &Asking,
    from: Ipv6Addr,
    held: &mut Option<Lease>,
    say: &impl Fn(Word),
) -> Result<(), DhcpError> {
    // The client would take it for silence that it may not listen.
    drop(UdpSocket::bind(SocketAddrV6::new(from, CLIENT_PORT, 0, nic.index)).await?);
    let mut config = DhcpV6Config::new(&nic.name.to_string(), DhcpV6Mode::NonTemporaryAddresses);
    config.set_iface_index(nic.index).set_link_local_ip(from).set_duid_by_iface_mac(&nic.mac.octets());
    config.override_request_dhcp_opts(&OPTIONS);
    let mut client = DhcpV6Client::init(config, None).await?;
    let mut is_bound = false;
    loop {
        let mut answer = pin!(client.run());
        let state = match timeout(PATIENCE, answer.as_mut()).await {
            Ok(state) => state?,
            // Asking anew does not wait longer and longer.
            Err(_) if held.is_none() => {
                say(Word::Silent);
                return Ok(());
            }
            Err(_) => answer.await?,
        };
        match state {
            DhcpV6State::Done(granted) => {
                is_bound = true;
                if let Some(lease) = lease(&granted) {
                    *held = Some(lease.clone());
                    say(Word::Leased(lease));
                }
            }
            // It ended, and nobody made it longer.
            DhcpV6State::Solicit if is_bound => {
                is_bound = false;
                held.take().into_iter().for_each(|lease| say(Word::Lost(lease)));
            }
            _ => {}
        }
    }
}

/// What a NIC takes of what it was granted: one address, whose subnet a router has to say.
fn lease(granted: &DhcpV6Lease) -> Option<Lease> {
    let address = IpNet::V6(Ipv6Net::new(granted.address, 128).ok()?);
    InterfaceAddress::try_from(address).ok()?;
    Some(Lease {
        addressing: Addressing::Dhcp6,
        address,
        expires: end(granted.valid_time_sec),
        mtu: None,
        gateway: None,
        routes: [].into(),
    })
}
