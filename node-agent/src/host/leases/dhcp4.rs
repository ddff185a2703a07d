//! A `DHCPv4` client for one NIC.
//!
//! It asks over packet sockets only, which need `CAP_NET_RAW` and no port. So a lease goes on as it began after a boot: by a
//! request that is broadcast, which every server answers that knows the lease, and whose refusal is heard at once.

use std::{net::IpAddr, time::Duration};

use ipnet::{IpNet, Ipv4Net};
use mozim::{
    DhcpError, DhcpV4ClasslessRoute, DhcpV4Client, DhcpV4Config, DhcpV4Lease, DhcpV4State, ErrorKind,
};
use multinic_agent_core::{asking::Asking, leases::Word, observed::lease::Lease};
use multinic_crds::{Addressing, InterfaceAddress};
use socket2::{Domain, Socket, Type};
use tokio::time::sleep;

use super::time::{PATIENCE, PAUSES, end, now};

/// What is asked for: the subnet, its routers, its MTU and routes. The rest is the node's own.
const OPTIONS: [u8; 4] = [1, 3, 26, 121];
/// A lease is not renewed more often than this, in seconds, unless it is shorter than twice that.
const LEAST_RENEWAL: u32 = 5;

/// What became of a request.
enum Answer {
    Granted(Box<DhcpV4Lease>, Lease),
    Refused,
    Silence,
}

/// Asks until it is ended, and says what it hears.
pub(super) async fn run(nic: Asking, say: impl Fn(Word)) {
    let mut known = nic.before.clone();
    let mut pause = PAUSES.0;
    loop {
        let answer = match &known {
            Some(lease) => go_on(&nic, lease).await,
            None => acquire(&nic).await,
        };
        let answer = answer.unwrap_or_else(|error| {
            tracing::warn!(nic = %nic.name, "cannot ask for a lease: {error}");
            Answer::Silence
        });
        let left = known.as_ref().map_or(0, |lease| lease.seconds(now()));
        match (answer, known.take()) {
            (Answer::Granted(granted, lease), _) => {
                pause = PAUSES.0;
                say(Word::Leased(lease.clone()));
                known = Some(lease);
                sleep(until_renewal(&granted)).await;
            }
            (Answer::Silence, Some(lease)) if left > 0 => {
                // As RFC 2131 4.4.5 has it: half of what is left, and not more often than each minute unless it ends before.
                let wait = (left / 2).max(60).min(left);
                known = Some(lease);
                sleep(Duration::from_secs(wait.into())).await;
            }
            (Answer::Refused | Answer::Silence, Some(lease)) => say(Word::Lost(lease)),
            (Answer::Refused | Answer::Silence, None) => {
                say(Word::Silent);
                sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

/// Asks whoever is there for any address.
async fn acquire(nic: &Asking) -> Result<Answer, DhcpError> {
    // The client would take it for silence that it may not send.
    drop(Socket::new(Domain::PACKET, Type::RAW, None)?);
    let mut client = DhcpV4Client::init(config(nic)?, None).await?;
    loop {
        if let Some(answer) = next(nic, &mut client).await? {
            return Ok(answer);
        }
    }
}

/// Asks for `lease` again. Who refuses it may be a server that never heard of it, so that whoever is there is asked for any
/// before it counts as lost.
async fn go_on(nic: &Asking, lease: &Lease) -> Result<Answer, DhcpError> {
    match confirm(nic, lease).await? {
        // What goes wrong now does not make the lease good again.
        Answer::Refused => match acquire(nic).await {
            Ok(granted @ Answer::Granted(..)) => Ok(granted),
            _ => Ok(Answer::Refused),
        },
        answer => Ok(answer),
    }
}

/// Asks whether `lease` still holds.
async fn confirm(nic: &Asking, lease: &Lease) -> Result<Answer, DhcpError> {
    let IpAddr::V4(address) = lease.address.addr() else { return Ok(Answer::Refused) };
    let mut before = DhcpV4Lease::default();
    before.yiaddr = address;
    let mut client = DhcpV4Client::init(config(nic)?, Some(before)).await?;
    // Where it has none, it would begin from the start.
    Ok(next(nic, &mut client).await?.unwrap_or(Answer::Refused))
}

/// What the client's next step comes to; none where it has to go on.
async fn next(nic: &Asking, client: &mut DhcpV4Client) -> Result<Option<Answer>, DhcpError> {
    match client.run().await {
        Ok(DhcpV4State::Done(granted)) => Ok(Some(answer(nic, granted))),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::Timeout => Ok(Some(Answer::Silence)),
        Err(error) => Err(error),
    }
}

/// What is granted counts where it has an address for a NIC.
fn answer(nic: &Asking, granted: Box<DhcpV4Lease>) -> Answer {
    let Some(lease) = lease(&granted) else {
        let (address, mask) = (granted.yiaddr, granted.subnet_mask);
        tracing::warn!(nic = %nic.name, "a DHCP server gives {address} with the mask {mask}, which no NIC can have");
        return Answer::Silence;
    };
    Answer::Granted(granted, lease)
}

/// When the lease is asked for again: when the server says so, and not every moment.
fn until_renewal(granted: &DhcpV4Lease) -> Duration {
    let least = LEAST_RENEWAL.min(granted.lease_time_sec / 2);
    Duration::from_secs(granted.t1_sec.max(least).into())
}

fn config(nic: &Asking) -> Result<DhcpV4Config, DhcpError> {
    let mut config = DhcpV4Config::new(&nic.name.to_string());
    config.set_iface_index(nic.index).set_iface_mac_raw(&nic.mac.octets())?;
    config.use_mac_as_client_id().override_request_dhcp_opts(&OPTIONS);
    config.set_timeout_sec(u32::try_from(PATIENCE.as_secs()).unwrap_or_default());
    Ok(config)
}

/// What a NIC takes of what it was granted; nothing where that is no address for one.
fn lease(granted: &DhcpV4Lease) -> Option<Lease> {
    let address = IpNet::V4(Ipv4Net::with_netmask(granted.yiaddr, granted.subnet_mask).ok()?);
    InterfaceAddress::try_from(address).ok()?;
    let classless = granted.classless_routes.as_ref().map(|routes| {
        let to = |route: &DhcpV4ClasslessRoute| {
            Some((IpNet::from(Ipv4Net::new(route.destination, route.prefix_length).ok()?), route.router))
        };
        routes.iter().filter_map(to).collect()
    });
    let lease = Lease {
        addressing: Addressing::Dhcp4,
        address,
        expires: end(granted.lease_time_sec),
        mtu: granted.mtu,
        gateway: None,
        routes: [].into(),
    };
    Some(lease.with_routes(classless, granted.gateways.as_deref().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_for_a_nic_is_not_taken() {
        let granted = |address: [u8; 4], mask: [u8; 4]| {
            let mut granted = DhcpV4Lease::default();
            (granted.yiaddr, granted.subnet_mask) = (address.into(), mask.into());
            granted.lease_time_sec = 60;
            lease(&granted).map(|lease| lease.address.to_string())
        };
        assert_eq!(granted([10, 20, 0, 5], [255, 255, 255, 0]).as_deref(), Some("10.20.0.5/24"));
        assert_eq!(granted([127, 0, 0, 5], [255, 255, 255, 0]), None);
        assert_eq!(granted([10, 20, 0, 5], [255, 0, 255, 0]), None);
        assert_eq!(granted([10, 20, 0, 5], [0, 0, 0, 0]), None);
    }
}
