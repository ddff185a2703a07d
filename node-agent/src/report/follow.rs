//! Telling where a long pass is, while it lasts.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use multinic_agent_core::progress::Progress;
use tokio::{sync::watch, time::sleep_until};

use super::reporter::Reporter;

/// A pass that takes no longer is told of when it has ended.
const SHORT: Duration = Duration::from_secs(2);
/// The least between two words of one pass.
const BETWEEN: Duration = Duration::from_secs(5);

impl Reporter {
    /// Tells where a pass over this `generation` is, now and then, until this is dropped: the pass does not wait for it.
    pub async fn follow(&mut self, mut progress: watch::Receiver<Option<Progress>>, generation: i64) {
        let mut due = Instant::now() + SHORT;
        let mut told = None;
        loop {
            sleep_until(due.into()).await;
            let is_news =
                |now: &Option<Progress>| *now != told && now.as_ref().is_some_and(Progress::may_be_told);
            let Ok(news) = progress.wait_for(is_news).await.map(|news| news.clone()) else {
                return std::future::pending().await;
            };
            if let Some(news) = &news {
                self.tell(|status| news.shown_in(status, generation, Timestamp::now())).await;
            }
            told = news;
            due = Instant::now() + BETWEEN;
        }
    }
}
