//! Writes Events, one after the other: nobody waits for them, and what cannot be written is left out.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use multinic_operator_core::events::{self, Kind};
use tokio::{
    sync::{Mutex, mpsc},
    time::sleep,
};

use crate::report::events::Addressed;

/// Between two writes: at most twenty a second, whatever happens to the fleet.
const PAUSE: Duration = Duration::from_millis(50);

/// What is told, by one writer at a time.
pub(crate) type Waiting = Arc<Mutex<mpsc::Receiver<Addressed>>>;

/// Writes what comes, for ever. The same of the same object within minutes is counted in one Event. What an earlier term
/// of this operator has left is another one's to tell.
pub(crate) async fn write(client: Client, pod: String, waiting: Waiting) -> Infallible {
    let mut waiting = waiting.lock().await;
    while waiting.try_recv().is_ok() {}
    let instance = (!pod.is_empty()).then_some(pod);
    let recorder = Recorder::new(client, Reporter { controller: "multinic-operator".to_owned(), instance });
    let mut failing = false;
    while let Some((event, regarding)) = waiting.recv().await {
        let written = recorder.publish(&published(event), &regarding).await;
        if let (Err(error), false) = (&written, failing) {
            tracing::warn!(%error, "Events cannot be written; nothing else depends on them");
        }
        failing = written.is_err();
        sleep(PAUSE).await;
    }
    pending().await
}

fn published(event: events::Event) -> Event {
    let events::Event { about: _, kind, reason, action, note } = event;
    let type_ = match kind {
        Kind::Warning => EventType::Warning,
        Kind::Normal => EventType::Normal,
    };
    Event { type_, reason: reason.to_owned(), note: Some(note), action, secondary: None }
}
