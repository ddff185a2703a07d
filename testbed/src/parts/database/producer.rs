//! OpenStack's side: writes rows exactly as the real producer does, transactions included.

use anyhow::{Context, Result};
use sqlx::{MySql, MySqlConnection, MySqlPool, Transaction};

use super::Schema;

/// One `OpenstackConfig` object: the NICs that some VMs have in one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenstackConfig {
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Where all its ports are.
    pub subnet: Subnet,
    /// One per NIC.
    pub ports: Vec<Port>,
}

/// A row of `multi_subnet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Neutron's id, at most 36 characters.
    pub id: String,
    /// Neutron's name.
    pub name: String,
    /// Such as `10.20.0.0/24`.
    pub cidr: String,
}

/// A row of `multi_interface`. Nothing is checked: bad rows are part of the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Neutron's id, at most 36 characters.
    pub id: String,
    /// As Neutron, or whoever tampers with the table, writes it.
    pub mac: String,
    /// Nova's display name of the VM.
    pub node: String,
    /// Without a prefix length; written only where the schema has it.
    pub address: Option<String>,
    /// Bytes; written only where the schema has it.
    pub mtu: Option<i32>,
}

impl OpenstackConfig {
    /// An object in the default namespace without ports.
    #[must_use]
    pub fn new(name: &str, cidr: &str) -> Self {
        Self {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            subnet: Subnet { id: format!("subnet-{name}"), name: name.to_owned(), cidr: cidr.to_owned() },
            ports: Vec::new(),
        }
    }

    /// The same with one port more.
    #[must_use]
    pub fn with(mut self, port: Port) -> Self {
        self.ports.push(port);
        self
    }
}

impl Port {
    /// A NIC of a node, without an address; its id is made from its MAC.
    #[must_use]
    pub fn new(mac: &str, node: &str) -> Self {
        Self {
            id: format!("port-{node}-{mac}").chars().take(36).collect(),
            mac: mac.to_owned(),
            node: node.to_owned(),
            address: None,
            mtu: None,
        }
    }

    /// The same with an address.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        self.address = Some(address.to_owned());
        self
    }

    /// The same with an MTU.
    #[must_use]
    pub fn mtu(mut self, mtu: i32) -> Self {
        self.mtu = Some(mtu);
        self
    }
}

/// Writes what OpenStack says.
#[derive(Debug, Clone, Copy)]
pub struct Producer<'database> {
    pool: &'database MySqlPool,
    schema: Schema,
}

impl<'database> Producer<'database> {
    pub(super) fn new(pool: &'database MySqlPool, schema: Schema) -> Self {
        Self { pool, schema }
    }

    /// One scheduled sync of the object: every row gets a new id, every success is forgotten.
    pub async fn sync(&self, config: &OpenstackConfig) -> Result<()> {
        let syncing = self.begin(config).await?;
        syncing.commit().await?;
        Ok(())
    }

    /// A sync up to, but without, its commit: the rows stay locked as while OpenStack is slow to answer.
    pub async fn begin(&self, config: &OpenstackConfig) -> Result<Transaction<'static, MySql>> {
        let mut transaction = self.open(config).await?;
        self.fill(&mut transaction, config).await?;
        Ok(transaction)
    }

    /// A sync as far as it is while OpenStack is asked: the rows are deleted, and no new ones are there.
    pub async fn open(&self, config: &OpenstackConfig) -> Result<Transaction<'static, MySql>> {
        let mut transaction = self.pool.begin().await?;
        self.delete_rows(&mut transaction, config).await?;
        Ok(transaction)
    }

    /// The rest of that sync, without its commit.
    pub async fn fill(
        &self,
        transaction: &mut Transaction<'static, MySql>,
        config: &OpenstackConfig,
    ) -> Result<()> {
        if self.schema != Schema::Seed {
            upsert_subnet(transaction, &config.subnet).await?;
        }
        for port in &config.ports {
            if self.schema != Schema::Seed {
                upsert_node(transaction, &port.node).await?;
            }
            self.insert_row(transaction, config, port).await?;
        }
        Ok(())
    }

    /// The object is deleted: all its rows vanish at once.
    pub async fn delete(&self, config: &OpenstackConfig) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        self.delete_rows(&mut connection, config).await
    }

    /// Adds one row by hand, beside those of the object.
    pub async fn insert(&self, config: &OpenstackConfig, port: &Port) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        if self.schema != Schema::Seed {
            upsert_subnet(&mut transaction, &config.subnet).await?;
            upsert_node(&mut transaction, &port.node).await?;
        }
        self.insert_row(&mut transaction, config, port).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Removes the rows of one MAC by hand.
    pub async fn remove(&self, mac: &str) -> Result<()> {
        sqlx::query("DELETE FROM multi_interface WHERE macaddress = ?").bind(mac).execute(self.pool).await?;
        Ok(())
    }

    /// What the table says about a MAC, exactly as it is written there; nothing while no row has it.
    pub async fn success(&self, mac: &str) -> Result<Option<bool>> {
        sqlx::query_scalar("SELECT netplan_success = 1 FROM multi_interface WHERE macaddress = ?")
            .bind(mac)
            .fetch_optional(self.pool)
            .await
            .with_context(|| format!("cannot read netplan_success of {mac}"))
    }

    async fn delete_rows(&self, connection: &mut MySqlConnection, config: &OpenstackConfig) -> Result<()> {
        match self.schema {
            // Its rows do not say whose they are; the subnet is the closest to it.
            Schema::Seed => {
                sqlx::query("DELETE FROM multi_interface WHERE subnet_id = ?").bind(&config.subnet.id)
            }
            Schema::Producer | Schema::ProducerWithAddressing => {
                sqlx::query("DELETE FROM multi_interface WHERE cr_namespace = ? AND cr_name = ?")
                    .bind(&config.namespace)
                    .bind(&config.name)
            }
        }
        .execute(connection)
        .await
        .with_context(|| format!("cannot delete the rows of {}", config.name))?;
        Ok(())
    }

    async fn insert_row(
        &self,
        connection: &mut MySqlConnection,
        config: &OpenstackConfig,
        port: &Port,
    ) -> Result<()> {
        let insert = match self.schema {
            Schema::Seed => {
                "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name) \
                VALUES (?, ?, ?, ?)"
            }
            Schema::Producer => {
                "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name, \
                attached_node_id, cr_namespace, cr_name, netplan_success, created_at, modified_at) \
                VALUES (?, ?, ?, ?, ?, ?, ?, 0, NOW(), NOW())"
            }
            Schema::ProducerWithAddressing => {
                "INSERT INTO multi_interface (port_id, subnet_id, macaddress, \
                attached_node_name, attached_node_id, cr_namespace, cr_name, address, mtu, netplan_success, \
                created_at, modified_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NOW(), NOW())"
            }
        };
        let mut query =
            sqlx::query(insert).bind(&port.id).bind(&config.subnet.id).bind(&port.mac).bind(&port.node);
        if self.schema != Schema::Seed {
            query = query.bind(node_id(&port.node)).bind(&config.namespace).bind(&config.name);
        }
        if self.schema == Schema::ProducerWithAddressing {
            query = query.bind(&port.address).bind(port.mtu);
        }
        query.execute(connection).await.with_context(|| format!("cannot insert {port:?}"))?;
        Ok(())
    }
}

/// Stands for the VM's id, which OpenStack would choose.
fn node_id(node: &str) -> String {
    format!("vm-{node}").chars().take(36).collect()
}

async fn upsert_subnet(connection: &mut MySqlConnection, subnet: &Subnet) -> Result<()> {
    sqlx::query(
        "INSERT INTO multi_subnet (subnet_id, subnet_name, cidr, network_id, created_at, modified_at) \
         VALUES (?, ?, ?, 'network', NOW(), NOW()) \
         ON DUPLICATE KEY UPDATE subnet_name = VALUES(subnet_name), cidr = VALUES(cidr), modified_at = NOW()",
    )
    .bind(&subnet.id)
    .bind(&subnet.name)
    .bind(&subnet.cidr)
    .execute(connection)
    .await
    .with_context(|| format!("cannot upsert the subnet {}", subnet.id))?;
    Ok(())
}

async fn upsert_node(connection: &mut MySqlConnection, node: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO node_table (attached_node_id, attached_node_name, created_at, modified_at) \
         VALUES (?, ?, NOW(), NOW()) ON DUPLICATE KEY UPDATE modified_at = NOW()",
    )
    .bind(node_id(node))
    .bind(node)
    .execute(connection)
    .await
    .with_context(|| format!("cannot upsert the node {node}"))?;
    Ok(())
}
