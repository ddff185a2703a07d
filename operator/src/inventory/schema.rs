//! Which columns the table has, and the one SELECT that reads them.

use std::{collections::BTreeSet, fmt};

/// The table of NICs.
pub(super) const TABLE: &str = "multi_interface";
/// The table of subnets, which knows the prefix of an address. Optional.
pub(super) const SUBNET_TABLE: &str = "multi_subnet";

const REQUIRED: [&str; 5] = ["port_id", "subnet_id", "macaddress", "attached_node_name", "netplan_success"];

/// The shape of the table, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each says of one column whether it is there")]
pub struct Schema {
    node_id: bool,
    /// Whether rows have an `address`.
    pub address: bool,
    /// Whether rows have an `mtu`.
    pub mtu: bool,
    cidr: bool,
    deleted_at: bool,
    status: bool,
    /// Whether a write should move `modified_at`.
    pub modified_at: bool,
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
            Self::Seed => "is the seed's: NICs without addresses",
            Self::Producer => "is the producer's: NICs without addresses",
            Self::ProducerWithAddresses => "is the producer's, with addresses",
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
        "column {} is gone, or the user may not read it; add it again, GRANT SELECT on it, or restart the operator \
         to do without it", .0.join(", ")
    )]
    ColumnGone(Vec<&'static str>),
}

impl Schema {
    /// The shape of the table that has `columns`, given as (table, column).
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SchemaError> {
        let columns: BTreeSet<(String, String)> = columns
            .into_iter()
            .map(|(table, column)| (table.to_ascii_lowercase(), column.to_ascii_lowercase()))
            .collect();
        let has = |table: &str, column: &str| columns.contains(&(table.to_owned(), column.to_owned()));

        if !columns.iter().any(|(table, _)| table == TABLE) {
            return Err(SchemaError::NoTable);
        }
        let missing: Vec<_> = REQUIRED.into_iter().filter(|column| !has(TABLE, column)).collect();
        if !missing.is_empty() {
            return Err(SchemaError::NoColumn(missing));
        }
        Ok(Self {
            node_id: has(TABLE, "attached_node_id"),
            address: has(TABLE, "address"),
            mtu: has(TABLE, "mtu"),
            cidr: has(SUBNET_TABLE, "subnet_id") && has(SUBNET_TABLE, "cidr"),
            deleted_at: has(TABLE, "deleted_at"),
            status: has(TABLE, "status"),
            modified_at: has(TABLE, "modified_at"),
        })
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
                (schema.deleted_at, "multi_interface.deleted_at"),
                (schema.status, "multi_interface.status"),
                (schema.modified_at, "multi_interface.modified_at"),
            ]
        };
        let had = before.map(columns).into_iter().flatten();
        let gone = had.zip(columns(&self)).filter(|((had, _), (has, _))| *had && !has);
        let gone: Vec<_> = gone.map(|((_, column), _)| column).collect();
        if gone.is_empty() { Ok(self) } else { Err(SchemaError::ColumnGone(gone)) }
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
        const WRITTEN: &[(&str, &str)] = &[("netplan_success", "0"), ("modified_at", "NOW()")];
        if self.modified_at { WRITTEN } else { WRITTEN.split_at(1).0 }
    }

    /// The statement that reads every row that is not marked as deleted.
    ///
    /// Its columns are those of [`super::RawRow`], in that order, whatever the shape.
    #[must_use]
    pub fn select(&self) -> String {
        let or_null = |there, column| if there { column } else { "NULL" };
        let mut sql = format!(
            "SELECT i.port_id, i.subnet_id, i.macaddress, {}, i.attached_node_name, {}, {}, {}, i.netplan_success FROM {TABLE} i",
            or_null(self.node_id, "i.attached_node_id"),
            or_null(self.address, "i.address"),
            or_null(self.cidr, "s.cidr"),
            or_null(self.mtu, "i.mtu"),
        );
        if self.cidr {
            sql.extend([" LEFT JOIN ", SUBNET_TABLE, " s ON s.subnet_id = i.subnet_id"]);
        }
        let alive = [
            self.deleted_at.then_some("i.deleted_at IS NULL"),
            self.status.then_some("(i.status IS NULL OR i.status <> 'deleted')"),
        ];
        let alive: Vec<_> = alive.into_iter().flatten().collect();
        if !alive.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&alive.join(" AND "));
        }
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: &[&'static str]) -> Vec<(&'static str, &'static str)> {
        columns.iter().map(|column| (TABLE, *column)).collect()
    }

    #[test]
    fn the_seeds_table_is_read_without_what_it_lacks() {
        let schema = Schema::new(of(&REQUIRED)).unwrap();
        assert_eq!(
            schema.select(),
            "SELECT i.port_id, i.subnet_id, i.macaddress, NULL, i.attached_node_name, NULL, NULL, NULL, \
             i.netplan_success FROM multi_interface i"
        );
    }

    #[test]
    fn every_optional_column_is_used_where_it_is_there() {
        let mut columns = of(&REQUIRED);
        columns.extend(of(&["attached_node_id", "address", "MTU", "deleted_at", "status", "modified_at"]));
        columns.extend([(SUBNET_TABLE, "subnet_id"), (SUBNET_TABLE, "cidr")]);
        let schema = Schema::new(columns).unwrap();
        assert!(schema.modified_at);
        assert_eq!((schema.tables(), schema.written().len()), (&[TABLE, SUBNET_TABLE][..], 2));
        assert_eq!(
            schema.select(),
            "SELECT i.port_id, i.subnet_id, i.macaddress, i.attached_node_id, i.attached_node_name, i.address, \
             s.cidr, i.mtu, i.netplan_success FROM multi_interface i \
             LEFT JOIN multi_subnet s ON s.subnet_id = i.subnet_id \
             WHERE i.deleted_at IS NULL AND (i.status IS NULL OR i.status <> 'deleted')"
        );
    }

    #[test]
    fn a_column_may_come_but_one_that_was_there_may_not_go() {
        let seed = Schema::new(of(&REQUIRED)).unwrap();
        let mut columns = of(&REQUIRED);
        columns.extend(of(&["address", "mtu", "status"]));
        let addressing = Schema::new(columns.clone()).unwrap();
        columns.retain(|(_, column)| *column != "address");
        let half_done = Schema::new(columns).unwrap();

        assert_eq!(addressing.keeping(None), Ok(addressing));
        assert_eq!(addressing.keeping(Some(&seed)), Ok(addressing));
        assert_eq!(addressing.keeping(Some(&addressing)), Ok(addressing));
        let error = half_done.keeping(Some(&addressing)).unwrap_err();
        assert_eq!(error, SchemaError::ColumnGone(vec!["multi_interface.address"]));
        assert!(error.to_string().starts_with("column multi_interface.address is gone"), "{error}");
    }

    #[test]
    fn the_known_shapes_are_told_apart() {
        let with = |columns: &[&'static str], subnets: bool| {
            let subnets =
                [(SUBNET_TABLE, "subnet_id"), (SUBNET_TABLE, "cidr")].into_iter().filter(|_| subnets);
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
        assert_eq!(Schema::new([(SUBNET_TABLE, "cidr")]), Err(SchemaError::NoTable));
        let error = Schema::new(of(&["port_id", "subnet_id", "netplan_success"])).unwrap_err();
        assert_eq!(error, SchemaError::NoColumn(vec!["macaddress", "attached_node_name"]));
        assert!(error.to_string().contains("macaddress, attached_node_name"), "{error}");
    }
}
