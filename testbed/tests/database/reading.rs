//! Tables as others have made them, and what is read of them.

use anyhow::{Context, Result, ensure};
use multinic_operator_core::table::{BadRow, Row};
use multinic_testbed::{Needs, Schema, Suite, Testbed};

use crate::scene::{count, inventory, read, recreate, rows, saying};

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("tables_of_different_collations_are_joined", Needs::Testbed, collations)
        .tell("a_deleted_at_of_zero_is_alive", Needs::Testbed, zero_is_alive)
        .tell("a_status_that_is_a_number_deletes_nothing", Needs::Testbed, numeric_status)
        .tell("a_subnet_in_two_rows_neither_doubles_a_nic_nor_is_guessed", Needs::Testbed, subnet_twice)
        .tell("a_success_of_one_bit_is_read_and_written", Needs::Testbed, one_bit)
}

const INTERFACES: &str = "CREATE TABLE multi_interface (id INT AUTO_INCREMENT PRIMARY KEY, port_id VARCHAR(36), \
    subnet_id VARCHAR(36), macaddress VARCHAR(17), attached_node_name VARCHAR(255), address VARCHAR(45), \
    mtu INT NULL, netplan_success TINYINT(1) DEFAULT 0) CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci";
const INSERT: &str = "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name, address) \
    VALUES ('port-1', 'subnet-1', 'fa:16:3e:00:00:01', 'worker-1', '10.10.0.5')";

fn address(row: &Row) -> Option<String> {
    row.nic.address.map(|address| address.to_string())
}

async fn collations(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    for (charset, id) in [
        ("CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci", "subnet-1"),
        ("CHARSET=latin1 COLLATE=latin1_swedish_ci", "subnet-1"),
        ("CHARSET=utf8mb4 COLLATE=utf8mb4_bin", "subnet-1"),
        ("CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci", "Subnet-1 "),
    ] {
        let subnets = format!(
            "CREATE TABLE multi_subnet (id INT AUTO_INCREMENT PRIMARY KEY, subnet_id VARCHAR(36), cidr VARCHAR(255)) \
             {charset}"
        );
        let insert = format!("INSERT INTO multi_subnet (subnet_id, cidr) VALUES ('{id}', '10.10.0.0/24')");
        recreate(&database, &[INTERFACES, &subnets, INSERT, &insert]).await?;
        let mut inventory = inventory(&database);
        let rows = rows(&mut inventory).await.with_context(|| charset.to_owned())?;
        assert_eq!(
            rows.iter().map(address).collect::<Vec<_>>(),
            [Some("10.10.0.5/24".to_owned())],
            "{charset}"
        );
        let written = inventory.write(&saying(true, &rows)?).await;
        ensure!(written.rows == 1 && written.error.is_none(), "{written:?} with {charset}");
    }
    Ok(())
}

async fn zero_is_alive(bed: &Testbed) -> Result<()> {
    let database = bed.database_with(Schema::Seed, &["--sql-mode="]).await?;
    for (kind, alive, deleted) in [
        ("TIMESTAMP NULL", &["'0000-00-00 00:00:00'", "NULL"][..], "NOW()"),
        ("BIGINT UNSIGNED NOT NULL DEFAULT 0", &["0"], "1764000000"),
        ("DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00'", &["'0000-00-00 00:00:00'"], "NOW()"),
        ("DATETIME(6) NULL", &["'0000-00-00 00:00:00'", "NULL"], "NOW(6)"),
        ("TINYINT(1) NULL", &["0", "NULL"], "1"),
        ("BIT(1) NULL", &["b'0'", "NULL"], "b'1'"),
        ("VARCHAR(30) NULL", &["''", "'0'", "NULL"], "'2025-11-02 10:00:00'"),
        ("DATE NULL", &["'0000-00-00'", "NULL"], "CURDATE()"),
    ] {
        recreate(&database, &[&INTERFACES.replace("mtu INT NULL", &format!("deleted_at {kind}"))]).await?;
        for (number, value) in alive.iter().chain([&deleted]).enumerate() {
            database
                .execute(&format!(
                    "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name, deleted_at) \
                     VALUES ('port-{number}', 's', 'fa:16:3e:00:00:{number:02}', 'worker-1', {value})"
                ))
                .await?;
        }
        let mut read: Vec<_> =
            rows(&mut inventory(&database)).await?.into_iter().map(|row| row.nic.port_id).collect();
        read.sort_unstable();
        let expected: Vec<_> = (0..alive.len()).map(|number| format!("port-{number}")).collect();
        assert_eq!(read, expected, "{kind}");
    }
    Ok(())
}

async fn numeric_status(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    recreate(&database, &[&INTERFACES.replace("mtu INT NULL", "status INT DEFAULT 0"), INSERT]).await?;
    database.execute("UPDATE multi_interface SET address = NULL").await?;
    assert_eq!(rows(&mut inventory(&database)).await?.len(), 1);
    Ok(())
}

async fn subnet_twice(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    let subnets = "CREATE TABLE multi_subnet (id INT AUTO_INCREMENT PRIMARY KEY, subnet_id VARCHAR(36), \
                   cidr VARCHAR(255), status VARCHAR(50) DEFAULT 'active', deleted_at TIMESTAMP NULL)";
    recreate(&database, &[INTERFACES, subnets, INSERT]).await?;
    database
        .execute(
            "INSERT INTO multi_subnet (subnet_id, cidr, deleted_at) VALUES ('subnet-1', '10.10.0.0/16', NOW()), \
             ('subnet-1', '10.10.0.0/24', NULL)",
        )
        .await?;
    let mut inventory = inventory(&database);
    let alive = rows(&mut inventory).await?;
    assert_eq!(alive.iter().map(address).collect::<Vec<_>>(), [Some("10.10.0.5/24".to_owned())]);

    database.execute("UPDATE multi_subnet SET deleted_at = NULL").await?;
    let fault = |bad: &BadRow| bad.fault.message.clone();
    let read_now = read(&mut inventory).await?;
    let faults: Vec<_> = read_now.iter().filter_map(|row| row.as_ref().err().map(|bad| fault(bad))).collect();
    ensure!(faults.len() == 1 && read_now.len() == 1, "{read_now:?}");
    ensure!(faults[0].contains("subnet-1 is in multi_subnet twice"), "{faults:?}");

    database.execute("UPDATE multi_subnet SET status = 'deleted'").await?;
    let read_now = read(&mut inventory).await?;
    let faults: Vec<_> = read_now.iter().filter_map(|row| row.as_ref().err().map(|bad| fault(bad))).collect();
    ensure!(faults.len() == 1 && faults[0].contains("deleted in multi_subnet"), "{read_now:?}");

    // Only what needs the subnet suffers.
    database.execute("UPDATE multi_interface SET address = NULL").await?;
    assert_eq!(rows(&mut inventory).await?.len(), 1);
    Ok(())
}

async fn one_bit(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    let interfaces = INTERFACES.replace("TINYINT(1) DEFAULT 0", "BIT(1) DEFAULT b'0'");
    recreate(&database, &[&interfaces, INSERT]).await?;
    database.execute("UPDATE multi_interface SET address = NULL").await?;
    let mut inventory = inventory(&database);
    let before = rows(&mut inventory).await?;
    assert_eq!(before[0].success, Some(false));
    assert_eq!(inventory.write(&saying(true, &before)?).await.rows, 1);
    assert_eq!(rows(&mut inventory).await?[0].success, Some(true));
    assert_eq!(
        count(&database, "SELECT COUNT(*) FROM multi_interface WHERE netplan_success = b'1'").await?,
        1
    );
    Ok(())
}
