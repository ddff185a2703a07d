//! A real MariaDB with the table in one of its three shapes.

mod producer;
mod schema;
mod server;

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};

pub use producer::{OpenstackConfig, Port, Producer, Subnet};
pub use schema::Schema;
pub use server::DATABASE;

use crate::parts::authority::Authority;
use crate::sandbox::eventually::{SOON, eventually};
use crate::sandbox::fabric::GATEWAY;
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;

/// The operator's user: it may read everything, and write `netplan_success` and `modified_at`.
pub const OPERATOR_USER: &str = "multinic";
/// What the status table is called, where a story has one.
pub const STATUS_TABLE: &str = "multi_interface_status";
/// Where people read how it is made.
const STATUS_TABLE_PAGE: &str = include_str!("../../../../docs/status-table.md");
const OPERATOR_PASSWORD: &str = "not-a-secret-in-a-testbed";

/// A running server with empty tables.
pub struct Database<'bed> {
    bed: &'bed Testbed,
    directory: PathBuf,
    schema: Schema,
    options: Vec<String>,
    administrator: MySqlPool,
    server: RefCell<Option<Process>>,
}

impl Testbed {
    /// A database with empty tables of the given shape.
    pub async fn database(&self, schema: Schema) -> Result<Database<'_>> {
        self.database_with(schema, &[]).await
    }

    /// The same on a server with these options, such as `--log-bin`.
    pub async fn database_with(&self, schema: Schema, options: &[&str]) -> Result<Database<'_>> {
        Database::start(self, schema, options).await.context("cannot start the database")
    }
}

impl<'bed> Database<'bed> {
    pub(crate) async fn start(bed: &'bed Testbed, schema: Schema, options: &[&str]) -> Result<Self> {
        let directory = bed.part("database")?;
        server::initialise(bed, &directory)?;
        let socket = MySqlConnectOptions::new().socket(server::socket(&directory)).username("root");
        let database = Self {
            bed,
            schema,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            administrator: MySqlPoolOptions::new()
                .max_connections(2)
                .connect_lazy_with(socket.database(DATABASE)),
            server: RefCell::new(None),
            directory,
        };
        database.resume().await?;
        for statement in schema.statements().iter().chain(&grants(schema)) {
            database.execute(statement).await?;
        }
        std::fs::write(database.password_file(), OPERATOR_PASSWORD)?;
        Ok(database)
    }

    /// Whatever OpenStack's controller does to the tables.
    #[must_use]
    pub fn producer(&self) -> Producer<'_> {
        Producer::new(&self.administrator, self.schema)
    }

    /// Connections that may do everything, over the server's socket.
    #[must_use]
    pub fn administrator(&self) -> &MySqlPool {
        &self.administrator
    }

    /// The operator's password, as the Secret's mount would show it.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.directory.join("operator-password")
    }

    /// Runs one statement with all rights; returns how many rows it changed.
    pub async fn execute(&self, statement: &str) -> Result<u64> {
        let done = sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&self.administrator)
            .await
            .with_context(|| format!("cannot execute {statement}"))?;
        Ok(done.rows_affected())
    }

    /// Connection options of the operator's user, over the network and with its password.
    #[must_use]
    pub fn operator_options(&self) -> MySqlConnectOptions {
        MySqlConnectOptions::new()
            .host(&GATEWAY.to_string())
            .username(OPERATOR_USER)
            .password(OPERATOR_PASSWORD)
            .database(DATABASE)
    }

    /// What the operator's user has asked for since the server started; what a story asks itself is not in it.
    pub async fn operator_statements(&self) -> Result<Statements> {
        let counted = sqlx::query_as(
            "SELECT CAST(SELECT_COMMANDS AS UNSIGNED), CAST(UPDATE_COMMANDS AS UNSIGNED) \
             FROM information_schema.USER_STATISTICS WHERE USER = ?",
        )
        .bind(OPERATOR_USER)
        .fetch_optional(&self.administrator)
        .await
        .context("cannot read the user statistics")?;
        let (selects, updates) = counted.unwrap_or_default();
        Ok(Statements { selects, updates })
    }

    /// Makes the status table, and grants its rights, as the documentation says.
    pub async fn make_status_table(&self) -> Result<()> {
        let (_, sql) = STATUS_TABLE_PAGE.split_once("```sql\n").context("the page shows no SQL")?;
        let (sql, _) = sql.split_once("```").context("the SQL of the page has no end")?;
        for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            self.execute(statement).await?;
        }
        Ok(())
    }

    /// Shuts the server down; its data stay.
    pub async fn stop(&self) -> Result<()> {
        let server = self.server.take();
        if let Some(mut server) = server {
            server.stop().await?;
        }
        Ok(())
    }

    /// Starts the server on the data it has, and waits until it answers.
    pub async fn resume(&self) -> Result<()> {
        let mut server = server::start(self.bed, &self.directory, &self.options)?;
        eventually("the database", SOON, async || {
            server.check()?;
            sqlx::query("SELECT 1").execute(&self.administrator).await?;
            Ok(())
        })
        .await?;
        self.server.replace(Some(server));
        Ok(())
    }

    /// From now on the operator's user is let in by TLS only; returns what clients have to trust, as PEM.
    pub async fn require_tls(&self) -> Result<String> {
        let authority = Authority::found()?;
        server::certify(&self.directory, &authority.issue_to_server(GATEWAY.into())?)?;
        self.stop().await?;
        self.resume().await?;
        self.execute(&format!("ALTER USER {OPERATOR_USER}@'%' REQUIRE SSL")).await?;
        Ok(authority.certificate())
    }

    /// What a person types to talk to the server.
    #[must_use]
    pub fn sql_command(&self) -> String {
        format!("mariadb --socket {} --user root {DATABASE}", server::socket(&self.directory).display())
    }
}

/// How many statements somebody has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statements {
    /// SELECTs.
    pub selects: u64,
    /// Whatever changes rows, whether or not any row changed.
    pub updates: u64,
}

/// The least that the operator needs, as its documentation asks for.
fn grants(schema: Schema) -> [String; 3] {
    let columns = schema.status_columns().join(", ");
    [
        format!("CREATE USER {OPERATOR_USER}@'%' IDENTIFIED BY '{OPERATOR_PASSWORD}'"),
        format!("GRANT SELECT ON {DATABASE}.* TO {OPERATOR_USER}@'%'"),
        format!("GRANT UPDATE ({columns}) ON {DATABASE}.multi_interface TO {OPERATOR_USER}@'%'"),
    ]
}
