//! The limit in time beyond which nothing is done any more.

use std::{
    cell::Cell,
    pin::pin,
    task::{Context, Poll},
};

use futures::future::poll_fn;
use tokio::time::Instant;

/// Until when there is a right to act.
#[derive(Debug)]
pub(super) struct Fence(Cell<Instant>);

impl Fence {
    pub(super) const fn until(end: Instant) -> Self {
        Self(Cell::new(end))
    }

    pub(super) const fn end(&self) -> Instant {
        self.0.get()
    }

    pub(super) fn move_to(&self, end: Instant) {
        self.0.set(end);
    }

    /// Does `work`, and not the least of it beyond the end.
    ///
    /// A timer beside the work would not do: a process that was stopped, and goes on long after, may be
    /// told of its connections before it is told of the time. Whoever moves the fence must share a task
    /// with this, since work that was held back is looked at again when that task is.
    pub(super) async fn guard<Work: Future>(&self, work: Work) -> Work::Output {
        let mut work = pin!(work);
        let step = |context: &mut Context<'_>| {
            if Instant::now() < self.end() { work.as_mut().poll(context) } else { Poll::Pending }
        };
        poll_fn(step).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[test]
    fn nothing_is_done_beyond_the_fence_and_all_once_it_is_moved() {
        let now = Instant::now();
        let fence = Fence::until(now);
        let done = Cell::new(false);
        let mut work = pin!(fence.guard(async { done.set(true) }));
        assert_eq!((work.as_mut().now_or_never(), done.get()), (None, false));
        fence.move_to(now + Duration::from_mins(1));
        assert_eq!((work.now_or_never(), done.get()), (Some(()), true));
    }
}
