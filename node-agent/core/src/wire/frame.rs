//! Ethernet frames, as bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{
    ArpEthIpv4Packet, ArpOperation, EtherType, Ethernet2Header, Icmpv4Type, Icmpv6Type, LinkSlice, NetSlice,
    PacketBuilder, SlicedPacket, TransportSlice, icmpv6::NeighborAdvertisementHeader,
};
use multinic_crds::MacAddress;

const BROADCAST: [u8; 6] = [0xff; 6];
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// What neighbour discovery is sent with, so that none of it comes from behind a router.
const NEIGHBOURS_ONLY: u8 = 255;
const TIME_TO_LIVE: u8 = 64;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Options of neighbour discovery that say a MAC address, eight bytes each.
const SOURCE_MAC: [u8; 2] = [1, 1];
const TARGET_MAC: [u8; 2] = [2, 1];
/// IP header and ICMP header of an echo.
const IPV4_HEADERS: u16 = 28;
const IPV6_HEADERS: u16 = 48;

/// Asks whether anybody has `ip`, in the name of nobody (RFC 5227).
#[must_use]
pub fn probe(from: MacAddress, ip: Ipv4Addr) -> Vec<u8> {
    arp(from, Ipv4Addr::UNSPECIFIED, ip)
}

/// Asks who has `whom`, in the name of `source`; nothing where the two are of different families.
#[must_use]
pub fn ask(from: MacAddress, source: IpAddr, whom: IpAddr) -> Option<Vec<u8>> {
    match (source, whom) {
        (IpAddr::V4(source), IpAddr::V4(whom)) => Some(arp(from, source, whom)),
        (IpAddr::V6(source), IpAddr::V6(whom)) => {
            let [.., a, b, c] = whom.octets();
            let group =
                Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
            neighbour(from, source, group, SOLICITATION, [0; 4], whom, SOURCE_MAC)
        }
        _ => None,
    }
}

/// Tells everybody that `ip` is here.
#[must_use]
pub fn announce(from: MacAddress, ip: IpAddr) -> Option<Vec<u8>> {
    match ip {
        IpAddr::V4(ip) => Some(arp(from, ip, ip)),
        IpAddr::V6(ip) => {
            let overriding =
                NeighborAdvertisementHeader { router: false, solicited: false, r#override: true };
            neighbour(from, ip, ALL_NODES, ADVERTISEMENT, overriding.to_bytes(), ip, TARGET_MAC)
        }
    }
}

/// Asks `whom` for an answer of `size` bytes, in a packet of so many that no router may cut. `id` comes back with it.
#[must_use]
pub fn echo(
    [from, to]: [MacAddress; 2],
    source: IpAddr,
    whom: IpAddr,
    id: u16,
    size: u16,
) -> Option<Vec<u8>> {
    let ethernet = PacketBuilder::ethernet2(from.octets(), to.octets());
    let mut frame = Vec::new();
    let payload = |headers| vec![0; usize::from(size.saturating_sub(headers))];
    let written = match (source, whom) {
        (IpAddr::V4(source), IpAddr::V4(whom)) => ethernet
            .ipv4(source.octets(), whom.octets(), TIME_TO_LIVE)
            .icmpv4_echo_request(id, size)
            .write(&mut frame, &payload(IPV4_HEADERS)),
        (IpAddr::V6(source), IpAddr::V6(whom)) => ethernet
            .ipv6(source.octets(), whom.octets(), TIME_TO_LIVE)
            .icmpv6_echo_request(id, size)
            .write(&mut frame, &payload(IPV6_HEADERS)),
        _ => return None,
    };
    written.ok().map(|()| frame)
}

fn arp(from: MacAddress, source: Ipv4Addr, whom: Ipv4Addr) -> Vec<u8> {
    let header =
        Ethernet2Header { source: from.octets(), destination: BROADCAST, ether_type: EtherType::ARP };
    let packet = ArpEthIpv4Packet {
        operation: ArpOperation::REQUEST,
        sender_mac: from.octets(),
        sender_ipv4: source.octets(),
        target_mac: [0; 6],
        target_ipv4: whom.octets(),
    };
    [header.to_bytes().as_slice(), &packet.to_bytes()].concat()
}

/// A message of neighbour discovery about `target`, to a group.
fn neighbour(
    from: MacAddress,
    source: Ipv6Addr,
    group: Ipv6Addr,
    kind: u8,
    flags: [u8; 4],
    target: Ipv6Addr,
    option: [u8; 2],
) -> Option<Vec<u8>> {
    let [.., a, b, c, d] = group.octets();
    let mut frame = Vec::new();
    let payload = [target.octets().as_slice(), &option, &from.octets()].concat();
    let written = PacketBuilder::ethernet2(from.octets(), [0x33, 0x33, a, b, c, d])
        .ipv6(source.octets(), group.octets(), NEIGHBOURS_ONLY)
        .icmpv6_raw(kind, 0, flags)
        .write(&mut frame, &payload);
    written.ok().map(|()| frame)
}

/// What a frame says that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The host with this MAC address has the address.
    Has {
        /// The address.
        ip: IpAddr,
        /// Who has it.
        mac: MacAddress,
    },
    /// The host with this MAC address is about to take the address.
    Probes {
        /// The address.
        ip: Ipv4Addr,
        /// Who is.
        mac: MacAddress,
    },
    /// An echo came back, in one piece.
    Echo {
        /// Who was asked.
        from: IpAddr,
        /// What was sent with it.
        id: u16,
        /// The bytes of the packet, there and back.
        size: u16,
    },
}

/// Reads a frame.
#[must_use]
pub fn read(frame: &[u8]) -> Option<Heard> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    match (&packet.net, &packet.transport) {
        (Some(NetSlice::Arp(arp)), _) => {
            let arp = ArpEthIpv4Packet::try_from(arp.to_packet()).ok()?;
            let mac = MacAddress::from_octets(arp.sender_mac)?;
            Some(match arp.sender_ipv4_addr() {
                Ipv4Addr::UNSPECIFIED => Heard::Probes { ip: arp.target_ipv4_addr(), mac },
                ip => Heard::Has { ip: ip.into(), mac },
            })
        }
        (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Icmpv4(icmp))) => {
            let header = ip.header();
            match icmp.icmp_type() {
                Icmpv4Type::EchoReply(echo) => {
                    whole(header.source_addr().into(), echo.id, [echo.seq, header.total_len()])
                }
                _ => None,
            }
        }
        (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) => {
            let header = ip.header();
            match icmp.icmp_type() {
                Icmpv6Type::EchoReply(echo) => {
                    let length = header.payload_length().saturating_add(40);
                    whole(header.source_addr().into(), echo.id, [echo.seq, length])
                }
                Icmpv6Type::NeighborAdvertisement(_) => {
                    let sender = match &packet.link {
                        Some(LinkSlice::Ethernet2(ethernet)) => ethernet.source(),
                        _ => return None,
                    };
                    advertised(icmp.payload(), sender)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// An echo counts for as many bytes as it was sent with: what was cut on the way back is no proof.
fn whole(from: IpAddr, id: u16, [sent, came]: [u16; 2]) -> Option<Heard> {
    (sent == came).then_some(Heard::Echo { from, id, size: sent })
}

fn advertised(payload: &[u8], sender: [u8; 6]) -> Option<Heard> {
    let target: [u8; 16] = payload.get(..16)?.try_into().ok()?;
    let told = payload.get(16..24).filter(|option| option.starts_with(&TARGET_MAC));
    let told = told.and_then(|option| option[2..].try_into().ok());
    let mac = MacAddress::from_octets(told.unwrap_or(sender))?;
    Some(Heard::Has { ip: Ipv6Addr::from(target).into(), mac })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mac;

    const OURS: &str = "fa:16:3e:00:00:0a";
    const OTHER: &str = "fa:16:3e:00:00:0b";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn an_address_is_probed_in_the_name_of_nobody_and_announced_in_its_own() {
        let head = "ffffffffffff fa163e00000a 0806 0001 0800 06 04 0001 fa163e00000a";
        let probe = probe(mac(OURS), "10.1.0.5".parse().unwrap());
        assert_eq!(probe, hex(&format!("{head} 00000000 000000000000 0a010005")));
        let announced = announce(mac(OURS), ip("10.1.0.5")).unwrap();
        assert_eq!(announced, hex(&format!("{head} 0a010005 000000000000 0a010005")));
        let asked = ask(mac(OURS), ip("10.1.0.5"), ip("10.1.0.1")).unwrap();
        assert_eq!(asked, hex(&format!("{head} 0a010005 000000000000 0a010001")));
    }

    #[test]
    fn an_ipv6_address_is_announced_to_all_nodes_and_overrides_what_they_knew() {
        let announced = announce(mac(OURS), ip("2001:db8::5")).unwrap();
        let address = "20010db8 00000000 00000000 00000005";
        assert_eq!(
            announced,
            hex(&format!(
                "333300000001 fa163e00000a 86dd 60000000 0020 3a ff {address} ff020000 00000000 00000000 00000001
                 88 00 c302 20000000 {address} 02 01 fa163e00000a"
            ))
        );
        let heard = Heard::Has { ip: ip("2001:db8::5"), mac: mac(OURS) };
        assert_eq!(read(&announced), Some(heard));
    }

    #[test]
    fn a_router_is_asked_for_at_the_group_of_its_own_address() {
        let asked = ask(mac(OURS), ip("2001:db8::5"), ip("fe80::12:3456")).unwrap();
        assert_eq!(asked[..6], hex("3333ff123456"));
        assert_eq!(asked[38..54], hex("ff020000 00000000 00000001 ff123456"));
        assert_eq!(asked[54..56], hex("8700"));
        assert_eq!(ask(mac(OURS), ip("10.1.0.5"), ip("fe80::1")), None);
    }

    #[test]
    fn whoever_speaks_in_the_name_of_an_address_has_it() {
        let asks = ask(mac(OTHER), ip("10.1.0.5"), ip("10.1.0.9")).unwrap();
        assert_eq!(read(&asks), Some(Heard::Has { ip: ip("10.1.0.5"), mac: mac(OTHER) }));
        let probes = probe(mac(OTHER), "10.1.0.5".parse().unwrap());
        let about_to = Heard::Probes { ip: "10.1.0.5".parse().unwrap(), mac: mac(OTHER) };
        assert_eq!(read(&probes), Some(about_to));
    }

    /// The answer to an echo request, as a host gives it.
    fn answer(mut echo: Vec<u8>) -> Vec<u8> {
        let (ipv6, at) = (echo[12] == 0x86, if echo[12] == 0x86 { 54 } else { 34 });
        echo[at] = if ipv6 { 129 } else { 0 };
        echo
    }

    #[test]
    fn an_echo_is_as_large_as_it_is_asked_for_and_may_not_be_cut() {
        let macs = [mac(OURS), mac(OTHER)];
        for (source, whom) in [("10.1.0.5", "10.1.0.1"), ("2001:db8::5", "2001:db8::1")] {
            let asked = echo(macs, ip(source), ip(whom), 7, 9000).unwrap();
            assert_eq!(asked.len(), 9014);
            assert_eq!(read(&asked), None, "our own question");
            let heard = Heard::Echo { from: ip(source), id: 7, size: 9000 };
            assert_eq!(read(&answer(asked)), Some(heard));
        }
        let ipv4 = echo(macs, ip("10.1.0.5"), ip("10.1.0.1"), 7, 1500).unwrap();
        assert_eq!(ipv4[20] & 0x40, 0x40, "it must not be cut");
    }

    #[test]
    fn an_answer_that_came_in_pieces_or_with_another_length_is_none() {
        let macs = [mac(OURS), mac(OTHER)];
        let whole = answer(echo(macs, ip("10.1.0.5"), ip("10.1.0.1"), 7, 1500).unwrap());
        let mut piece = whole.clone();
        piece[20] = 0x20;
        assert_eq!(read(&piece), None, "more fragments");
        let mut shorter = whole;
        shorter[16..18].copy_from_slice(&1400_u16.to_be_bytes());
        shorter.truncate(1414);
        assert_eq!(read(&shorter), None);
    }

    #[test]
    fn whatever_else_comes_is_nothing() {
        let frames = [
            announce(mac(OURS), ip("10.1.0.5")).unwrap(),
            announce(mac(OURS), ip("2001:db8::5")).unwrap(),
            answer(echo([mac(OURS), mac(OTHER)], ip("10.1.0.5"), ip("10.1.0.1"), 7, 100).unwrap()),
        ];
        for frame in frames {
            for end in 0..frame.len() {
                let heard = read(&frame[..end]);
                // The option with the MAC address may be missing: the sender has one as well.
                assert!(heard.is_none() || end >= 62, "{end}: {heard:?}");
            }
        }
    }
}
