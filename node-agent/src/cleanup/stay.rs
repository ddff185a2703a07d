//! `cleanup --stay`: ready once nothing is left, and able to say what is until then.
//!
//! The container of a `DaemonSet` must not end, and its roll-out shows when every node is clean.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use multinic_runtime::{
    RuntimeArgs,
    admin::{self, Admin, Endpoint, Health, Report},
    heartbeat::Heartbeat,
};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    cleanup::cleaner::{CLEAN, Cleaned, Cleaner},
    run::STUCK,
};

const RETRY: Duration = Duration::from_secs(10);

/// Cleans until nothing is left, and from then on as often, until `shutdown`.
pub(super) async fn run(
    mut cleaner: Cleaner,
    runtime: RuntimeArgs,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let RuntimeArgs { listen, log_level: _, log_format: _ } = runtime;
    let (heartbeat, progress) = (Heartbeat::new(STUCK), Progress::default());
    // First of all: while an old agent has this address, it would answer this one's probes, and
    // well. Without a process in its container, this pod is not ready whoever answers.
    let listeners = admin::bind(&listen).await?;
    let asked = progress.clone();
    let admin = Admin::new(heartbeat.clone(), Registry::default(), move || asked.report());
    let (endpoint, stop) = Endpoint::start(listeners, admin, shutdown)?;
    tracing::info!(version = multinic_runtime::VERSION, "cleaning this node");
    while !stop.is_asked() {
        heartbeat.beat();
        match cleaner.clean(&stop).await {
            Ok(Some(attempt)) => progress.take(attempt),
            Ok(None) => {}
            Err(error) => progress.take(Cleaned { given_back: 0, left: vec![error.explain()] }),
        }
        stop.unless_asked(sleep(RETRY)).await;
    }
    endpoint.end().await?;
    tracing::info!("stopped");
    Ok(())
}

/// Shared by the loop, which writes, and the admin endpoint, which reads.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    given_back: usize,
    /// None before the first attempt has ended.
    left: Option<Vec<String>>,
}

impl Progress {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what an attempt came to, and logs it where that is news.
    fn take(&self, Cleaned { given_back, left }: Cleaned) {
        self.with(|state| {
            state.given_back += given_back;
            if state.left.as_ref() == Some(&left) {
                return;
            }
            for line in &left {
                tracing::error!("left: {line}");
            }
            if left.is_empty() {
                tracing::info!(given_back = state.given_back, "{CLEAN}");
            }
            state.left = Some(left);
        });
    }

    /// For the admin endpoint.
    fn report(&self) -> Report {
        self.with(|state| {
            let waiting = match state.left.as_deref() {
                None => Some("cleaning".to_owned()),
                Some([]) => None,
                Some(left) => Some(format!("left: {}", left.join("; "))),
            };
            let fields = json!({
                "processed_vms": 0,
                "failed_configs": state.left.as_ref().map_or(0, Vec::len),
                "deleted_interfaces": state.given_back,
                "waiting_for": waiting,
            });
            Report {
                health: if waiting.is_none() { Health::Healthy } else { Health::Degraded },
                ready: waiting.map_or(Ok(()), Err),
                fields: fields.as_object().cloned().unwrap_or_default(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_once_nothing_is_left_and_says_what_is_until_then() {
        let progress = Progress::default();
        assert_eq!(progress.report().ready, Err("cleaning".to_owned()));
        let left = vec!["/var/lib/multinic/notes".to_owned(), "link multinic0".to_owned()];
        progress.take(Cleaned { given_back: 2, left });
        let report = progress.report();
        assert_eq!(report.ready, Err("left: /var/lib/multinic/notes; link multinic0".to_owned()));
        assert_eq!((&report.fields["failed_configs"], report.health), (&json!(2), Health::Degraded));
        progress.take(Cleaned { given_back: 1, left: Vec::new() });
        let report = progress.report();
        assert_eq!((&report.fields["deleted_interfaces"], report.ready), (&json!(3), Ok(())));
        assert_eq!(report.health, Health::Healthy);
    }
}
