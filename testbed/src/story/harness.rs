//! Runs stories as tests, and counts what cannot run as skipped instead of passed.

use std::num::NonZero;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread;

use anyhow::Result;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::parts::node::Kind;
use crate::sandbox::{skip::Skip, testbed::Testbed};
use crate::setup::{self, unpacked::CHROMIUM};

/// What a story cannot be told without.
#[derive(Debug, Clone, Copy)]
pub enum Needs {
    /// Namespaces and mounts, that is root.
    Testbed,
    /// A browser as well.
    Browser,
    /// Machines that boot as well.
    FullNodes,
    /// What another crate adds to them as well.
    More(More),
}

/// What a story needs beside full nodes.
#[derive(Debug, Clone, Copy)]
pub struct More {
    /// Says why it cannot be had here, or nothing when it can.
    pub obstacle: fn() -> Option<&'static str>,
    /// Makes it.
    pub ensure: fn() -> Result<()>,
}

/// The stories of one test binary.
///
/// ```no_run
/// # use multinic_testbed::{Needs, Suite, Testbed};
/// # async fn a_row_becomes_a_nic(bed: &Testbed) -> anyhow::Result<()> { Ok(()) }
/// fn main() -> std::process::ExitCode {
///     Suite::default().tell("a_row_becomes_a_nic", Needs::FullNodes, a_row_becomes_a_nic).run()
/// }
/// ```
#[derive(Default)]
pub struct Suite {
    trials: Vec<Trial>,
}

impl Suite {
    /// Adds a story, told in a testbed of its own.
    #[must_use]
    pub fn tell<F>(mut self, name: &str, needs: Needs, story: F) -> Self
    where
        F: AsyncFnOnce(&Testbed) -> Result<()> + Send + 'static,
    {
        self.trials.push(Trial::ignorable_test(name, move || tell(needs, story)));
        self
    }

    /// Runs what the command line asks for, as the standard harness would, but three stories for every two processors: most
    /// of their time they wait.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        arguments.test_threads.get_or_insert_with(|| (3 * processors).div_ceil(2));
        libtest_mimic::run(&arguments, self.trials).exit_code()
    }
}

fn tell<F>(needs: Needs, story: F) -> Result<Completion, Failed>
where
    F: AsyncFnOnce(&Testbed) -> Result<()> + Send,
{
    if let Some(obstacle) = obstacle(needs) {
        return skipped(obstacle);
    }
    // This comes before the testbed, in which there is no way out.
    let ensured = match needs {
        Needs::Browser => CHROMIUM.ensure().map(drop),
        Needs::More(more) => (more.ensure)(),
        Needs::Testbed | Needs::FullNodes => Ok(()),
    };
    ensured.map_err(|error| format!("{error:?}"))?;
    match Testbed::run(story) {
        Ok(()) => Ok(Completion::Completed),
        Err(error) if error.is::<Skip>() => skipped(&error.to_string()),
        Err(error) => Err(format!("{error:?}").into()),
    }
}

/// Where everything is meant to run, a skip would hide that it does not.
fn skipped(reason: &str) -> Result<Completion, Failed> {
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        return Err(format!("skipped, which CI does not allow: {reason}").into());
    }
    eprintln!("skipped: {reason}");
    Ok(Completion::ignored_with(reason))
}

fn obstacle(needs: Needs) -> Option<&'static str> {
    static TESTBED: OnceLock<Option<String>> = OnceLock::new();
    let testbed = TESTBED.get_or_init(setup::obstacle).as_deref();
    match needs {
        Needs::Testbed => testbed,
        Needs::Browser => testbed.or_else(setup::browser_obstacle),
        Needs::FullNodes => testbed.or_else(full_node_obstacle),
        Needs::More(more) => testbed.or_else(more.obstacle).or_else(full_node_obstacle),
    }
}

/// Says why full nodes cannot run here, found out by trying once; nothing when they can.
#[must_use]
pub fn full_node_obstacle() -> Option<&'static str> {
    static FULL_NODES: OnceLock<Option<String>> = OnceLock::new();
    let try_one = || {
        let booted = Testbed::run(async |bed: &Testbed| bed.node("probe", Kind::Full).await.map(drop));
        booted.err().map(|error| format!("full nodes cannot run here: {error:#}"))
    };
    FULL_NODES.get_or_init(try_one).as_deref()
}

/// Whether a story is told at length, which may take hours: where `MULTINIC_SOAK_STORIES` is set, as by `make soak`.
#[must_use]
pub fn at_length() -> bool {
    std::env::var_os("MULTINIC_SOAK_STORIES").is_some_and(|value| !value.is_empty())
}

/// The name of a story that can be told at length, and is told so by that name alone.
#[must_use]
pub fn named(story: &str) -> String {
    if at_length() { format!("at_length_{story}") } else { story.to_owned() }
}
