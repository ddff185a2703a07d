//! Says what happens as it happens: a story on a cluster takes a minute or two.

use std::io::{self, Write, stdout};
use std::time::Instant;

/// The steps of one story.
pub(crate) struct Steps {
    story: &'static str,
    started: Instant,
}

impl Steps {
    pub(crate) fn of(story: &'static str) -> Self {
        Self { story, started: Instant::now() }
    }

    /// What is done next.
    pub(crate) fn step(&self, what: &str) -> io::Result<()> {
        writeln!(stdout(), "[{} {:5.1} s] {what}", self.story, self.started.elapsed().as_secs_f64())
    }
}

/// What somebody sees who types `command`.
pub(crate) fn show(command: &str, output: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "    $ {command}")?;
    output.lines().try_for_each(|line| writeln!(out, "    {line}"))
}
