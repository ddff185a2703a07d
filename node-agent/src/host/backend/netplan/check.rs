//! The host's own netplan, asked about every file that would change. Touches nothing but the staging root.

use std::collections::BTreeMap;

use multinic_agent_core::{
    backend::{
        Backend,
        netplan::{
            Netplan,
            next_boot::{self, Boot, Doubts},
        },
    },
    parse::bootfile::BootFile,
    plan::{BootCheck, Transaction},
};
use multinic_crds::{Explanation, MacAddress};

use super::generator::HostGenerator;
use crate::host::{
    backend::stage::StageError,
    reading::{FileError, in_places},
    root::{HostRoot, Unread},
};

/// There while `netplan try` waits for its answer.
const TRYING: &str = "/run/netplan/netplan-try.ready";
/// What has the boot wait is enabled in here.
const BOOT_WANTS: &str = "/etc/systemd/system/network-online.target.wants";
const WAIT_ONLINE: &str = "systemd-networkd-wait-online.service";

/// The host's generator and files.
pub(crate) struct NetplanCheck<'a> {
    generator: HostGenerator<'a>,
    boot: Boot,
    doubts: &'a mut Doubts,
}

impl<'a> NetplanCheck<'a> {
    /// The check of the host whose root is `root`; none where there is no netplan.
    ///
    /// `doubts` is what was found earlier.
    pub(crate) fn of(root: &'a HostRoot, doubts: &'a mut Doubts) -> Result<Option<Self>, StageError> {
        let Some(generator) = HostGenerator::of(root) else { return Ok(None) };
        Ok(Some(Self { generator, boot: boot(root)?, doubts }))
    }
}

impl BootCheck for NetplanCheck<'_> {
    type Error = StageError;

    async fn unfit(
        &mut self,
        transactions: &[Transaction],
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        next_boot::unfit(&mut self.generator, &self.boot, transactions).await
    }

    async fn doubts(
        &mut self,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        self.doubts.about(&mut self.generator, self.boot.clone(), right).await
    }
}

/// What decides what netplan does at this host's next boot.
fn boot(root: &HostRoot) -> Result<Boot, FileError> {
    let mut boot = Boot {
        trying: root.is_file(TRYING),
        waits_online: root.names(BOOT_WANTS).is_ok_and(|names| names.contains(WAIT_ONLINE)),
        ..Boot::default()
    };
    for (path, content) in in_places(root, Netplan.places())? {
        // netplan takes UTF-8 only, in comments too.
        let text = content.and_then(|bytes| String::from_utf8(bytes).map_err(|_| Unread::NotText));
        match text {
            Ok(text) => {
                boot.files.insert(path, text);
            }
            Err(unread) => boot.unread.push((path, unread.to_string())),
        }
    }
    Ok(boot)
}
