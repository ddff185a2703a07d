//! The operator, running in the testbed with its own `ServiceAccount`'s rights and its own database user's.

use std::cell::{RefCell, RefMut};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};

use crate::parts::binaries::binaries;
use crate::parts::control_plane::ControlPlane;
use crate::parts::database::{DATABASE, Database, OPERATOR_USER};
use crate::sandbox::fabric::GATEWAY;
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;

/// Where a story finds the operator's health and metrics.
pub const OPERATOR_HEALTH: &str = "192.0.2.1:8080";

/// Where the operator shows its page, to the testbed's own processes only.
pub const OPERATOR_PAGE: &str = "http://127.0.0.1:8081";

/// Short enough that no story waits, long enough that an idle operator is seen to be idle in between.
const SYNC_INTERVAL: &str = "1s";

/// An operator that can be stopped, killed and started again.
pub struct Operator<'bed> {
    bed: &'bed Testbed,
    name: &'static str,
    environment: RefCell<Vec<(&'static str, String)>>,
    process: RefCell<Option<Process>>,
}

impl Testbed {
    /// An operator that syncs from `database` to `cluster`.
    pub async fn operator(
        &self,
        cluster: &ControlPlane<'_>,
        database: &Database<'_>,
    ) -> Result<Operator<'_>> {
        Operator::start(self, cluster, database).await.context("cannot start the operator")
    }
}

impl<'bed> Operator<'bed> {
    pub(crate) async fn start(
        bed: &'bed Testbed,
        cluster: &ControlPlane<'_>,
        database: &Database<'_>,
    ) -> Result<Self> {
        let kubeconfig = cluster.operator_kubeconfig().await?;
        let environment = vec![
            ("KUBECONFIG", kubeconfig.display().to_string()),
            ("DB_HOST", GATEWAY.to_string()),
            ("DB_NAME", DATABASE.to_owned()),
            ("DB_USER", OPERATOR_USER.to_owned()),
            ("DB_PASSWORD_FILE", database.password_file().display().to_string()),
            ("POLL_INTERVAL", SYNC_INTERVAL.to_owned()),
            ("LISTEN", OPERATOR_HEALTH.to_owned()),
            ("LOG_LEVEL", "info".to_owned()),
        ];
        let environment = RefCell::new(environment);
        let operator = Self { bed, name: "operator", environment, process: RefCell::new(None) };
        operator.resume()?;
        Ok(operator)
    }

    /// Another one, configured like this one is now, and not started yet. Its log has the given name.
    #[must_use]
    pub fn twin(&self, name: &'static str) -> Self {
        Self { bed: self.bed, name, environment: self.environment.clone(), process: RefCell::new(None) }
    }

    /// Configures it for when it is next started.
    pub fn set(&self, name: &'static str, value: &str) {
        self.environment.borrow_mut().push((name, value.to_owned()));
    }

    /// Starts it again after it was stopped or killed.
    pub fn resume(&self) -> Result<()> {
        self.process.replace(Some(self.bed.start(self.name, self.command()?)?));
        Ok(())
    }

    /// What its own check says with these settings beside, or instead of, its own.
    pub fn check(&self, settings: &[(&str, &str)]) -> Result<Output> {
        let mut command = self.command()?;
        command.arg("check").envs(settings.iter().copied());
        self.bed.spawner()?.output(command)
    }

    /// What it explains to somebody who calls it `program`, with these settings beside, or instead of, its own.
    pub fn explain(&self, program: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Output> {
        let mut command = self.command()?;
        command.arg0(program).arg("explain").args(arguments).envs(settings.iter().copied());
        self.bed.spawner()?.output(command)
    }

    /// What another program says that has this one's settings.
    pub fn run_instead(&self, program: &Path, arguments: &[&str]) -> Result<Output> {
        let mut command = self.command_of(program);
        command.args(arguments);
        self.bed.spawner()?.output(command)
    }

    fn command(&self) -> Result<Command> {
        Ok(self.command_of(&binaries()?.operator))
    }

    fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.borrow().iter().map(|(name, value)| (name, value)));
        command
    }

    /// Stops it as a kubelet would, and waits for it.
    pub async fn stop(&self) -> Result<()> {
        let mut process = self.process.take().context("the operator does not run")?;
        process.stop().await?;
        Ok(())
    }

    /// The running process.
    pub fn process(&self) -> Result<RefMut<'_, Process>> {
        RefMut::filter_map(self.process.borrow_mut(), Option::as_mut)
            .ok()
            .context("the operator does not run")
    }
}
