//! Which columns the tables have, and what follows from it.

use std::{collections::BTreeMap, fmt};

use super::{Relied, RowKey};

/// The table of NICs.
pub const TABLE: &str = "multi_interface";
/// The column that identifies a row as far as there is one that does.
pub const PORT: &str = "port_id";
/// The table of subnets, which knows the prefix of an address. Optional.
pub const SUBNET_TABLE: &str = "multi_subnet";

/// The columns without which there is nothing to do.
pub const REQUIRED: [&str; 5] =
    ["port_id", "subnet_id", "macaddress", "attached_node_name", "netplan_success"];

/// The shape of the table, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each says of one column whether it is there")]
pub struct Schema {
    /// Whether rows have an `attached_node_id`.
    pub node_id: bool,
    /// Whether rows have an `address`.
    pub address: bool,
    /// Whether rows have an `mtu`.
    pub mtu: bool,
    /// Whether there is a table of subnets, with their prefixes.
    pub cidr: bool,
    /// Whether the subnets have a `gateway_ip`.
    pub gateway_ip: bool,
    /// Whether the subnets have `host_routes`.
    pub host_routes: bool,
    /// Whether the subnets have an `enable_dhcp`.
    pub enable_dhcp: bool,
    /// Whether the subnets have an `ipv6_ra_mode`.
    pub ipv6_ra_mode: bool,
    /// Whether rows that are gone have a `deleted_at`.
    pub deleted_at: bool,
    /// Whether rows have a `status`.
    pub status: bool,
    /// Whether subnets that are gone have a `deleted_at`.
    pub subnet_deleted_at: bool,
    /// Whether subnets have a `status`.
    pub subnet_status: bool,
    /// Whether a write should move `modified_at`.
    pub modified_at: bool,
    /// Whether rows have an `id`.
    pub id: bool,
    keyed: Keyed,
}

/// Which column leads to a row without a look at all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyed {
    /// The number that the row had when it was read. Who goes by it comes by no lock on any other row, as in an index of
    /// ports, in which the producer also locks the neighbours.
    Id,
    Port,
    Nothing,
}

/// One column, as `information_schema` tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// Its table.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What kind of index begins with it.
    pub key: Key,
}

/// What kind of index begins with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The primary one.
    Primary,
    /// Another one.
    Other,
    /// None.
    None,
}

impl From<&str> for Key {
    fn from(column_key: &str) -> Self {
        match column_key {
            "PRI" => Self::Primary,
            "" => Self::None,
            _ => Self::Other,
        }
    }
}

/// Which of the known tables this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One table without addresses.
    Seed,
    /// The producer's, without addresses.
    Producer,
    /// The producer's, with addresses and, in the subnets, their prefixes.
    ProducerWithAddresses,
    /// Addresses whose prefixes cannot be read, so that hardly any row can be used.
    AddressesWithoutSubnets,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it_is = match self {
            Self::Seed => "has no column for addresses",
            Self::Producer => "knows servers by their ids and has no column for addresses",
            Self::ProducerWithAddresses => "has addresses and their prefixes",
            Self::AddressesWithoutSubnets => {
                "has addresses, but their prefixes, multi_subnet.cidr, are not there or may not be read"
            }
        };
        write!(f, "{TABLE} {it_is}")
    }
}

/// The table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// No such table, or none that this user may read.
    #[error(
        "table {TABLE} is not in the database, or the user may not read it; create it or GRANT SELECT on it"
    )]
    NoTable,
    /// A column that every shape of the table has.
    #[error("table {TABLE} has no column {}, or the user may not read it; add it or GRANT SELECT on it", .0.join(", "))]
    NoColumn(Vec<&'static str>),
    /// A column that was read before. Without it, every NIC would lose what the column said.
    #[error(
        "column {} is gone, or the user may not read it; add it again or GRANT SELECT on it (to do without it, set \
         it to NULL in every row, wait until the specs have none of it, then drop it)", .0.join(", ")
    )]
    ColumnGone(Vec<&'static str>),
}

impl Schema {
    /// A column that is written beside `netplan_success`, and a value that it takes.
    pub const MODIFIED_AT: (&'static str, &'static str) = ("modified_at", "NOW()");

    /// The shape of the tables that have these columns.
    pub fn new<'a>(columns: impl IntoIterator<Item = Column<'a>>) -> Result<Self, SchemaError> {
        let columns: BTreeMap<(String, String), Key> = columns
            .into_iter()
            .map(|Column { table, name, key }| ((table.to_ascii_lowercase(), name.to_ascii_lowercase()), key))
            .collect();
        let find = |table: &str, column: &str| columns.get(&(table.to_owned(), column.to_owned())).copied();
        let has = |table: &str, column: &str| find(table, column).is_some();

        if !columns.keys().any(|(table, _)| table == TABLE) {
            return Err(SchemaError::NoTable);
        }
        let missing: Vec<_> = REQUIRED.into_iter().filter(|column| !has(TABLE, column)).collect();
        if !missing.is_empty() {
            return Err(SchemaError::NoColumn(missing));
        }
        let cidr = has(SUBNET_TABLE, "subnet_id") && has(SUBNET_TABLE, "cidr");
        Ok(Self {
            node_id: has(TABLE, "attached_node_id"),
            address: has(TABLE, "address"),
            mtu: has(TABLE, "mtu"),
            cidr,
            gateway_ip: cidr && has(SUBNET_TABLE, "gateway_ip"),
            host_routes: cidr && has(SUBNET_TABLE, "host_routes"),
            enable_dhcp: cidr && has(SUBNET_TABLE, "enable_dhcp"),
            ipv6_ra_mode: cidr && has(SUBNET_TABLE, "ipv6_ra_mode"),
            deleted_at: has(TABLE, "deleted_at"),
            status: has(TABLE, "status"),
            subnet_deleted_at: has(SUBNET_TABLE, "deleted_at"),
            subnet_status: has(SUBNET_TABLE, "status"),
            modified_at: has(TABLE, "modified_at"),
            id: has(TABLE, "id"),
            keyed: match (find(TABLE, "id"), find(TABLE, PORT)) {
                (Some(Key::Primary), _) => Keyed::Id,
                (_, Some(Key::Primary | Key::Other)) => Keyed::Port,
                _ => Keyed::Nothing,
            },
        })
    }

    /// This shape, in which marks of deletion count only where somebody wants to have them `honoured`.
    #[must_use]
    pub const fn honouring(self, marks: bool) -> Self {
        let Self { deleted_at, status, subnet_deleted_at, subnet_status, .. } = self;
        Self {
            deleted_at: marks && deleted_at,
            status: marks && status,
            subnet_deleted_at: marks && subnet_deleted_at,
            subnet_status: marks && subnet_status,
            ..self
        }
    }

    /// This shape, unless it lacks a column that the table had `before`: a migration may be half
    /// done, or a right withdrawn.
    pub fn keeping(self, before: Option<&Self>) -> Result<Self, SchemaError> {
        let columns = |schema: &Self| {
            [
                (schema.node_id, "multi_interface.attached_node_id"),
                (schema.address, "multi_interface.address"),
                (schema.mtu, "multi_interface.mtu"),
                (schema.cidr, "multi_subnet.cidr"),
                (schema.gateway_ip, "multi_subnet.gateway_ip"),
                (schema.host_routes, "multi_subnet.host_routes"),
                (schema.enable_dhcp, "multi_subnet.enable_dhcp"),
                (schema.ipv6_ra_mode, "multi_subnet.ipv6_ra_mode"),
                (schema.deleted_at, "multi_interface.deleted_at"),
                (schema.status, "multi_interface.status"),
            ]
        };
        let had = before.map(columns).into_iter().flatten();
        let gone = had.zip(columns(&self)).filter(|((had, _), (has, _))| *had && !has);
        let gone: Vec<_> = gone.map(|((_, column), _)| column).collect();
        if gone.is_empty() { Ok(self) } else { Err(SchemaError::ColumnGone(gone)) }
    }

    /// This shape, unless specs have what it cannot have told them: nobody remembers the column, but it was there.
    pub fn sufficing(self, relied: Relied) -> Result<Self, SchemaError> {
        let columns = [
            (relied.address, self.address, "multi_interface.address"),
            (relied.mtu, self.mtu, "multi_interface.mtu"),
        ];
        let gone = columns.into_iter().filter(|(relied, has, _)| *relied && !has);
        let gone: Vec<_> = gone.map(|(.., column)| column).collect();
        if gone.is_empty() { Ok(self) } else { Err(SchemaError::ColumnGone(gone)) }
    }

    /// The column by which rows are found again.
    #[must_use]
    pub const fn locator(&self) -> &'static str {
        match self.keyed {
            Keyed::Port | Keyed::Nothing => PORT,
            Keyed::Id => "id",
        }
    }

    /// What the row has in that column.
    #[must_use]
    pub fn locate<'a>(&self, key: &'a RowKey) -> &'a str {
        match self.keyed {
            Keyed::Port | Keyed::Nothing => &key.port_id,
            // Which the row need not have any more; it is another row then, and read again.
            Keyed::Id => key.id.as_deref().unwrap_or_default(),
        }
    }

    /// What keeps the server from trying any other way to the row.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self.keyed {
            Keyed::Port | Keyed::Nothing => "",
            Keyed::Id => " FORCE INDEX (PRIMARY)",
        }
    }

    /// The statement that makes an index by which rows are found, where there is none: every write looks at all rows
    /// then, and waits for any that is locked.
    #[must_use]
    pub const fn missing_index(&self) -> Option<&'static str> {
        match self.keyed {
            Keyed::Port | Keyed::Id => None,
            Keyed::Nothing => Some("ALTER TABLE multi_interface ADD INDEX (port_id)"),
        }
    }

    /// Which of the known tables this is.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        match (self.address, self.cidr, self.node_id) {
            (true, true, _) => Shape::ProducerWithAddresses,
            (true, false, _) => Shape::AddressesWithoutSubnets,
            (false, _, true) => Shape::Producer,
            (false, _, false) => Shape::Seed,
        }
    }

    /// The tables that are read.
    #[must_use]
    pub const fn tables(&self) -> &'static [&'static str] {
        if self.cidr { &[TABLE, SUBNET_TABLE] } else { &[TABLE] }
    }

    /// The columns that are written, each with a value that it takes.
    #[must_use]
    pub const fn written(&self) -> &'static [(&'static str, &'static str)] {
        const WRITTEN: &[(&str, &str)] = &[("netplan_success", "0"), Schema::MODIFIED_AT];
        if self.modified_at { WRITTEN } else { WRITTEN.split_at(1).0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(table: &'static str, name: &'static str) -> Column<'static> {
        Column { table, name, key: Key::None }
    }

    fn of(columns: &[&'static str]) -> Vec<Column<'static>> {
        columns.iter().map(|name| column(TABLE, name)).collect()
    }

    #[test]
    fn a_row_is_found_by_its_number_where_that_is_the_primary_key_else_by_its_port() {
        let keyed = |keys: &'static [(&str, &str)]| {
            let key = |name| keys.iter().find(|(keyed, _)| *keyed == name).map_or("", |(_, key)| key);
            let columns = of(&REQUIRED).into_iter().chain(of(&["id"]));
            Schema::new(columns.map(|column| Column { key: key(column.name).into(), ..column })).unwrap()
        };
        let of = |schema: Schema| (schema.locator(), schema.missing_index().is_some());
        assert_eq!(of(keyed(&[("id", "PRI"), ("port_id", "UNI")])), ("id", false));
        assert_eq!(of(keyed(&[("id", "PRI")])), ("id", false));
        assert_eq!(of(keyed(&[("id", "MUL"), ("port_id", "MUL")])), ("port_id", false));
        assert_eq!(of(keyed(&[("subnet_id", "MUL")])), ("port_id", true));
    }

    #[test]
    fn what_specs_have_the_table_must_have_also_for_an_operator_that_has_just_started() {
        let seed = Schema::new(of(&REQUIRED)).unwrap();
        let error = seed.sufficing(Relied { address: true, mtu: false }).unwrap_err();
        assert_eq!(error, SchemaError::ColumnGone(vec!["multi_interface.address"]));
        assert_eq!(seed.sufficing(Relied::default()), Ok(seed));
        let mut columns = of(&REQUIRED);
        columns.extend(of(&["address", "mtu"]));
        let addressing = Schema::new(columns).unwrap();
        assert_eq!(addressing.sufficing(Relied { address: true, mtu: true }), Ok(addressing));
    }

    #[test]
    fn a_column_may_come_but_one_that_was_there_may_not_go() {
        let seed = Schema::new(of(&REQUIRED)).unwrap();
        let mut columns = of(&REQUIRED);
        columns.extend(of(&["address", "mtu", "status"]));
        let addressing = Schema::new(columns.clone()).unwrap();
        columns.retain(|column| column.name != "address");
        let half_done = Schema::new(columns).unwrap();

        assert_eq!(addressing.keeping(None), Ok(addressing));
        assert_eq!(addressing.keeping(Some(&seed)), Ok(addressing));
        assert_eq!(addressing.keeping(Some(&addressing)), Ok(addressing));
        let error = half_done.keeping(Some(&addressing)).unwrap_err();
        assert_eq!(error, SchemaError::ColumnGone(vec!["multi_interface.address"]));
        assert!(error.to_string().starts_with("column multi_interface.address is gone"), "{error}");
    }

    #[test]
    fn what_subnets_say_besides_their_prefix_may_come_by_itself_but_not_go() {
        const OPTIONAL: [&str; 4] = ["gateway_ip", "Host_Routes", "enable_dhcp", "ipv6_ra_mode"];
        let with = |names: &[&'static str]| {
            let subnets = names.iter().map(|name| column(SUBNET_TABLE, name));
            Schema::new(of(&REQUIRED).into_iter().chain(subnets)).unwrap()
        };
        let has =
            |schema: Schema| [schema.gateway_ip, schema.host_routes, schema.enable_dhcp, schema.ipv6_ra_mode];
        let without = with(&["subnet_id", "cidr"]);
        let all = with(&[["subnet_id", "cidr"].as_slice(), &OPTIONAL].concat());
        assert_eq!((has(without), has(all)), ([false; 4], [true; 4]));
        // Nobody could tell what they are about.
        assert_eq!(has(with(&[["subnet_id"].as_slice(), &OPTIONAL].concat())), [false; 4]);
        assert_eq!(all.keeping(Some(&without)), Ok(all));
        let gone = ["gateway_ip", "host_routes", "enable_dhcp", "ipv6_ra_mode"]
            .map(|column| format!("multi_subnet.{column}"));
        let error = without.keeping(Some(&all)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("column {} is gone", gone.join(", "))), "{error}");
    }

    #[test]
    fn the_known_shapes_are_told_apart() {
        let with = |columns: &[&'static str], subnets: bool| {
            let subnets =
                ["subnet_id", "cidr"].map(|name| column(SUBNET_TABLE, name)).into_iter().filter(|_| subnets);
            Schema::new(of(&REQUIRED).into_iter().chain(of(columns)).chain(subnets)).unwrap()
        };
        let addressing = ["attached_node_id", "address", "mtu"];
        for (schema, shape, tables) in [
            (with(&[], false), Shape::Seed, 1),
            (with(&["attached_node_id"], true), Shape::Producer, 2),
            (with(&["attached_node_id"], false), Shape::Producer, 1),
            (with(&addressing, true), Shape::ProducerWithAddresses, 2),
            (with(&addressing, false), Shape::AddressesWithoutSubnets, 1),
        ] {
            assert_eq!((schema.shape(), schema.tables().len()), (shape, tables));
            assert_eq!(schema.written(), [("netplan_success", "0")]);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(Schema::new([]), Err(SchemaError::NoTable));
        assert_eq!(Schema::new([column(SUBNET_TABLE, "cidr")]), Err(SchemaError::NoTable));
        let error = Schema::new(of(&["port_id", "subnet_id", "netplan_success"])).unwrap_err();
        assert_eq!(error, SchemaError::NoColumn(vec!["macaddress", "attached_node_name"]));
        assert!(error.to_string().contains("macaddress, attached_node_name"), "{error}");
    }
}
