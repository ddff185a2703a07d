//! The request to stop.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Completes at the first SIGTERM or SIGINT.
///
/// The handlers are installed when this returns, not when it is first polled.
pub fn requested() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Whether the process was asked to stop: one answer for everything that runs in it.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<()>);

impl Stop {
    /// Asked for as soon as `request` completes.
    pub fn at(request: impl Future<Output = ()> + Send + 'static) -> Self {
        // What is said is that the sender is gone.
        let (sender, receiver) = watch::channel(());
        tokio::spawn(async move {
            request.await;
            drop(sender);
        });
        Self(receiver)
    }

    /// Whether it was asked for by now.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Completes once it is asked for.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        while receiver.changed().await.is_ok() {}
    }

    /// What `work` comes to. None where the request to stop comes first: then `work` is dropped
    /// wherever it waits, so it must be work that can be left half done.
    pub async fn unless_asked<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.asked() => None,
            done = work => Some(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_that_may_be_left_is_left_once_a_stop_is_asked_for() {
        let (ask, asked) = oneshot::channel::<()>();
        let stop = Stop::at(async { drop(asked.await) });
        assert!(!stop.is_asked());
        assert_eq!(stop.unless_asked(ready(1)).await, Some(1));
        ask.send(()).unwrap();
        assert_eq!(stop.unless_asked(pending::<()>()).await, None);
        assert!(stop.is_asked());
        assert_eq!(stop.unless_asked(ready(1)).await, None, "nothing new is begun either");
    }
}
