//! The text of the one SELECT that reads everything, whatever the shape of the tables.

use multinic_operator_core::table::{
    Schema,
    schema::{SUBNET_TABLE, TABLE},
};

/// The places of a line that are about a subnet, after the first, which says what the line is.
pub(super) const SUBNET_COLUMNS: usize = 6;
/// Those after them, which are about an interface.
const COLUMNS: usize = 9;

/// What a line of the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Interface,
    Subnet,
    DeletedSubnet,
}

impl Kind {
    pub(super) fn of(value: Option<&[u8]>) -> Self {
        match value {
            Some(b"1") => Self::Subnet,
            Some(b"2") => Self::DeletedSubnet,
            _ => Self::Interface,
        }
    }
}

/// Reads every row that is not marked as deleted, and every subnet.
///
/// One statement is one snapshot. No column of one table shares a place with, or is compared with, one of the other:
/// their collations may differ.
pub(super) fn rows(schema: Schema) -> String {
    let mut sql = format!(
        "SELECT 0, {}, port_id, subnet_id, macaddress, {}, attached_node_name, {}, {}, netplan_success, {} FROM {TABLE}",
        nulls(SUBNET_COLUMNS),
        or_null(schema.node_id, "attached_node_id"),
        or_null(schema.address, "address"),
        or_null(schema.mtu, "mtu"),
        or_null(schema.id, "id"),
    );
    if let Some(alive) = alive(schema.deleted_at, schema.status) {
        sql.extend([" WHERE ", &alive]);
    }
    if schema.cidr {
        sql.extend([" UNION ALL ", &subnets(schema)]);
    }
    sql
}

/// Reads every subnet.
pub(super) fn subnets(schema: Schema) -> String {
    let alive = alive(schema.subnet_deleted_at, schema.subnet_status);
    let kind = alive.map_or_else(|| "1".to_owned(), |alive| format!("IF({alive}, 1, 2)"));
    let optional = [
        or_null(schema.gateway_ip, "gateway_ip"),
        or_null(schema.host_routes, "host_routes"),
        or_null(schema.enable_dhcp, "enable_dhcp"),
        or_null(schema.ipv6_ra_mode, "ipv6_ra_mode"),
    ]
    .join(", ");
    let others = nulls(COLUMNS);
    format!("SELECT {kind}, subnet_id, cidr, {optional}, {others} FROM {SUBNET_TABLE}")
}

fn nulls(number: usize) -> String {
    vec!["NULL"; number].join(", ")
}

const fn or_null(is_there: bool, column: &str) -> &str {
    if is_there { column } else { "NULL" }
}

/// What a row must be that is not marked as deleted. "Never" is written as NULL, as zero, or as the date zero.
fn alive(deleted_at: bool, status: bool) -> Option<String> {
    let conditions = [
        deleted_at.then_some("(deleted_at IS NULL OR deleted_at + 0 = 0)"),
        // As text, since a word equals the number 0.
        status.then_some("(status IS NULL OR LOWER(CAST(status AS CHAR)) <> 'deleted')"),
    ];
    let conditions: Vec<_> = conditions.into_iter().flatten().collect();
    (!conditions.is_empty()).then(|| conditions.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use multinic_operator_core::table::schema::{Column, Key, REQUIRED};

    fn schema(optional: &[&'static str], subnets: &[&'static str]) -> Schema {
        let column = |table| move |name| Column { table, name, key: Key::None };
        let interfaces = REQUIRED.into_iter().chain(optional.iter().copied()).map(column(TABLE));
        Schema::new(interfaces.chain(subnets.iter().copied().map(column(SUBNET_TABLE)))).unwrap()
    }

    #[test]
    fn the_seeds_table_is_read_without_what_it_lacks() {
        assert_eq!(
            rows(schema(&[], &[])),
            "SELECT 0, NULL, NULL, NULL, NULL, NULL, NULL, port_id, subnet_id, macaddress, NULL, attached_node_name, NULL, NULL, \
             netplan_success, NULL FROM multi_interface"
        );
    }

    #[test]
    fn every_optional_column_is_used_where_it_is_there() {
        let interfaces = ["id", "attached_node_id", "address", "MTU", "deleted_at", "status", "modified_at"];
        assert_eq!(
            rows(schema(&interfaces, &["subnet_id", "cidr", "status", "host_routes", "ipv6_ra_mode"])),
            "SELECT 0, NULL, NULL, NULL, NULL, NULL, NULL, port_id, subnet_id, macaddress, attached_node_id, attached_node_name, address, mtu, \
             netplan_success, id FROM multi_interface \
             WHERE (deleted_at IS NULL OR deleted_at + 0 = 0) \
             AND (status IS NULL OR LOWER(CAST(status AS CHAR)) <> 'deleted') \
             UNION ALL SELECT IF((status IS NULL OR LOWER(CAST(status AS CHAR)) <> 'deleted'), 1, 2), subnet_id, cidr, \
             NULL, host_routes, NULL, ipv6_ra_mode, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM multi_subnet"
        );
    }

    #[test]
    fn subnets_alone_have_the_same_places() {
        let places = |sql: &str| sql.split(", ").count();
        let optional = ["gateway_ip", "host_routes", "enable_dhcp", "ipv6_ra_mode"];
        let schema = schema(&[], &[["subnet_id", "cidr"].as_slice(), &optional].concat());
        let both = rows(schema);
        let (interfaces, joined) = both.split_once(" UNION ALL ").unwrap();
        assert_eq!((joined, places(joined)), (subnets(schema).as_str(), places(interfaces)));
    }
}
