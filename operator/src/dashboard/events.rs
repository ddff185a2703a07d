//! What differs, as it comes: server-sent events, one at a time and never the list.

use std::{convert::Infallible, time::Duration};

use axum::response::{IntoResponse, Response, Sse, sse::Event};
use futures::{Stream, StreamExt, stream};
use multinic_runtime::VERSION;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast},
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::stage::{Stage, Told};

/// A page that hears nothing for longer than three of these knows that it is cut off.
const BEAT: Duration = Duration::from_secs(15);

/// First the revision that everything after it leads on from; then updates, and beats, however much else there is to say.
pub(super) fn events(stage: Stage, seat: OwnedSemaphorePermit) -> Response {
    Sse::new(told(stage, seat, BEAT)).into_response()
}

/// One page, as long as it listens.
struct Page {
    stage: Stage,
    told: broadcast::Receiver<Told>,
    beat: Interval,
    /// Held until the page goes.
    _seat: OwnedSemaphorePermit,
}

fn told(
    stage: Stage,
    seat: OwnedSemaphorePermit,
    beat: Duration,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let (revision, told) = stage.subscribe();
    let hello = json!({ "version": VERSION, "revision": revision, "read": stage.age() });
    let hello = Event::default().event("hello").id(stage.id(revision)).data(hello.to_string());
    let mut beat = interval_at(Instant::now() + beat, beat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let page = Page { stage, told, beat, _seat: seat };
    let rest = stream::unfold(Some(page), async |page| next(page?).await);
    stream::once(async { hello }).chain(rest).map(Ok)
}

/// What comes next, and the page that listens on.
async fn next(mut page: Page) -> Option<(Event, Option<Page>)> {
    let told = tokio::select! {
        told = page.told.recv() => told,
        _ = page.beat.tick() => {
            let beat = json!({ "read": page.stage.age() });
            return Some((Event::default().event("beat").data(beat.to_string()), Some(page)));
        }
    };
    Some(match told {
        Ok(Told::Update(update)) => {
            let event = Event::default().event("update").id(page.stage.id(update.revision));
            (event.data(&update.text), Some(page))
        }
        // It is too far behind, or nothing leads from there to here.
        Ok(Told::Reload) | Err(_) => (Event::default().event("reload").data("{}"), None),
    })
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, sync::Arc};

    use multinic_operator_core::{cluster::Index, transition::Transition};
    use tokio::{sync::Semaphore, task::yield_now, time::timeout};

    use super::*;
    use crate::report::sink::Sink;

    #[tokio::test]
    async fn a_page_that_never_stops_hearing_updates_hears_beats_all_the_same() {
        let stage = Stage::new();
        let seat = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let mut events = pin!(told(stage.clone(), seat, Duration::from_millis(1)));
        let beat = async {
            loop {
                stage.take(&[Transition::WritesWork], &Index::default());
                let event = format!("{:?}", events.next().await);
                if event.contains("beat") {
                    break;
                }
                yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), beat).await.expect("no beat");
    }
}
