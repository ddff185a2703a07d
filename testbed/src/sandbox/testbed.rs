//! One isolated world, and the parts that can be put into it.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::fabric::Fabric;
use super::process::{Process, tail};
use super::skip::Skip;
use super::spawner::Spawner;
use crate::setup::{self, Assets};

/// Lines of each part's log that a failed story shows.
const LOG_LINES: usize = 40;

/// An isolated network with nothing in it yet.
///
/// Several can run at the same time, in one process or many. Everything in one is gone when [`Testbed::run`] returns,
/// and also when this process panics, is interrupted or is killed.
#[derive(Debug)]
pub struct Testbed {
    fabric: Fabric,
    assets: Assets,
    /// How many nodes there have been.
    nodes: Cell<u8>,
}

impl Testbed {
    /// Runs `story` inside a new testbed: its sockets are in the testbed's network.
    ///
    /// When the story fails or panics, the ends of all logs are shown before everything is removed.
    pub fn run<F>(story: F) -> Result<()>
    where
        F: AsyncFnOnce(&Self) -> Result<()> + Send,
    {
        let bed = Self { assets: setup::ensure()?, fabric: Fabric::build()?, nodes: Cell::new(0) };
        fs::create_dir(bed.logs())?;
        // A thread of its own: the caller's must stay in its own network.
        thread::scope(|scope| {
            let told = thread::Builder::new().name("story".to_owned()).spawn_scoped(scope, move || {
                let mut evidence = Evidence { bed: &bed, wanted: true };
                let result = bed.tell(story);
                evidence.wanted = result.as_ref().is_err_and(|error| !error.is::<Skip>());
                result
            })?;
            told.join().unwrap_or_else(|panic| Err(anyhow!("{}", message(panic.as_ref()))))
        })
    }

    /// What a person types before a command to run it inside the testbed.
    #[must_use]
    pub fn enter_command(&self) -> String {
        self.fabric.enter_command()
    }

    /// The number of a new node; no two ever have the same.
    pub fn next_node(&self) -> u8 {
        let number = self.nodes.get();
        self.nodes.set(number + 1);
        number
    }

    /// What was made before the testbed.
    #[must_use]
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// Starts processes in the testbed, where they see all of it.
    pub fn spawner(&self) -> Result<&Spawner> {
        self.fabric.spawner()
    }

    /// Starts processes in the network of a node, outside of whatever runs on it.
    pub(crate) fn spawner_in(&self, netns: &str) -> Result<Spawner> {
        self.fabric.spawner_in(netns)
    }

    /// The path by which this process reaches `path` as the testbed's processes see it.
    #[must_use]
    pub fn inside(&self, path: &Path) -> PathBuf {
        self.fabric.inside(path)
    }

    /// A name that no other testbed on this machine has; what has it in the control group file system is removed
    /// with the testbed.
    pub(crate) fn unique(&self, name: &str) -> String {
        let testbed = self.fabric.directory().file_name().unwrap_or_default();
        format!("{}-{name}", testbed.display())
    }

    /// Starts a part's process; its log is named after it.
    pub fn start(&self, name: &str, command: Command) -> Result<Process> {
        Process::start(self.spawner()?, name, command, &self.log(name))
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// A new directory for a part.
    pub fn part(&self, name: &str) -> Result<PathBuf> {
        let directory = self.fabric.directory().join(name);
        fs::create_dir(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(directory)
    }

    /// The directory of all logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.fabric.directory().join("logs")
    }

    fn tell(&self, story: impl AsyncFnOnce(&Self) -> Result<()>) -> Result<()> {
        self.fabric.enter_network()?;
        // Made after this thread has moved, so that the threads it starts are inside as well.
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(story(self))
    }

    fn show_logs(&self) -> Result<()> {
        let mut logs: Vec<_> = fs::read_dir(self.logs())?.collect::<Result<_, _>>()?;
        logs.sort_by_key(fs::DirEntry::file_name);
        for log in logs {
            let text = String::from_utf8_lossy(&fs::read(log.path())?).into_owned();
            eprintln!("--- {}\n{}", log.file_name().display(), tail(&text, LOG_LINES));
        }
        Ok(())
    }
}

/// Shows the logs on its way out, also when that way is a panic.
struct Evidence<'bed> {
    bed: &'bed Testbed,
    wanted: bool,
}

impl Drop for Evidence<'_> {
    fn drop(&mut self) {
        if self.wanted
            && let Err(error) = self.bed.show_logs()
        {
            eprintln!("cannot show the logs: {error:#}");
        }
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("the story panicked")
}
