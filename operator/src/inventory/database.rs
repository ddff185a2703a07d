//! The connection to MariaDB: one SELECT per reading, short UPDATEs, everything under a deadline.

use std::{
    fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use multinic_crds::Reason;
use sqlx::{
    ConnectOptions, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlSslMode},
};
use tokio::time::timeout;

use super::{BadRow, Row, Schema, SchemaError, statement};
use crate::mirror::Update;

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const READ_DEADLINE: Duration = Duration::from_secs(20);
/// Longer than the wait for a lock.
pub(super) const STATEMENT_DEADLINE: Duration = Duration::from_secs(5);
/// After this no further UPDATE is begun.
const WRITE_BUDGET: Duration = Duration::from_secs(10);
/// How long the shape of the table is taken for granted: a column may come while a connection lives.
const LOOK_AGAIN: Duration = Duration::from_mins(10);
/// Rows in one UPDATE: few round trips, and few locks held together.
const ROWS_PER_UPDATE: usize = 100;

/// How far the connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SslMode {
    /// TLS where the server has it.
    Preferred,
    /// No TLS.
    Disabled,
    /// TLS, whoever the server is.
    Required,
    /// TLS with a certificate of a known authority.
    VerifyCa,
    /// TLS with a certificate of a known authority for this very host.
    VerifyIdentity,
}

impl From<SslMode> for MySqlSslMode {
    fn from(mode: SslMode) -> Self {
        match mode {
            SslMode::Preferred => Self::Preferred,
            SslMode::Disabled => Self::Disabled,
            SslMode::Required => Self::Required,
            SslMode::VerifyCa => Self::VerifyCa,
            SslMode::VerifyIdentity => Self::VerifyIdentity,
        }
    }
}

/// Where the password comes from. It is never printed.
#[derive(Clone)]
pub enum Password {
    /// A file, read anew for each connection so that the secret can be rotated.
    File(PathBuf),
    /// A value from the environment.
    Value(String),
    /// The user has none.
    None,
}

/// How to reach the database.
#[derive(Clone)]
#[allow(missing_docs, reason = "the flags of the command line")]
pub struct DatabaseSettings {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: String,
    pub password: Password,
    pub ssl_mode: SslMode,
    pub ssl_ca: Option<PathBuf>,
}

/// The database could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The password file.
    #[error(
        "failed to read the password of the database from {path}: {source}; set DB_PASSWORD_FILE to a readable file"
    )]
    Password {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No connection.
    #[error("failed to connect to the database: {0}")]
    Connect(#[source] sqlx::Error),
    /// The table is not as it must be.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A statement failed.
    #[error("failed to {operation}: {source}")]
    Statement {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },
    /// The server did not answer in time.
    #[error("gave up to {operation} after {} s", .after.as_secs())]
    Deadline {
        /// What was tried.
        operation: &'static str,
        /// How long.
        after: Duration,
    },
}

impl DatabaseError {
    /// Whether another transaction held a lock: the connection is as good as before.
    #[must_use]
    pub fn is_lock(&self) -> bool {
        // ER_LOCK_WAIT_TIMEOUT and ER_LOCK_DEADLOCK.
        matches!(self.number(), Some(1205 | 1213))
    }

    /// Whether the user has not the right, or is not who it claims to be.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        // ER_*ACCESS_DENIED*, of the database, the connection, a table, a column; ER_BAD_DB, which is how a
        // database looks that one may not see; ER_HOST_NOT_PRIVILEGED.
        matches!(self.number(), Some(1044 | 1045 | 1049 | 1130 | 1142 | 1143 | 1227 | 1698))
    }

    /// The server's own number of the error.
    fn number(&self) -> Option<u16> {
        let (Self::Connect(source) | Self::Statement { source, .. }) = self else { return None };
        let error = source.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
        Some(error.number())
    }

    /// The word for conditions.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Schema(_) => Reason::TableUnusable,
            _ => Reason::DatabaseUnavailable,
        }
    }
}

/// Every row, usable or not.
pub type Rows = Vec<Result<Row, Box<BadRow>>>;

/// The table, over one connection that is replaced after any error.
pub struct Database {
    settings: DatabaseSettings,
    session: Option<Session>,
    /// The shape of the table when it was last looked at, over whichever connection.
    schema: Option<Schema>,
}

struct Session {
    connection: MySqlConnection,
    schema: Schema,
    looked: Instant,
}

impl Database {
    /// Connects when it is first read.
    #[must_use]
    pub const fn new(settings: DatabaseSettings) -> Self {
        Self { settings, session: None, schema: None }
    }

    /// Reads every row, with one SELECT once there is a connection and its shape is known.
    pub async fn read(&mut self) -> Result<Rows, DatabaseError> {
        // An old connection may have died, and the table may have changed since it was looked at.
        if let Some(session) = self.session.take()
            && let Ok(rows) = self.read_with(session).await
        {
            return Ok(rows);
        }
        let mut connection = self.settings.connect().await?;
        let schema = self.look(&mut connection).await?;
        self.read_with(Session { connection, schema, looked: Instant::now() }).await
    }

    async fn read_with(&mut self, mut session: Session) -> Result<Rows, DatabaseError> {
        let now = Instant::now();
        if must_look(session.looked, now) {
            session.schema = self.look(&mut session.connection).await?;
            session.looked = now;
        }
        let select = statement::select(&mut session.connection, session.schema);
        let rows = within(READ_DEADLINE, "read the table", select).await?;
        self.session = Some(session);
        Ok(rows)
    }

    /// The shape of the table, which may grow but not shrink.
    async fn look(&mut self, connection: &mut MySqlConnection) -> Result<Schema, DatabaseError> {
        let columns = statement::columns(connection);
        let columns = within(STATEMENT_DEADLINE, "read information_schema", columns).await?;
        let columns = columns.iter().map(|(table, column)| (table.as_str(), column.as_str()));
        let schema = Schema::new(columns)?.keeping(self.schema.as_ref())?;
        self.schema = Some(schema);
        Ok(schema)
    }

    /// Writes `netplan_success`, as far as locks and the budget of time allow.
    ///
    /// Without a connection nothing is written: that is the next reading's to open.
    pub async fn write(&mut self, updates: &[Update]) -> Written {
        let mut written = Written::default();
        let Some(mut session) = self.session.take() else { return written };
        let started = Instant::now();
        let chunks =
            updates.iter().flat_map(|u| u.keys.chunks(ROWS_PER_UPDATE).map(|keys| (u.success, keys)));
        for (success, keys) in chunks {
            if started.elapsed() > WRITE_BUDGET {
                break;
            }
            let update = statement::update(&mut session.connection, session.schema, success, keys);
            match within(STATEMENT_DEADLINE, "write netplan_success", update).await {
                Ok(rows) => written.rows += rows,
                // The producer holds locks for minutes; other rows may be free.
                Err(error) if error.is_lock() => written.error = Some(error),
                Err(error) => {
                    written.error = Some(error);
                    return written;
                }
            }
        }
        self.session = Some(session);
        written
    }
}

/// What came of a [`Database::write`].
#[derive(Debug, Default)]
pub struct Written {
    /// Rows that changed.
    pub rows: u64,
    /// The last thing that went wrong; the rows concerned differ again at the next reading.
    pub error: Option<DatabaseError>,
}

impl DatabaseSettings {
    pub(super) async fn connect(&self) -> Result<MySqlConnection, DatabaseError> {
        let options = self.options()?;
        let connection = async {
            let mut connection = options.connect().await?;
            // The default of 50 s would hold up the loop.
            sqlx::raw_sql("SET SESSION innodb_lock_wait_timeout = 3").execute(&mut connection).await?;
            Ok(connection)
        };
        let deadline =
            DatabaseError::Deadline { operation: "connect to the database", after: CONNECT_DEADLINE };
        timeout(CONNECT_DEADLINE, connection).await.map_err(|_| deadline)?.map_err(DatabaseError::Connect)
    }

    fn options(&self) -> Result<MySqlConnectOptions, DatabaseError> {
        let password = match &self.password {
            Password::None => None,
            Password::Value(password) => Some(password.clone()),
            Password::File(path) => {
                let password = fs::read_to_string(path)
                    .map_err(|source| DatabaseError::Password { path: path.clone(), source })?;
                Some(password.trim_end_matches(['\r', '\n']).to_owned())
            }
        };
        let mut options = MySqlConnectOptions::new()
            .host(&self.host)
            .port(self.port)
            .username(&self.user)
            .database(&self.name)
            .ssl_mode(self.ssl_mode.into())
            // `modified_at` is written in the server's own time zone, as by the producer.
            .timezone(None)
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .disable_statement_logging();
        if let Some(password) = &password {
            options = options.password(password);
        }
        if let Some(ca) = &self.ssl_ca {
            options = options.ssl_ca(ca);
        }
        Ok(options)
    }
}

pub(super) async fn within<T>(
    after: Duration,
    operation: &'static str,
    work: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, DatabaseError> {
    match timeout(after, work).await {
        Ok(result) => result.map_err(|source| DatabaseError::Statement { operation, source }),
        Err(_) => Err(DatabaseError::Deadline { operation, after }),
    }
}

fn must_look(looked: Instant, now: Instant) -> bool {
    now.saturating_duration_since(looked) >= LOOK_AGAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_the_table_is_looked_at_again_now_and_then_but_not_at_every_reading() {
        let looked = Instant::now();
        assert!(!must_look(looked, looked + Duration::from_mins(9)));
        assert!(must_look(looked, looked + Duration::from_mins(10)));
    }
}
