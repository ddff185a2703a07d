//! The three shapes in which the tables exist.

/// Who made the tables, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// One table, no keys, no addresses: the shape in the seed's README.
    Seed,
    /// The producer's own, with foreign keys to subnets and nodes.
    Producer,
    /// The producer's since July 2025: with an address and an MTU.
    ProducerWithAddressing,
}

const SUBNETS: &str = "CREATE TABLE multi_subnet (
    id INT AUTO_INCREMENT PRIMARY KEY,
    subnet_id VARCHAR(36) NOT NULL UNIQUE,
    subnet_name VARCHAR(255) NOT NULL,
    cidr VARCHAR(255) NOT NULL,
    network_id VARCHAR(36) NOT NULL,
    status VARCHAR(50) DEFAULT 'active',
    created_at TIMESTAMP NULL, modified_at TIMESTAMP NULL, deleted_at TIMESTAMP NULL)";

const NODES: &str = "CREATE TABLE node_table (
    id INT AUTO_INCREMENT PRIMARY KEY,
    attached_node_id VARCHAR(36) NOT NULL UNIQUE,
    attached_node_name VARCHAR(255) NOT NULL UNIQUE,
    status VARCHAR(50) DEFAULT 'active',
    created_at TIMESTAMP NULL, modified_at TIMESTAMP NULL, deleted_at TIMESTAMP NULL)";

const INTERFACES: &str = "CREATE TABLE multi_interface (
    id INT AUTO_INCREMENT PRIMARY KEY,
    port_id VARCHAR(36) NOT NULL UNIQUE,
    subnet_id VARCHAR(36) NOT NULL,
    macaddress VARCHAR(17) NOT NULL,
    attached_node_id VARCHAR(36),
    attached_node_name VARCHAR(255) NULL,
    cr_namespace VARCHAR(255) NOT NULL,
    cr_name VARCHAR(255) NOT NULL,
    status VARCHAR(50) DEFAULT 'active',
    netplan_success TINYINT(1) NOT NULL DEFAULT 0,
    created_at TIMESTAMP NULL, modified_at TIMESTAMP NULL, deleted_at TIMESTAMP NULL,
    FOREIGN KEY (subnet_id) REFERENCES multi_subnet(subnet_id),
    FOREIGN KEY (attached_node_id) REFERENCES node_table(attached_node_id),
    FOREIGN KEY (attached_node_name) REFERENCES node_table(attached_node_name),
    UNIQUE KEY unique_cr_interface (cr_namespace, cr_name, port_id))";

const ADDRESSING: &str = "ALTER TABLE multi_interface
    ADD COLUMN address VARCHAR(15) NULL, ADD COLUMN mtu INT NULL";

const SEED: &str = "CREATE TABLE multi_interface (
    id INT PRIMARY KEY AUTO_INCREMENT,
    port_id VARCHAR(36) NOT NULL,
    subnet_id VARCHAR(36) NOT NULL,
    macaddress VARCHAR(17) NOT NULL,
    attached_node_name VARCHAR(255),
    netplan_success TINYINT(1) DEFAULT 0)";

impl Schema {
    pub(super) fn statements(self) -> Vec<String> {
        let statements: &[&str] = match self {
            Self::Seed => &[SEED],
            Self::Producer => &[SUBNETS, NODES, INTERFACES],
            Self::ProducerWithAddressing => &[SUBNETS, NODES, INTERFACES, ADDRESSING],
        };
        statements.iter().map(|&statement| statement.to_owned()).collect()
    }

    /// The columns that the operator may write, where they are there.
    pub(super) fn status_columns(self) -> &'static [&'static str] {
        match self {
            Self::Seed => &["netplan_success"],
            Self::Producer | Self::ProducerWithAddressing => &["netplan_success", "modified_at"],
        }
    }
}
