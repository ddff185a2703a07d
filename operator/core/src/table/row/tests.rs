use proptest::prelude::*;

use super::*;
use crate::routing::RawColumns;

const GOOD: RawRow<'static> = RawRow {
    port_id: Some(b"port-1"),
    subnet_id: Some(b"subnet-1"),
    macaddress: Some(b" FA-16-3E-00-00-01 "),
    attached_node_id: None,
    attached_node_name: Some(b"Worker-1 "),
    address: Some(b"10.10.0.5"),
    cidr: Cidr::Is(b"10.10.0.77/24"),
    mtu: Some(b"1450"),
    columns: None,
    netplan_success: Some(b"1"),
    id: Some(b"17"),
};

fn reason(raw: RawRow) -> Reason {
    parse(&raw).unwrap_err().fault.reason
}

#[test]
fn a_row_is_normalised_and_can_be_found_again_as_it_was_written() {
    let expected = Row {
        key: Some(RowKey {
            port_id: "port-1".to_owned(),
            macaddress: " FA-16-3E-00-00-01 ".to_owned(),
            node_name: Some("Worker-1 ".to_owned()),
            node_id: None,
            subnet_id: Some("subnet-1".to_owned()),
            cidr: Some("10.10.0.77/24".to_owned()),
            columns: None,
            address: Some("10.10.0.5".to_owned()),
            mtu: Some("1450".to_owned()),
            id: Some("17".to_owned()),
        }),
        success: Some(true),
        node: NodeRef { id: None, name: Some("Worker-1".to_owned()) },
        nic: Nic {
            mac: "fa:16:3e:00:00:01".parse().unwrap(),
            port_id: "port-1".to_owned(),
            subnet_id: "subnet-1".to_owned(),
            address: Some("10.10.0.5/24".parse().unwrap()),
            mtu: Some("1450".parse().unwrap()),
            routing: Routing::default(),
        },
        columns: Arc::default(),
    };
    assert_eq!(parse(&GOOD), Ok(expected));
}

#[test]
fn what_only_newer_tables_have_may_be_missing() {
    let seed = RawRow { address: None, cidr: Cidr::Unknown, mtu: None, netplan_success: None, ..GOOD };
    let row = parse(&seed).unwrap();
    assert_eq!((row.nic.address, row.nic.mtu, row.success), (None, None, None));
    let zero = parse(&RawRow { mtu: Some(b"0"), address: Some(b" "), ..GOOD }).unwrap();
    assert_eq!((zero.nic.address, zero.nic.mtu), (None, None));
}

#[test]
fn what_its_subnet_says_belongs_to_a_row() {
    let read = |gateway_ip, enable_dhcp| {
        let (gateway_ip, enable_dhcp) = (Some(gateway_ip), Some(enable_dhcp));
        Columns::read(RawColumns { gateway_ip, enable_dhcp, ..RawColumns::default() })
    };
    let columns = Arc::new(read(&b"10.10.0.1"[..], &b""[..]));
    let row = parse(&RawRow { columns: Some(&columns), ..GOOD }).unwrap();
    assert_eq!((row.key.unwrap().columns, &row.columns), (Some(Arc::clone(&columns)), &columns));
    // Whether anybody asks for what cannot be read is not known yet.
    let bad = Arc::new(read(b"nonsense", b"nonsense"));
    assert!(parse(&RawRow { columns: Some(&bad), ..GOOD }).is_ok());
}

#[test]
fn every_malformed_column_has_its_reason() {
    for (raw, expected) in [
        (RawRow { macaddress: Some(b"fa:16:3e:zz:00:01"), ..GOOD }, Reason::InvalidMacAddress),
        (RawRow { macaddress: None, ..GOOD }, Reason::InvalidMacAddress),
        (RawRow { macaddress: Some(b"\xff"), ..GOOD }, Reason::InvalidMacAddress),
        (RawRow { port_id: Some(b" "), ..GOOD }, Reason::InvalidPortId),
        (RawRow { port_id: Some(&[b'x'; 65]), ..GOOD }, Reason::InvalidPortId),
        (RawRow { subnet_id: Some(b"a b"), ..GOOD }, Reason::InvalidSubnetId),
        (RawRow { attached_node_name: None, ..GOOD }, Reason::InvalidNode),
        (RawRow { attached_node_name: Some(b"\xff"), ..GOOD }, Reason::InvalidNode),
        (RawRow { attached_node_name: Some(&[b'x'; 301]), ..GOOD }, Reason::InvalidNode),
        (RawRow { address: Some(b"ten"), ..GOOD }, Reason::InvalidAddress),
        (RawRow { cidr: Cidr::Is(b"\xff"), ..GOOD }, Reason::InvalidAddress),
        (RawRow { mtu: Some(b"67"), ..GOOD }, Reason::InvalidMtu),
        (RawRow { mtu: Some(b"jumbo"), ..GOOD }, Reason::InvalidMtu),
    ] {
        assert_eq!(reason(raw), expected, "{raw:?}");
    }
}

#[test]
fn a_subnet_that_is_there_twice_or_deleted_is_named_and_only_needed_for_a_prefix() {
    for (cidr, complaint) in [
        (Cidr::Twice, "the subnet subnet-1 is in multi_subnet twice"),
        (Cidr::Deleted, "the subnet subnet-1 of address 10.10.0.5 is marked as deleted in multi_subnet"),
    ] {
        let bad = parse(&RawRow { cidr, ..GOOD }).unwrap_err();
        assert_eq!(bad.fault.reason, Reason::InvalidAddress);
        assert!(bad.fault.message.starts_with(complaint), "{}", bad.fault);
        assert!(parse(&RawRow { cidr, address: None, ..GOOD }).is_ok());
        assert!(parse(&RawRow { cidr, address: Some(b"10.10.0.5/24"), ..GOOD }).is_ok());
    }
}

#[test]
fn success_of_one_bit_is_understood_and_a_value_without_measure_is_not_kept() {
    let success =
        |value: &'static [u8]| parse(&RawRow { netplan_success: Some(value), ..GOOD }).unwrap().success;
    assert_eq!([&b"\x00"[..], b"\x01", b"yes"].map(success), [Some(false), Some(true), None]);
    let bad = parse(&RawRow { address: Some(&[b'x'; 2_000]), ..GOOD }).unwrap_err();
    assert_eq!(bad.key, None);
}

#[test]
fn a_small_mtu_is_refused_with_ipv6_only() {
    let small = RawRow { mtu: Some(b"1279"), ..GOOD };
    assert!(parse(&small).is_ok());
    let ipv6 = RawRow { address: Some(b"2001:db8::5"), cidr: Cidr::Is(b"2001:db8::/64"), ..small };
    assert_eq!(reason(ipv6), Reason::InvalidMtu);
}

#[test]
fn what_can_be_read_of_a_bad_row_is_kept() {
    let bad = parse(&RawRow { mtu: Some(b"x"), netplan_success: Some(b"0"), ..GOOD }).unwrap_err();
    assert_eq!(bad.mac, Some("fa:16:3e:00:00:01".parse().unwrap()));
    assert_eq!(bad.port_id.as_deref(), Some("port-1"));
    assert_eq!(bad.node.unwrap().label(), "Worker-1");
    assert!(bad.key.is_some());
    assert_eq!(bad.success, Some(false));
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..400),
        "\\PC{0,40}".prop_map(String::into_bytes),
        "[0-9a-f:./ -]{0,40}".prop_map(String::into_bytes),
    ])
}

proptest! {
    #[test]
    fn no_bytes_make_parsing_panic_and_every_fault_is_short(columns in proptest::array::uniform9(value())) {
        let [port_id, subnet_id, macaddress, attached_node_id, attached_node_name, address, cidr, mtu, success] =
            columns.each_ref().map(Option::as_deref);
        let raw = RawRow {
            port_id, subnet_id, macaddress, attached_node_id, attached_node_name, address, mtu,
            cidr: cidr.map_or(Cidr::Unknown, Cidr::Is), columns: None, netplan_success: success, id: None,
        };
        match parse(&raw) {
            Ok(row) => prop_assert!(is_id(&row.nic.port_id)),
            Err(bad) => prop_assert!(bad.fault.message.len() < 4 * 1024, "{}", bad.fault),
        }
    }
}
