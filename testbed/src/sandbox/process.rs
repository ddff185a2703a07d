//! A long-running part: started, observed, stopped or killed, and never left behind.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::ended::Ended;
use crate::sandbox::eventually::{SOON, eventually};
use crate::sandbox::spawner::Spawner;

/// A child that writes to a log file. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, appending all it says to the file `log`.
    pub(crate) fn start(spawner: &Spawner, name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open the log {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        Ok(Self { name: name.to_owned(), child: spawner.spawn(command)?, log: log.to_owned() })
    }

    /// The process id, in the PID namespace of the caller.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has said so far.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }

    /// Fails, with the end of the log, once the process has ended.
    pub fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let last_words = tail(&self.log()?, 15);
            return Err(Ended { name: self.name.clone(), status, last_words }.into());
        }
        Ok(())
    }

    /// Waits until it says `words`.
    pub async fn says(&mut self, words: &str) -> Result<()> {
        eventually(&format!("{} to say {words:?}", self.name), SOON, async || {
            self.check()?;
            let log = self.log()?;
            ensure!(log.contains(words), "{log}");
            Ok(())
        })
        .await
    }

    /// Memory in use, in bytes.
    pub fn resident_memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let kibibytes: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
            .with_context(|| format!("{} has no memory: it has ended", self.name))?
            .trim()
            .parse()?;
        Ok(kibibytes * 1024)
    }

    /// The processor time that it has taken so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            nanoseconds += text.split(' ').next().context("schedstat is empty")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Asks it to end and waits until it has.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.ended().await
    }

    /// Sends a signal, such as SIGSTOP to make it hang.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.id())?);
        kill(pid, signal).with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Ends it the hard way, as the kernel's out-of-memory killer would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let name = self.name.clone();
        eventually(&format!("{name} to end"), SOON, async || {
            self.child.try_wait()?.with_context(|| format!("{name} still runs"))
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last `count` lines of `text`.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
