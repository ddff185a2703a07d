//! This host, asked about its next boot by whatever configures its network.

use std::collections::BTreeMap;

use multinic_agent_core::{
    backend::{Backend, netplan::next_boot::Doubts, networkd::Networkd},
    parse::bootfile::BootFile,
    plan::{BootCheck, Transaction},
};
use multinic_crds::{Explanation, MacAddress};

use super::{StageError, netplan::NetplanCheck, networkd::NetworkdCheck};
use crate::host::{files, root::HostRoot};

/// What was found earlier about the next boot of NICs that are right.
#[derive(Debug, Default)]
pub struct Remembered {
    netplan: Doubts,
}

/// The host's own programs, asked about every file that would change.
pub struct HostCheck<'a> {
    root: &'a HostRoot,
    netplan: Option<NetplanCheck<'a>>,
    networkd: Option<NetworkdCheck>,
}

impl<'a> HostCheck<'a> {
    /// The check of the host whose root is `root`, and whose NICs `backend` configures, if any does.
    ///
    /// netplan is asked wherever it is: it reads our files whether they come or go.
    pub fn of(
        root: &'a HostRoot,
        backend: Option<&dyn Backend>,
        remembered: &'a mut Remembered,
    ) -> Result<Self, StageError> {
        let netplan = NetplanCheck::of(root, &mut remembered.netplan)?;
        let is_networkd = backend.is_some_and(|backend| backend.name() == Networkd.name());
        let networkd = is_networkd.then(|| NetworkdCheck::of(root)).transpose()?;
        Ok(Self { root, netplan, networkd })
    }
}

impl BootCheck for HostCheck<'_> {
    type Error = StageError;

    async fn unfit(
        &mut self,
        transactions: &[Transaction],
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        let mut unfit = files::unwritable(self.root, transactions);
        if let Some(netplan) = &mut self.netplan {
            unfit.extend(netplan.unfit(transactions).await?);
        }
        if let Some(networkd) = &mut self.networkd {
            unfit.extend(networkd.unfit(transactions).await?);
        }
        Ok(unfit)
    }

    async fn doubts(
        &mut self,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        match (&mut self.netplan, &mut self.networkd) {
            (_, Some(networkd)) => networkd.doubts(right).await,
            (Some(netplan), None) => netplan.doubts(right).await,
            (None, None) => Ok(BTreeMap::new()),
        }
    }
}
