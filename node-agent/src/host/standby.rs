//! A process of its own that takes a change back when nothing more is heard of the agent in the middle of it.
//!
//! ```text
//!  agent ── the journal, and again whenever it grows; a beat each second; at last: all is done ──▶ standby
//!        ◀── ready; later, if it must: taking over ──
//! ```
//!
//! It covers an agent that is stopped, that hangs, or that was killed alone. With its container, or its node, the standby
//! ends as well: then the journal is answered by the next agent.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Stdio,
    time::Duration,
};

use rustix::{
    io::{FdFlags, dup, fcntl_setfd},
    net::{RecvFlags, recv},
};
use tokio::{
    process::{Child, Command},
    task::JoinHandle,
    time::{interval, timeout},
};

use crate::host::{lock::NodeLock, root::HostRoot};

/// How often the agent is heard of.
const BEAT: Duration = Duration::from_secs(1);
/// How long it may be silent: longer than a busy disk keeps one write waiting.
pub(crate) const SILENCE: Duration = Duration::from_secs(20);
/// How long either waits for the other to take a message, or to begin.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the standby says once it has the journal.
pub(crate) const READY: &str = "ready";
/// What it says before it takes a change back.
pub(crate) const TAKING_OVER: &str = "taking over";
/// What the agent says when nothing is under way any more.
pub(crate) const DONE: &str = "done";

/// A standby, as the agent has it.
pub struct Standby {
    child: Child,
    stream: UnixStream,
    beats: JoinHandle<()>,
}

impl Standby {
    /// Starts one that goes by `journal` and holds on to `lock` for as long as it lives.
    pub fn start(root: &HostRoot, lock: &NodeLock, journal: &str) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // Nothing else is started while this one may be inherited.
        let lock = dup(lock)?;
        fcntl_setfd(&lock, FdFlags::empty())?;
        let child = Command::new("/proc/self/exe")
            .arg("restore")
            .arg(root.path())
            .stdin(root.descriptor()?)
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            // What stops the agent's group does not stop this one.
            .process_group(0)
            .spawn()?;
        drop(lock);
        let mut standby = Self { child, beats: beat(stream.try_clone()?), stream };
        standby.tell(journal)?;
        let mut answer = String::new();
        BufReader::new(&standby.stream).read_line(&mut answer)?;
        if answer.trim_end() == READY {
            Ok(standby)
        } else {
            standby.beats.abort();
            Err(io::Error::other("it ended before it was ready"))
        }
    }

    /// Has it go by another journal from now on.
    pub fn tell(&mut self, journal: &str) -> io::Result<()> {
        writeln!(self.stream, "{journal}")
    }

    /// Whether it takes the change back: this agent was silent for too long, and must not go on.
    pub fn has_taken_over(&self) -> bool {
        let heard = recv(&self.stream, &mut [0], RecvFlags::DONTWAIT | RecvFlags::PEEK);
        heard.is_ok_and(|(bytes, _)| bytes > 0)
    }

    /// Sends it home.
    pub async fn dismiss(mut self) {
        self.beats.abort();
        // One that is no more has nothing to be told.
        let _ = writeln!(self.stream, "{DONE}");
        if timeout(PATIENCE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Is heard of for as long as this process runs, and its one thread comes to it.
fn beat(mut stream: UnixStream) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut interval = interval(BEAT);
        loop {
            interval.tick().await;
            if writeln!(stream).is_err() {
                return;
            }
        }
    })
}
