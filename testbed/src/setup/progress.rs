//! Shows that a long step moves, and how far it is.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Write, stderr};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a step says something where a line cannot be rewritten, such as in a CI log.
const QUIET: Duration = Duration::from_secs(10);
/// The same on a terminal.
const LIVELY: Duration = Duration::from_millis(200);
/// Lines of a failed command that are shown.
const TAIL: usize = 20;

/// One long step, reported on standard error.
#[derive(Debug)]
pub struct Progress {
    step: &'static str,
    place: String,
    started: Instant,
    spoke: Option<Instant>,
}

impl Progress {
    /// Says that the step begins.
    #[must_use]
    pub fn start(step: &'static str) -> Self {
        let mut progress = Self { step, place: String::new(), started: Instant::now(), spoke: None };
        progress.at("starting");
        progress
    }

    /// Says where the step is, unless it has said so a moment ago.
    pub(super) fn at(&mut self, place: &str) {
        place.clone_into(&mut self.place);
        self.tick();
    }

    /// Says that the step is done.
    pub fn finish(mut self) {
        "done".clone_into(&mut self.place);
        self.say("\n");
    }

    /// Shows that the step still goes on.
    fn tick(&mut self) {
        let (interval, end) = if stderr().is_terminal() { (LIVELY, "") } else { (QUIET, "\n") };
        if self.spoke.is_none_or(|spoke| spoke.elapsed() >= interval) {
            self.spoke = Some(Instant::now());
            self.say(end);
        }
    }

    fn say(&self, end: &str) {
        let begin = if stderr().is_terminal() { "\r\x1b[K" } else { "" };
        let seconds = self.started.elapsed().as_secs();
        // Progress is best effort: a closed standard error must not fail the build.
        let _ = write!(
            stderr(),
            "{begin}{}: {} ({}:{:02}){end}",
            self.step,
            self.place,
            seconds / 60,
            seconds % 60
        );
        let _ = stderr().flush();
    }

    /// Runs `command`, turning each line of its error output into a place by `place`.
    ///
    /// The last lines are part of the error when the command fails.
    pub fn run(
        &mut self,
        command: &mut Command,
        mut place: impl FnMut(&str) -> Option<String>,
    ) -> Result<()> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let output = child.stderr.take().context("standard error was not piped")?;
        let (sender, lines) = mpsc::channel();
        let reader = thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });

        let mut tail = VecDeque::with_capacity(TAIL);
        loop {
            match lines.recv_timeout(LIVELY) {
                Ok(line) => {
                    if let Some(place) = place(&line) {
                        self.at(&place);
                    }
                    tail.truncate(TAIL - 1);
                    tail.push_front(line);
                }
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // The reader ends with its pipe, and cannot fail to send while the receiver is here.
        let _ = reader.join();
        let status = child.wait()?;
        if !status.success() {
            let lines: Vec<_> = tail.into_iter().rev().collect();
            bail!("{}: {command:?} failed, {status}:\n{}", self.step, lines.join("\n"));
        }
        Ok(())
    }
}
