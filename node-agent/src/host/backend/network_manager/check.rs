//! The host's own parser of connections, asked about each one that would be written. It needs neither the daemon nor the
//! bus for that.

use std::{collections::BTreeMap, process::Output};

use multinic_agent_core::{
    backend::network_manager::{
        CONNECTIONS,
        next_boot::{self, Answer, Parser},
    },
    plan::Transaction,
};
use multinic_crds::{Explanation, MacAddress};

use super::notice::PROGRAM;
use crate::host::{
    backend::stage::{Stage, StageError},
    root::HostRoot,
};

/// The host's `nmcli`.
pub(crate) struct ConnectionCheck<'a>(&'a HostRoot);

impl<'a> ConnectionCheck<'a> {
    pub(crate) fn of(root: &'a HostRoot) -> Self {
        Self(root)
    }

    /// The NICs whose connections would not be read as they are meant. Of a host without a parser, nothing is known.
    pub(crate) async fn unfit(
        &mut self,
        transactions: &[Transaction],
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        if !transactions.iter().any(next_boot::is_concerned) || !self.can_parse().await? {
            return Ok(BTreeMap::new());
        }
        next_boot::unfit(self, transactions).await
    }

    /// Since 1.40 it reads a connection without its daemon; before that it does not know the option.
    async fn can_parse(&self) -> Result<bool, StageError> {
        if !self.0.is_file(PROGRAM) {
            return Ok(false);
        }
        let stage = Stage::new(self.0, [CONNECTIONS], &BTreeMap::new())?;
        Ok(stage.run(PROGRAM, &["--offline", "--version"]).await?.status.success())
    }
}

impl Parser for ConnectionCheck<'_> {
    type Error = StageError;

    async fn ask(&mut self, path: &str, text: &str) -> Result<Answer, StageError> {
        let files = BTreeMap::from([(path.to_owned(), text.to_owned())]);
        let stage = Stage::new(self.0, [CONNECTIONS], &files)?;
        let Output { status, stdout, stderr } =
            stage.feed(path, PROGRAM, &["--offline", "connection", "modify"]).await?;
        let words = String::from_utf8_lossy(&stderr);
        if status.success() && words.trim().is_empty() {
            return Ok(Answer::Takes(String::from_utf8_lossy(&stdout).into_owned()));
        }
        let words: Vec<_> = words.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
        Ok(Answer::Refuses(format!("{} ({status})", words.join("; "))))
    }
}
