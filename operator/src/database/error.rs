//! Why the database could not be read or written, and what helps.

use std::{io, path::PathBuf, time::Duration};

use multinic_crds::Reason;
use multinic_operator_core::table::{Older, SchemaError};
use sqlx::mysql::MySqlDatabaseError;

/// The database could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The password file.
    #[error(
        "the password of the database cannot be read from {path}: {source}; set DB_PASSWORD_FILE to a readable \
         file with text in UTF-8"
    )]
    Password {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The name of the host is not known.
    #[error("the host {host} of the database has no address: {source}")]
    Unresolved {
        /// The host.
        host: String,
        /// Why not.
        source: io::Error,
    },
    /// No connection.
    #[error("failed while connecting to the database: {0}")]
    Connect(#[source] sqlx::Error),
    /// The table is not as it must be.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// One of several servers that is not the one to go by.
    #[error("the server {host} takes no writes, so it may lag behind the one that does")]
    Replica {
        /// Its host.
        host: String,
    },
    /// The server tells what was, not what is.
    #[error(
        "the table is as it was earlier: port {} has the row {}, and had {} before", .0.port_id, .0.id, .0.newest
    )]
    Older(Older),
    /// A statement failed.
    #[error("failed while {operation}: {source}")]
    Statement {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },
    /// The server did not answer in time.
    #[error("timed out after {} s: {operation}", .after.as_secs())]
    Deadline {
        /// What was tried.
        operation: &'static str,
        /// How long.
        after: Duration,
    },
}

/// What kind of remedy helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The user, or the password.
    Denied,
    /// A right.
    Forbidden,
    /// The certificates.
    Secured,
    /// No answer in time.
    Silent,
    /// The way to the server.
    Unreachable,
    /// A server that takes no writes.
    ReadOnly,
    /// A server that lags behind.
    Late,
    /// Connections of others.
    Full,
    /// The one that is told already.
    Told,
    /// The server.
    Other,
}

impl Cause {
    /// What is wrong, in words that stay the same from one attempt to the next.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "the server refuses the user, the password or the name of the database",
            Self::Forbidden => "the user has not the rights that it needs",
            Self::Secured => "the connection cannot be secured by TLS as configured",
            Self::Silent => "the database does not answer in time",
            Self::Unreachable => "the database cannot be reached",
            Self::ReadOnly => "the server takes no writes",
            Self::Late => "the server tells an older state of the table than it did before",
            Self::Full => "the server takes no further connection",
            Self::Told => "the table, or the file with the password, is not as it must be",
            Self::Other => "the server refuses the statement",
        }
    }

    /// What a person can do about it; `None` where the error says it itself.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Denied => "correct DB_USER, DB_NAME and the password, or let this user in from here",
            Self::Forbidden => "run the check, which names the missing GRANT",
            Self::Secured => "correct DB_SSL_MODE and DB_SSL_CA, or the server's certificate",
            Self::Silent => {
                "see whether a firewall drops the connection, and what keeps the server or the table busy"
            }
            Self::Unreachable => "correct DB_HOST and DB_PORT, start the server, and let this pod reach it",
            Self::ReadOnly => "set DB_HOST to the server that takes writes, not to a replica of it",
            Self::Late => {
                "set DB_HOST to the server that takes writes; a table that was restored is believed after five minutes"
            }
            Self::Full => "end connections that nobody needs, or raise max_connections",
            Self::Told => return None,
            Self::Other => "look at the server",
        })
    }
}

impl DatabaseError {
    /// Whether another transaction held a lock: the connection is as good as before.
    #[must_use]
    pub fn is_lock(&self) -> bool {
        // ER_LOCK_WAIT_TIMEOUT and ER_LOCK_DEADLOCK.
        matches!(self.number(), Some(1205 | 1213))
    }

    /// Whether the server chose us to give way.
    pub(super) fn is_deadlock(&self) -> bool {
        self.number() == Some(1213)
    }

    /// Whether the server answered, so that the connection is as good as before.
    pub(super) fn is_answer(&self) -> bool {
        self.number().is_some() && self.cause() != Cause::ReadOnly
    }

    /// The server's own number of the error.
    pub(super) fn number(&self) -> Option<u16> {
        let (Self::Connect(source) | Self::Statement { source, .. }) = self else { return None };
        let error = source.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
        Some(error.number())
    }

    /// What kind of remedy helps.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Password { .. } | Self::Schema(_) => Cause::Told,
            Self::Unresolved { .. } => Cause::Unreachable,
            Self::Deadline { .. } => Cause::Silent,
            Self::Replica { .. } => Cause::ReadOnly,
            Self::Older(_) => Cause::Late,
            Self::Connect(source) | Self::Statement { source, .. } => match source {
                sqlx::Error::Tls(_) => Cause::Secured,
                // So rustls tells what it thinks of the other side.
                sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Cause::Secured,
                sqlx::Error::Io(_) => Cause::Unreachable,
                _ => self.number().map_or(Cause::Other, by_number),
            },
        }
    }

    /// For the condition: nothing that changes from one attempt to the next.
    #[must_use]
    pub fn explain(&self) -> String {
        if let Self::Schema(schema) = self {
            return schema.to_string();
        }
        let cause = self.cause();
        let (what, remedy) = (cause.as_str(), cause.remedy().unwrap_or("the operator's log says which"));
        format!("the table cannot be read, so every NIC is kept: {what}; {remedy}")
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

const fn by_number(number: u16) -> Cause {
    match number {
        // ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_BAD_DB, which is how a database looks that one may not see,
        // ER_HOST_NOT_PRIVILEGED, ER_ACCESS_DENIED_NO_PASSWORD, ER_ACCOUNT_HAS_BEEN_LOCKED of both servers,
        // ER_MUST_CHANGE_PASSWORD_LOGIN of both.
        1044 | 1045 | 1049 | 1130 | 1698 | 3118 | 4151 | 1820 | 1862 => Cause::Denied,
        // ER_TABLEACCESS_DENIED, ER_COLUMNACCESS_DENIED, ER_SPECIFIC_ACCESS_DENIED, ER_PROCACCESS_DENIED.
        1142 | 1143 | 1227 | 1370 => Cause::Forbidden,
        // ER_SECURE_TRANSPORT_REQUIRED.
        3159 => Cause::Secured,
        // ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE.
        1290 | 1792 | 1836 => Cause::ReadOnly,
        // ER_CON_COUNT, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED.
        1040 | 1203 | 1226 => Cause::Full,
        // ER_STATEMENT_TIMEOUT of MariaDB, ER_QUERY_TIMEOUT of MySQL, ER_LOCK_WAIT_TIMEOUT.
        1969 | 3024 | 1205 => Cause::Silent,
        _ => Cause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_is_no_matter_of_hosts_and_ports() {
        let cause = |kind| {
            let error = sqlx::Error::Io(io::Error::new(kind, "invalid peer certificate: BadSignature"));
            DatabaseError::Connect(error).cause()
        };
        assert_eq!(cause(io::ErrorKind::InvalidData), Cause::Secured);
        assert_eq!(cause(io::ErrorKind::ConnectionRefused), Cause::Unreachable);
    }

    #[test]
    fn what_took_too_long_is_named_with_the_time_that_it_had() {
        let error = DatabaseError::Deadline { operation: "reading the table", after: Duration::from_secs(5) };
        assert_eq!(error.to_string(), "timed out after 5 s: reading the table");
        assert_eq!(error.cause(), Cause::Silent);
    }

    #[test]
    fn every_cause_says_what_is_wrong_in_words_of_its_own() {
        let causes = [
            Cause::Denied,
            Cause::Forbidden,
            Cause::Secured,
            Cause::Silent,
            Cause::Unreachable,
            Cause::ReadOnly,
            Cause::Late,
            Cause::Full,
            Cause::Told,
            Cause::Other,
        ];
        let mut said: Vec<_> = causes.into_iter().map(Cause::as_str).collect();
        said.sort_unstable();
        said.dedup();
        assert_eq!(said.len(), causes.len());
    }
}
