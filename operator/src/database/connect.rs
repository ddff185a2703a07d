//! The way to the server: settings, addresses, one connection.

use std::{fs, io, net::SocketAddr, path::PathBuf, time::Duration};

use sqlx::{
    ConnectOptions, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};
use tokio::{net::lookup_host, time::timeout};

use super::{DatabaseError, deadline::within, session, statement};

const DEADLINE: Duration = Duration::from_secs(5);
const CONNECTING: &str = "connecting to the database";
/// Addresses of one name that are tried; each has its share of the time.
const MAX_ADDRESSES: usize = 5;
/// Hosts that may be named: all of them have to fit into one turn of the loop.
pub const MAX_HOSTS: usize = 3;

/// How far the connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SslMode {
    /// TLS where the server has it; with certificates to trust, as verify-ca.
    Preferred,
    /// No TLS.
    Disabled,
    /// TLS, whoever the server is; with certificates to trust, as verify-ca.
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

impl SslMode {
    /// This mode where there are certificates to trust: they are given to be used, so at least the authority is
    /// verified, as MySQL's own client does.
    #[must_use]
    pub const fn with_authority(self) -> Self {
        match self {
            Self::Preferred | Self::Required => Self::VerifyCa,
            Self::Disabled | Self::VerifyCa | Self::VerifyIdentity => self,
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
    /// Of several, the first that takes writes is gone by.
    pub hosts: Vec<String>,
    pub port: u16,
    pub name: String,
    pub user: String,
    pub password: Password,
    pub ssl_mode: SslMode,
    pub ssl_ca: Option<PathBuf>,
    /// Whether `deleted_at` and `status` of a row say that it is gone.
    pub soft_delete: bool,
}

impl DatabaseSettings {
    /// A connection to the host, or to the first of several that takes writes.
    pub(super) async fn connect(&self) -> Result<MySqlConnection, DatabaseError> {
        let mut last = silent(DEADLINE);
        for host in &self.hosts {
            match self.connect_to(host).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, host: &str) -> Result<MySqlConnection, DatabaseError> {
        let options = self.options(host)?;
        let mut connection = match self.addresses(host).await?[..] {
            // The name of the host is what the certificate is for, so it is left to the name's own order.
            [] | [_] => open(&options, DEADLINE).await?,
            _ if self.ssl_mode == SslMode::VerifyIdentity => open(&options, DEADLINE).await?,
            ref addresses => open_any(&options, addresses).await?,
        };
        match timeout(DEADLINE, session::set_up(&mut connection)).await {
            Ok(set_up) => set_up.map_err(DatabaseError::Connect)?,
            Err(_) => return Err(silent(DEADLINE)),
        }
        if self.hosts.len() > 1 {
            let read_only = statement::is_read_only(&mut connection);
            if within(DEADLINE, "asking whether the server takes writes", read_only).await? {
                return Err(DatabaseError::Replica { host: host.to_owned() });
            }
        }
        Ok(connection)
    }

    /// Every address of the host, in the order in which they are to be tried.
    async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, DatabaseError> {
        let unresolved = |source| DatabaseError::Unresolved { host: host.to_owned(), source };
        let name = (host, self.port);
        match timeout(DEADLINE, lookup_host(name)).await {
            Ok(found) => Ok(found.map_err(unresolved)?.take(MAX_ADDRESSES).collect()),
            Err(_) => Err(unresolved(io::Error::new(io::ErrorKind::TimedOut, "no answer from name servers"))),
        }
    }

    fn options(&self, host: &str) -> Result<MySqlConnectOptions, DatabaseError> {
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
            .host(host)
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
            options = options.ssl_ca(ca).ssl_mode(self.ssl_mode.with_authority().into());
        }
        Ok(options)
    }
}

/// Tries each address, so that one that does not answer keeps us from no other.
async fn open_any(
    options: &MySqlConnectOptions,
    addresses: &[SocketAddr],
) -> Result<MySqlConnection, DatabaseError> {
    let share = DEADLINE / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let mut last = silent(DEADLINE);
    for address in addresses {
        match open(&options.clone().host(&address.ip().to_string()), share).await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn open(options: &MySqlConnectOptions, after: Duration) -> Result<MySqlConnection, DatabaseError> {
    let opened = timeout(after, options.connect()).await.map_err(|_| silent(after))?;
    opened.map_err(DatabaseError::Connect)
}

const fn silent(after: Duration) -> DatabaseError {
    DatabaseError::Deadline { operation: CONNECTING, after }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(ssl_mode: SslMode, ssl_ca: Option<&str>) -> MySqlSslMode {
        let settings = DatabaseSettings {
            hosts: vec!["db".to_owned()],
            port: 3306,
            name: "multinic".to_owned(),
            user: "multinic".to_owned(),
            password: Password::None,
            ssl_mode,
            ssl_ca: ssl_ca.map(PathBuf::from),
            soft_delete: true,
        };
        settings.options("db").unwrap().get_ssl_mode()
    }

    #[test]
    fn certificates_to_trust_are_never_given_in_vain() {
        let matches = |mode, expected| std::mem::discriminant(&mode) == std::mem::discriminant(&expected);
        for given in [SslMode::Preferred, SslMode::Required, SslMode::VerifyCa] {
            assert!(matches(mode(given, Some("ca.crt")), MySqlSslMode::VerifyCa), "{given:?}");
        }
        let identity = mode(SslMode::VerifyIdentity, Some("ca.crt"));
        assert!(matches(identity, MySqlSslMode::VerifyIdentity));
        assert!(matches(mode(SslMode::Required, None), MySqlSslMode::Required));
        assert!(matches(mode(SslMode::Preferred, None), MySqlSslMode::Preferred));
    }
}
