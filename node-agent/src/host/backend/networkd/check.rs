//! What udev and networkd will make of our files. No program tells, so it is read from the files of others.

use std::collections::BTreeMap;

use multinic_agent_core::{
    backend::{
        Backend,
        networkd::{self, Networkd},
    },
    parse::{bootfile::BootFile, foreign::Definition},
    plan::{BootCheck, Transaction},
};
use multinic_crds::{Explanation, MacAddress};

use crate::host::{backend::stage::StageError, others, root::HostRoot};

/// The files by which others have udev name links.
pub(crate) struct NetworkdCheck(Vec<Definition>);

impl NetworkdCheck {
    pub(crate) fn of(root: &HostRoot) -> Result<Self, StageError> {
        Ok(Self(others::networkd::links(root)?))
    }
}

impl BootCheck for NetworkdCheck {
    type Error = StageError;

    async fn unfit(
        &mut self,
        transactions: &[Transaction],
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        let wanted = transactions.iter().flat_map(|transaction| &transaction.members);
        let wanted = wanted.filter_map(|member| Some((member.mac, member.wanted.as_ref()?.name)));
        Ok(wanted.filter_map(|(mac, name)| Some((mac, networkd::unfit(mac, name, &self.0)?))).collect())
    }

    async fn doubts(
        &mut self,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        let doubt = |(mac, files): (MacAddress, Vec<BootFile>)| {
            let name = files.iter().find_map(|file| Networkd.owner_of(&file.path))?;
            Some((mac, networkd::unfit(mac, name, &self.0)?))
        };
        Ok(right.into_iter().filter_map(doubt).collect())
    }
}
