//! What is brought to a machine.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Node;

impl Node<'_> {
    /// Puts ifupdown's reader of its files on the node.
    pub fn add_ifquery(&self) -> Result<()> {
        let to = self.host_root()?.join("usr/sbin/ifquery");
        fs::copy(&self.bed.assets().ifquery, &to)
            .with_context(|| format!("cannot write {}", to.display()))?;
        Ok(())
    }

    /// Runs a program that reads `input`.
    pub fn feed(&self, program: &str, arguments: &[&str], input: File) -> Result<()> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(input).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = self.machine()?.spawner.spawn(command)?.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{program} failed on {}, {}: {}",
            self.name(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }
}
