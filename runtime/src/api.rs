//! The way to the Kubernetes API that both binaries go: trouble is told at once, and the end of it too.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::{
    Client, Config,
    runtime::{WatchStreamExt, watcher},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the API server keeps one watch open, and by when it is known that it no longer does.
pub const WATCH_SECONDS: u32 = 25;
/// A little longer: a watch of what does not change is silent.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A client that tells of trouble at once: of an answer that is none, and of none within half a minute.
///
/// # Errors
/// Fails where `config` has keys or certificates that cannot be used.
pub fn client(config: Config) -> kube::Result<Client> {
    client_within(config, READ_TIMEOUT)
}

/// The same, of no answer within `read_timeout`.
pub fn client_within(mut config: Config, read_timeout: Duration) -> kube::Result<Client> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(read_timeout);
    config.reset_reader_on_write = true;
    // Hidden retries would hide for minutes that nothing is heard. Each caller has a way of its own to try again.
    config.default_retry = false;
    Client::try_from(config)
}

/// What `watch` brings, for ever; errors are retried with a growing, random delay.
///
/// After an error the watch begins anew, with a list, so that this tells that all is well again: one that went on from
/// where it was would be silent until something changes.
pub fn anew_after_errors<T: Send, W>(
    watch: impl Fn() -> W + Send,
) -> impl Stream<Item = watcher::Result<T>> + Send
where
    W: Stream<Item = watcher::Result<T>> + Send,
{
    stream::repeat_with(move || until_it_fails(watch())).flatten().default_backoff()
}

/// Ends with the first error.
fn until_it_fails<T: Send, E: Send>(
    items: impl Stream<Item = Result<T, E>> + Send,
) -> impl Stream<Item = Result<T, E>> + Send {
    stream::unfold(Some(Box::pin(items)), async |items| {
        let mut items = items?;
        let item = items.next().await?;
        let rest = item.is_ok().then_some(items);
        Some((item, rest))
    })
}
