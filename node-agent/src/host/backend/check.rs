//! This host, asked about its next boot by whatever configures its network.

use std::collections::BTreeMap;

use multinic_agent_core::{
    backend::netplan::next_boot::Doubts,
    parse::bootfile::BootFile,
    plan::{BootCheck, Transaction},
};
use multinic_crds::{Explanation, MacAddress};

use super::{StageError, netplan::NetplanCheck};
use crate::host::{files, root::HostRoot};

/// What was found earlier about the next boot of NICs that are right.
#[derive(Debug, Default)]
pub struct Remembered {
    netplan: Doubts,
}

/// The host's own programs, asked about every file that would change.
pub struct HostCheck<'a> {
    root: &'a HostRoot,
    netplan: NetplanCheck<'a>,
}

impl<'a> HostCheck<'a> {
    /// The check of the host whose root is `root`; none where nothing can be asked.
    pub fn of(root: &'a HostRoot, remembered: &'a mut Remembered) -> Result<Option<Self>, StageError> {
        let netplan = NetplanCheck::of(root, &mut remembered.netplan)?;
        Ok(netplan.map(|netplan| Self { root, netplan }))
    }
}

impl BootCheck for HostCheck<'_> {
    type Error = StageError;

    async fn unfit(
        &mut self,
        transactions: &[Transaction],
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        let mut unfit = files::unwritable(self.root, transactions);
        unfit.extend(self.netplan.unfit(transactions).await?);
        Ok(unfit)
    }

    async fn doubts(
        &mut self,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        self.netplan.doubts(right).await
    }
}
