//! One question to the kernel, and its whole answer or an error.

use std::{io, time::Duration};

use futures::StreamExt;
use rtnetlink::{
    Handle,
    packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload},
    packet_route::RouteNetlinkMessage,
};
use tokio::{task::JoinHandle, time::timeout};

use super::NetlinkError;

/// Far longer than the kernel needs, also where others hold its lock for seconds.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
/// How often a list is asked for that changes while it is listed.
const ATTEMPTS: u32 = 10;

/// A connection to the kernel.
pub(super) struct Session {
    handle: Handle,
    connection: JoinHandle<()>,
}

impl Session {
    pub(super) fn open() -> Result<Self, NetlinkError> {
        let (mut connection, handle, _) = rtnetlink::new_connection().map_err(NetlinkError::Open)?;
        // By default neither is seen, and an answer that breaks off looks like one that ended.
        connection.set_forward_done(true);
        connection.set_forward_ack(true);
        Ok(Self { handle, connection: tokio::spawn(connection) })
    }

    /// Everything that the kernel lists for `request`, of one moment, gathered by `take`.
    pub(super) async fn dump<T: Default>(
        &self,
        request: RouteNetlinkMessage,
        take: impl Fn(&mut T, RouteNetlinkMessage),
    ) -> Result<T, NetlinkError> {
        for _ in 0..ATTEMPTS {
            let mut listing = Listing::default();
            let mut gathered = T::default();
            let mut answers = self.send(request.clone(), NLM_F_REQUEST | NLM_F_DUMP)?;
            let listen = async {
                while let Some(answer) = answers.next().await {
                    if let Some(message) = listing.take(answer) {
                        take(&mut gathered, message);
                    }
                }
            };
            in_time(listen).await?;
            match listing.result() {
                Err(NetlinkError::Interrupted(_)) => {}
                result => return result.map(|()| gathered),
            }
        }
        Err(NetlinkError::Interrupted(ATTEMPTS))
    }

    /// The answer to a question about one thing.
    pub(super) async fn ask(
        &self,
        request: RouteNetlinkMessage,
    ) -> Result<Option<RouteNetlinkMessage>, NetlinkError> {
        let mut answers = self.send(request, NLM_F_REQUEST)?;
        let answer = in_time(answers.next()).await?.ok_or(NetlinkError::NoAnswer)?;
        match answer.payload {
            NetlinkPayload::InnerMessage(message) => Ok(Some(message)),
            NetlinkPayload::Error(error) if error.code.is_some() => Err(NetlinkError::Kernel(error.to_io())),
            _ => Ok(None),
        }
    }

    /// Has one change made; `flags` are those of its kind.
    pub(super) async fn change(&self, request: RouteNetlinkMessage, flags: u16) -> Result<(), NetlinkError> {
        let mut answers = self.send(request, NLM_F_REQUEST | NLM_F_ACK | flags)?;
        let confirmed = async {
            while let Some(answer) = answers.next().await {
                if let NetlinkPayload::Error(error) = answer.payload {
                    return if error.code.is_none() {
                        Ok(())
                    } else {
                        Err(NetlinkError::Kernel(error.to_io()))
                    };
                }
            }
            Err(NetlinkError::NoAnswer)
        };
        in_time(confirmed).await?
    }

    fn send(
        &self,
        request: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<impl futures::Stream<Item = NetlinkMessage<RouteNetlinkMessage>> + use<>, NetlinkError> {
        let mut message = NetlinkMessage::from(request);
        message.header.flags = flags;
        self.handle.clone().request(message).map_err(|_| NetlinkError::NoAnswer)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T, NetlinkError> {
    timeout(DEADLINE, answer).await.map_err(|_| NetlinkError::Timeout(DEADLINE))
}

/// How far a list has come.
#[derive(Default)]
struct Listing {
    interrupted: bool,
    end: Option<Result<(), NetlinkError>>,
}

impl Listing {
    /// Takes the next message, and hands out what it lists.
    fn take<T>(&mut self, message: NetlinkMessage<T>) -> Option<T> {
        self.interrupted |= message.header.flags & NLM_F_DUMP_INTR != 0;
        let (message, end) = match message.payload {
            NetlinkPayload::InnerMessage(message) => return Some(message),
            NetlinkPayload::Done(done) if done.code < 0 => (None, Err(code(done.code))),
            NetlinkPayload::Done(_) => (None, Ok(())),
            NetlinkPayload::Error(error) if error.code.is_some() => {
                (None, Err(NetlinkError::Kernel(error.to_io())))
            }
            NetlinkPayload::Overrun(_) => (None, Err(NetlinkError::Interrupted(1))),
            _ => return None,
        };
        self.end = Some(end);
        message
    }

    /// Whether the list is whole, and of one moment.
    fn result(self) -> Result<(), NetlinkError> {
        match self.end {
            None => Err(NetlinkError::NoAnswer),
            Some(Ok(())) if self.interrupted => Err(NetlinkError::Interrupted(1)),
            Some(result) => result,
        }
    }
}

fn code(code: i32) -> NetlinkError {
    NetlinkError::Kernel(io::Error::from_raw_os_error(code.saturating_abs()))
}

#[cfg(test)]
mod tests {
    use rtnetlink::packet_core::{DoneMessage, NetlinkHeader};

    use super::*;

    fn part(flags: u16) -> NetlinkMessage<u32> {
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        NetlinkMessage::new(header, NetlinkPayload::InnerMessage(7))
    }

    fn end(code: i32) -> NetlinkMessage<u32> {
        let mut done = DoneMessage::default();
        done.code = code;
        NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::Done(done))
    }

    fn result(messages: Vec<NetlinkMessage<u32>>) -> (usize, Result<(), NetlinkError>) {
        let mut listing = Listing::default();
        let listed = messages.into_iter().filter_map(|message| listing.take(message)).count();
        (listed, listing.result())
    }

    #[test]
    fn a_list_is_whole_only_with_its_end_and_without_an_interruption_or_error() {
        assert!(matches!(result(vec![part(0), part(0), end(0)]), (2, Ok(()))));
        assert!(matches!(result(vec![part(0), part(0)]), (2, Err(NetlinkError::NoAnswer))));
        let interrupted = vec![part(NLM_F_DUMP_INTR), part(0), end(0)];
        assert!(matches!(result(interrupted), (2, Err(NetlinkError::Interrupted(_)))));
        let (_, broken) = result(vec![part(0), end(-105)]);
        assert!(broken.is_err_and(|error| error.is(105)));
    }
}
