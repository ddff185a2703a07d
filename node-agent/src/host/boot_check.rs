//! This host, asked about its next boot.

use std::collections::BTreeMap;

use multinic_agent_core::{
    backend::{
        BootCheck,
        netplan::next_boot::{self, Boot, Doubts},
    },
    parse::bootfile::BootFile,
    plan::Transaction,
};
use multinic_crds::{Explanation, MacAddress};

use crate::host::{
    detect, files,
    generator::{self, HostGenerator, StageError},
    root::HostRoot,
};

/// The host's own netplan, asked about every file that would change. Touches nothing but the staging root.
pub struct NetplanCheck<'a> {
    root: &'a HostRoot,
    generator: HostGenerator<'a>,
    boot: Boot,
    doubts: &'a mut Doubts,
}

impl<'a> NetplanCheck<'a> {
    /// The check of the host whose root is `root`; none where there is no netplan.
    ///
    /// `doubts` is what was found earlier.
    pub fn of(root: &'a HostRoot, doubts: &'a mut Doubts) -> Result<Option<Self>, StageError> {
        let Some(program) = detect::generator(root) else { return Ok(None) };
        let generator = HostGenerator::new(root, program);
        Ok(Some(Self { root, generator, boot: generator::boot(root)?, doubts }))
    }
}

impl BootCheck for NetplanCheck<'_> {
    type Error = StageError;

    async fn unfit(
        &mut self,
        transactions: &[Transaction],
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        let mut unfit = files::unwritable(self.root, transactions);
        unfit.extend(next_boot::unfit(&mut self.generator, &self.boot, transactions).await?);
        Ok(unfit)
    }

    async fn doubts(
        &mut self,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        self.doubts.about(&mut self.generator, self.boot.clone(), right).await
    }
}
