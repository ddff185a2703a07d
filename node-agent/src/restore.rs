//! `multinic-agent restore`, the standby's own side: it waits for the agent's words, and acts when there are none.

use std::{io, path::PathBuf};

use anyhow::Context;
use multinic_agent_core::{
    execute::{Journal, recover},
    observed::ledger::Ledger,
    protected::Policy,
};
use rustix::stdio::{dup2_stdout, stderr, stdin, stdout};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time::timeout,
};

use crate::host::{
    facts, journal,
    machine::Host,
    root::HostRoot,
    standby::{DONE, READY, SILENCE, TAKING_OVER},
    underway,
};

/// The arguments of the standby: `multinic-agent restore ROOT`, where standard input is the host's root directory and
/// standard output the way to the agent.
#[derive(Debug, Clone, clap::Args)]
pub struct Restore {
    /// Where the host's root is, for people.
    root: PathBuf,
    /// As the agent that started it.
    #[command(flatten)]
    pub runtime: multinic_runtime::RuntimeArgs,
}

/// Why a change is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Silent,
    Ended,
}

/// Stands by until the agent is done, or takes back what it left.
pub async fn run(args: Restore) -> anyhow::Result<()> {
    let root = HostRoot::of(stdin().try_clone_to_owned()?, args.root);
    let agent = way_to_the_agent().context("failed to reach the agent that started this")?;
    let (words, mut answers) = agent.into_split();
    let mut words = BufReader::new(words).lines();
    let mut journal = None;
    let cause = loop {
        match timeout(SILENCE, words.next_line()).await {
            Err(_) => break Cause::Silent,
            Ok(Err(_) | Ok(None)) => break Cause::Ended,
            Ok(Ok(Some(word))) if word.is_empty() => {}
            Ok(Ok(Some(word))) if word == DONE => return Ok(()),
            Ok(Ok(Some(text))) => {
                let is_first = journal.replace(journal::parse(&text)?).is_none();
                if is_first {
                    answers.write_all(format!("{READY}\n").as_bytes()).await?;
                }
            }
        }
    };
    let Some(journal) = journal else { return Ok(()) };
    // An agent that goes on later reads this before it changes anything.
    let _ = answers.write_all(format!("{TAKING_OVER}\n").as_bytes()).await;
    take_over(root, &journal, cause).await
}

async fn take_over(root: HostRoot, journal: &Journal, cause: Cause) -> anyhow::Result<()> {
    match cause {
        Cause::Silent => {
            tracing::warn!("the agent was silent for {} s in the middle of a change", SILENCE.as_secs());
        }
        Cause::Ended => tracing::warn!("the agent ended in the middle of a change"),
    }
    let boot_id = facts::boot_id(&root);
    let mut host = Host::new(root, None, Policy::default());
    // The next agent, which finds the journal as it is, brings the ledger up to date.
    let recovered = recover(&mut host, journal, Ledger::default(), &boot_id).await?;
    underway::tell(&recovered);
    Ok(())
}

/// Standard output, which is for nothing else from now on.
fn way_to_the_agent() -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(stdout().try_clone_to_owned()?);
    dup2_stdout(stderr())?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}
