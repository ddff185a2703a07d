//! What subnets say of addresses, in columns that the table need not have, whether it has one for addresses or not.

use anyhow::{Context, Result, ensure};
use multinic_crds::{Addressing, Explanation, Reason};
use multinic_testbed::{Database, Needs, OPERATOR_USER, Schema, Suite, Testbed};

use crate::scene::{Inventory, inventory, read, recreate, rows, saying, successes};

const ADD: &str = "ALTER TABLE multi_subnet ADD COLUMN enable_dhcp TINYINT(1) NULL, ADD COLUMN ipv6_ra_mode VARCHAR(32) NULL";
/// The smallest that there is, with and without a column for addresses.
const SEED: [&str; 2] = [
    "CREATE TABLE multi_interface (id INT PRIMARY KEY AUTO_INCREMENT, port_id VARCHAR(36), subnet_id VARCHAR(36), \
     macaddress VARCHAR(17), attached_node_name VARCHAR(255), netplan_success TINYINT(1) DEFAULT 0)",
    "CREATE TABLE multi_interface (port_id VARCHAR(36), subnet_id VARCHAR(36), macaddress VARCHAR(17), \
     attached_node_name VARCHAR(255), netplan_success TINYINT(1) DEFAULT 0, address VARCHAR(39) NULL)",
];
const SUBNETS: &str = "CREATE TABLE multi_subnet (subnet_id VARCHAR(36), cidr VARCHAR(64))";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("columns_of_addressing_are_read_of_tables_with_and_without_addresses", Needs::Testbed, shapes)
        .tell("columns_of_addressing_of_any_kind_are_read", Needs::Testbed, kinds)
        .tell("addressing_that_cannot_be_read_hides_no_row", Needs::Testbed, malformed)
}

/// A row in each of two subnets, neither with an address.
async fn scene(database: &Database<'_>, interfaces: &str) -> Result<()> {
    recreate(
        database,
        &[
            interfaces,
            SUBNETS,
            "INSERT INTO multi_subnet (subnet_id, cidr) VALUES ('s4', '10.20.0.0/24'), ('s6', '2001:db8:20::/64')",
            "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name) VALUES \
             ('p4', 's4', 'fa:16:3e:00:00:04', 'worker-1'), ('p6', 's6', 'fa:16:3e:00:00:06', 'worker-1')",
        ],
    )
    .await
}

async fn say(database: &Database<'_>, enable_dhcp: &str, ipv6_ra_mode: &str) -> Result<()> {
    let update =
        format!("UPDATE multi_subnet SET enable_dhcp = {enable_dhcp}, ipv6_ra_mode = {ipv6_ra_mode}");
    database.execute(&update).await.map(drop)
}

type Said = Result<Option<Addressing>, Explanation>;

/// What the subnets of IPv4 and of IPv6 say to their rows.
async fn said(inventory: &mut Inventory) -> Result<[Said; 2]> {
    let mut rows = rows(inventory).await?;
    rows.sort_by(|one, other| one.nic.port_id.cmp(&other.nic.port_id));
    let [ipv4, ipv6] = &rows[..] else { anyhow::bail!("{rows:?}") };
    Ok([ipv4.columns.addressing.clone(), ipv6.columns.addressing.clone()])
}

async fn shapes(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    for interfaces in SEED {
        scene(&database, interfaces).await?;
        let mut inventory = inventory(&database);
        assert_eq!(said(&mut inventory).await?, [Ok(None), Ok(None)]);
        database.execute(ADD).await?;
        say(&database, "1", "'slaac'").await?;
        // Found over another connection, as after a fail-over.
        assert_eq!(said(&mut inventory).await?, [Ok(None), Ok(None)]);
        database.execute(&format!("KILL CONNECTION USER {OPERATOR_USER}")).await?;
        let both = [Ok(Some(Addressing::Dhcp4)), Ok(Some(Addressing::Slaac))];
        assert_eq!(said(&mut inventory).await?, both);

        let before = saying(true, &rows(&mut inventory).await?)?;
        say(&database, "0", "NULL").await?;
        let none = [Ok(Some(Addressing::None)), Ok(Some(Addressing::None))];
        assert_eq!(said(&mut inventory).await?, none);
        // What is no longer said was no success.
        let written = inventory.write(&before).await;
        ensure!(written.rows == 0 && written.error.is_none(), "{written:?}");
        let now = saying(true, &rows(&mut inventory).await?)?;
        inventory.write(&now).await;
        assert_eq!(successes(&database).await?, 2);

        database.execute("ALTER TABLE multi_subnet DROP COLUMN enable_dhcp").await?;
        let error = read(&mut inventory).await.err().context("it is read")?.to_string();
        ensure!(error.starts_with("column multi_subnet.enable_dhcp is gone"), "{error}");
    }
    Ok(())
}

async fn kinds(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    for (enable_dhcp, yes, ipv6_ra_mode) in [
        ("BOOLEAN", "TRUE", "TEXT"),
        ("BIT(1)", "b'1'", "ENUM('slaac', 'dhcpv6-stateful', 'dhcpv6-stateless')"),
        ("VARCHAR(5)", "'true'", "VARCHAR(32) CHARSET latin1"),
        ("TINYINT(1) NOT NULL DEFAULT 1", "1", "VARCHAR(32) NOT NULL DEFAULT ''"),
        ("VARBINARY(5)", "'True'", "BLOB"),
    ] {
        scene(&database, SEED[0]).await?;
        let add = format!(
            "ALTER TABLE multi_subnet ADD COLUMN enable_dhcp {enable_dhcp}, ADD COLUMN ipv6_ra_mode {ipv6_ra_mode}"
        );
        database.execute(&add).await?;
        say(&database, yes, "'dhcpv6-stateful'").await?;
        let expected = [Ok(Some(Addressing::Dhcp4)), Ok(Some(Addressing::Dhcp6))];
        assert_eq!(said(&mut inventory(&database)).await?, expected, "{add}");
    }
    Ok(())
}

async fn malformed(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    scene(&database, SEED[0]).await?;
    database.execute(&ADD.replace("TINYINT(1)", "VARCHAR(32)")).await?;
    let mut inventory = inventory(&database);
    let reasons = async |inventory: &mut Inventory| -> Result<[Option<Reason>; 2]> {
        Ok(said(inventory).await?.map(|said| said.err().map(|fault| fault.reason)))
    };
    let invalid = Some(Reason::InvalidAddressing);
    say(&database, "'yes'", "'banana'").await?;
    assert_eq!(reasons(&mut inventory).await?, [invalid, invalid]);
    // Of IPv4, nobody asks for the mode.
    say(&database, "'1'", "'banana'").await?;
    assert_eq!(reasons(&mut inventory).await?, [None, invalid]);
    say(&database, "'1'", "NULL").await?;
    database.execute("INSERT INTO multi_subnet VALUES ('s4', '10.20.0.0/24', '0', NULL)").await?;
    assert_eq!(reasons(&mut inventory).await?, [invalid, None]);
    Ok(())
}
