//! The API server: where it is.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use kube::Config;
use tokio::time::timeout;

/// The API server's addresses hardly ever change, and drift does not wait for a name server.
const LOOKUP_INTERVAL: Duration = Duration::from_mins(5);
const LOOKUP_DEADLINE: Duration = Duration::from_secs(2);

/// Where the API server is, whose route is protected.
pub(crate) struct ApiServer {
    host: String,
    port: u16,
    known: Option<(Instant, Vec<IpAddr>)>,
}

impl ApiServer {
    pub(crate) fn of(config: &Config) -> Self {
        let url = &config.cluster_url;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { host, port: url.port_u16().unwrap_or(443), known: None }
    }

    /// Its addresses, looked up from time to time; those of last time where that fails.
    pub(crate) async fn addresses(&mut self) -> Option<Vec<IpAddr>> {
        let is_fresh = |(since, _): &(Instant, Vec<IpAddr>)| since.elapsed() < LOOKUP_INTERVAL;
        if !self.known.as_ref().is_some_and(is_fresh) {
            let lookup = tokio::net::lookup_host((self.host.as_str(), self.port));
            match timeout(LOOKUP_DEADLINE, lookup).await {
                Ok(Ok(found)) => {
                    self.known = Some((Instant::now(), found.map(|address| address.ip()).collect()));
                }
                Ok(Err(error)) => tracing::warn!("failed to resolve the API server {}: {error}", self.host),
                Err(_) => tracing::warn!("failed to resolve the API server {}: no answer", self.host),
            }
        }
        self.known.as_ref().map(|(_, addresses)| addresses.clone())
    }
}
