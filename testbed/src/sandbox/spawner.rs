//! Starting processes inside other namespaces, without a helper process in between.

use std::fs::File;
use std::io;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, ensure};
use nix::sched::{CloneFlags, setns, unshare};

/// A namespace, held open.
#[derive(Debug)]
pub(crate) struct Namespace {
    file: File,
    kind: CloneFlags,
}

impl Namespace {
    /// The namespace at `path`, which is what `/proc/PID/ns/…` or `/run/netns/…` name.
    pub(crate) fn open(path: &str, kind: CloneFlags) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open the namespace {path}"))?;
        Ok(Self { file, kind })
    }

    /// Moves the calling thread, and all threads and processes it starts from now on, into the namespace.
    pub(crate) fn enter(&self) -> io::Result<()> {
        setns(&self.file, self.kind).map_err(io::Error::from)
    }
}

/// A thread that has moved into a set of namespaces and starts processes there.
///
/// They are this process's own children: waiting for them, signalling them and reading their output work as usual,
/// and their process ids are the outer ones. The thread keeps the namespaces alive until it is dropped.
#[derive(Debug)]
pub struct Spawner {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Request {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

impl Spawner {
    /// Enters `namespaces` in their order, which matters: a path is looked up in the mount namespace of the caller.
    pub(crate) fn enter(namespaces: Vec<Namespace>) -> Result<Self> {
        let (requests, inbox) = mpsc::channel();
        let (entered, outcome) = mpsc::channel();
        let thread = thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let result = enter_all(&namespaces);
            drop(namespaces);
            let failed = result.is_err();
            // The other side waits for exactly this message.
            let _ = entered.send(result);
            if !failed {
                serve(&inbox);
            }
        })?;
        outcome.recv()?.context("cannot enter namespaces")?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Starts `command` inside. Its program is looked up there as well.
    pub fn spawn(&self, command: Command) -> Result<Child> {
        let program = command.get_program().to_owned();
        let (reply, answer) = mpsc::channel();
        self.requests
            .as_ref()
            .and_then(|requests| requests.send(Request { command, reply }).ok())
            .ok_or_else(|| anyhow!("the spawner has ended"))?;
        answer.recv()?.with_context(|| format!("cannot start {}", program.display()))
    }

    /// Runs `command` inside to its end, with its output captured and nothing to read.
    pub(crate) fn output(&self, mut command: Command) -> Result<Output> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(self.spawn(command)?.wait_with_output()?)
    }

    /// Runs `command` inside and returns what it wrote, or fails with what it complained about.
    pub fn run(&self, argv: &[&str]) -> Result<String> {
        let [program, arguments @ ..] = argv else { return Err(anyhow!("no program to run")) };
        let mut command = Command::new(program);
        command.args(arguments);
        let output = self.output(command)?;
        ensure!(
            output.status.success(),
            "`{}` failed, {}: {}",
            argv.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it has already failed whoever waited for an answer.
            let _ = thread.join();
        }
    }
}

fn enter_all(namespaces: &[Namespace]) -> io::Result<()> {
    // A mount namespace can only be entered by a thread that shares its root and working directory with no other.
    unshare(CloneFlags::CLONE_FS)?;
    namespaces.iter().try_for_each(Namespace::enter)
}

fn serve(inbox: &Receiver<Request>) {
    for Request { mut command, reply } in inbox {
        // Whoever asked may have given up meanwhile; then the child is dropped here and dies with the testbed.
        let _ = reply.send(command.spawn());
    }
}
