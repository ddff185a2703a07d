//! What differs, as it comes: server-sent events, one at a time and never the list.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response, Sse, sse::Event},
};
use futures::{Stream, StreamExt, stream};
use multinic_runtime::VERSION;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast},
    time::timeout,
};

use super::stage::{Stage, Told};

/// A page that hears nothing for longer than three of these knows that it is cut off.
const BEAT: Duration = Duration::from_secs(15);
/// More pages are asked to come back later.
const PAGES: usize = 64;

/// Room for so many pages at one time.
pub(super) fn seats() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PAGES))
}

/// First the revision that everything after it leads on from; then updates, and beats while there are none.
pub(super) fn events(stage: Stage, seats: &Arc<Semaphore>) -> Response {
    match Arc::clone(seats).try_acquire_owned() {
        Ok(seat) => Sse::new(told(stage, seat)).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response(),
    }
}

/// One page, as long as it listens.
struct Page {
    stage: Stage,
    told: broadcast::Receiver<Told>,
    /// Held until the page goes.
    _seat: OwnedSemaphorePermit,
}

fn told(
    stage: Stage,
    seat: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let (revision, told) = stage.subscribe();
    let hello = json!({ "version": VERSION, "revision": revision, "read": age(&stage) });
    let hello = Event::default().event("hello").id(stage.id(revision)).data(hello.to_string());
    let page = Page { stage, told, _seat: seat };
    let rest = stream::unfold(Some(page), async |page| {
        let mut page = page?;
        let told = timeout(BEAT, page.told.recv()).await;
        Some(match told {
            Ok(Ok(Told::Update(update))) => {
                let event = Event::default().event("update").id(page.stage.id(update.revision));
                (event.data(&update.text), Some(page))
            }
            Err(_) => {
                let beat = json!({ "read": age(&page.stage) });
                (Event::default().event("beat").data(beat.to_string()), Some(page))
            }
            // It is too far behind, or nothing leads from there to here.
            Ok(Ok(Told::Reload) | Err(_)) => (Event::default().event("reload").data("{}"), None),
        })
    });
    stream::once(async { hello }).chain(rest).map(Ok)
}

/// How many seconds ago the table was last read.
fn age(stage: &Stage) -> Option<u64> {
    stage.read(|_, fleet| fleet.last_sync.map(|last| last.elapsed().as_secs()))
}
