//! Writes the story down, with the time it has taken so far.

use std::io::{self, Stdout, Write, stdout};
use std::time::Instant;

/// Tells on standard output.
pub(crate) struct Narrator {
    started: Instant,
    out: Stdout,
}

impl Narrator {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), out: stdout() }
    }

    /// One thing that happens or has happened.
    pub(crate) fn tell(&self, what: &str) -> io::Result<()> {
        writeln!(&self.out, "[{:6.2} s] {what}", self.started.elapsed().as_secs_f64())
    }

    /// What somebody sees who types `command`.
    pub(crate) fn show(&self, command: &str, output: &str) -> io::Result<()> {
        writeln!(&self.out, "\n    $ {command}")?;
        for line in output.lines() {
            writeln!(&self.out, "    {line}")?;
        }
        writeln!(&self.out)
    }
}
