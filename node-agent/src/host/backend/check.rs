//! This host, asked about its next boot by whatever configures its network.

use std::collections::BTreeMap;

use multinic_agent_core::{
    backend::{
        Backend,
        netplan::{self, Netplan},
        network_manager::NetworkManager,
        networkd::Networkd,
        wicked::{self, Wicked},
    },
    parse::bootfile::BootFile,
    plan::{BootCheck, Transaction},
};
use multinic_crds::{Explanation, MacAddress};

use super::{
    StageError, netplan::NetplanCheck, network_manager::ConnectionCheck, networkd::NetworkdCheck,
    wicked::WickedCheck,
};
use crate::host::{files, root::HostRoot};

/// What was found earlier about the next boot of NICs that are right.
#[derive(Debug, Default)]
pub struct Remembered {
    netplan: netplan::next_boot::Doubts,
    wicked: wicked::next_boot::Doubts,
}

/// The host's own programs, asked about every file that would change.
///
/// netplan and wicked are asked wherever they are: they read our files whether these come or go.
pub struct HostCheck<'a> {
    root: &'a HostRoot,
    /// What configures the host's NICs, if anything does.
    active: &'static str,
    netplan: Option<NetplanCheck<'a>>,
    /// For all hosts where udev names NICs by `.link` files of ours.
    networkd: Option<NetworkdCheck>,
    network_manager: ConnectionCheck<'a>,
    wicked: Option<WickedCheck<'a>>,
}

impl<'a> HostCheck<'a> {
    /// The check of the host whose root is `root`, and whose NICs `backend` configures, if any does.
    pub fn of(
        root: &'a HostRoot,
        backend: Option<&dyn Backend>,
        remembered: &'a mut Remembered,
    ) -> Result<Self, StageError> {
        let active = backend.map_or("", Backend::name);
        let names_by_link = [Networkd.name(), NetworkManager.name()].contains(&active);
        Ok(Self {
            root,
            active,
            netplan: NetplanCheck::of(root, &mut remembered.netplan)?,
            networkd: names_by_link.then(|| NetworkdCheck::of(root)).transpose()?,
            network_manager: ConnectionCheck::of(root),
            wicked: WickedCheck::of(root, &mut remembered.wicked)?,
        })
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
        unfit.extend(self.network_manager.unfit(transactions).await?);
        if let Some(wicked) = &mut self.wicked {
            unfit.extend(wicked.unfit(transactions).await?);
        }
        Ok(unfit)
    }

    async fn doubts(
        &mut self,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        match (&mut self.netplan, &mut self.networkd, &mut self.wicked) {
            (Some(netplan), _, _) if self.active == Netplan.name() => netplan.doubts(right).await,
            (_, Some(networkd), _) => networkd.doubts(right).await,
            (_, _, Some(wicked)) if self.active == Wicked.name() => wicked.doubts(right).await,
            _ => Ok(BTreeMap::new()),
        }
    }
}
