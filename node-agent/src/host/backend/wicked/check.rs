//! The host's own wicked, asked about every file that would change. It needs neither its daemon nor D-Bus for that.

use std::{collections::BTreeMap, process::Output};

use multinic_agent_core::{
    backend::wicked::{
        CONFIGURATION, DIRECTORY,
        next_boot::{self, Answer, Doubts, Files, ShowConfig},
    },
    parse::bootfile::BootFile,
    plan::{BootCheck, Transaction},
};
use multinic_crds::{Explanation, MacAddress, Reason};

use crate::host::{
    backend::stage::{STAGE, Stage, StageError},
    reading::in_places,
    root::HostRoot,
};

/// What it reads: its files, and not what a firmware says, for which it would need programs that a pod does not see.
pub(super) const FILES: &str = "compat:";
pub(super) const PROGRAM: &str = "/usr/sbin/wicked";

/// The host's wicked and files.
pub(crate) struct WickedCheck<'a> {
    root: &'a HostRoot,
    files: Files,
    /// Files that wicked reads and the agent cannot, and why.
    unread: Vec<(String, String)>,
    doubts: &'a mut Doubts,
}

impl<'a> WickedCheck<'a> {
    /// The check of the host whose root is `root`; none where there is no wicked.
    pub(crate) fn of(root: &'a HostRoot, doubts: &'a mut Doubts) -> Result<Option<Self>, StageError> {
        if !root.is_file(PROGRAM) {
            return Ok(None);
        }
        let mut check = Self { root, files: Files::new(), unread: Vec::new(), doubts };
        for (path, content) in in_places(root, [&CONFIGURATION])? {
            match content.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
                Ok(text) => _ = check.files.insert(path, text),
                Err(unread) if is_configuration(&path) => check.unread.push((path, unread.to_string())),
                Err(_) => {}
            }
        }
        Ok(Some(check))
    }
}

/// Whether wicked takes what lies at `path` for the configuration of an interface: even a directory, but not those such as
/// `if-up.d`, which are for scripts.
fn is_configuration(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    ["ifcfg-", "ifroute-", "ifrule-", "ifsysctl-"].iter().any(|kind| name.starts_with(kind))
}

/// The program of one host.
struct HostWicked<'a>(&'a HostRoot);

impl ShowConfig for HostWicked<'_> {
    type Error = StageError;

    async fn ask(&mut self, files: &Files) -> Result<Answer, StageError> {
        let stage = Stage::new(self.0, [DIRECTORY], files)?;
        let Output { status, stdout, stderr } =
            stage.run(PROGRAM, &["--root-dir", STAGE, "show-config", FILES]).await?;
        let words = String::from_utf8_lossy(&stderr);
        if !status.success() {
            let words = words.lines().last().unwrap_or_default().trim().to_owned();
            return Err(StageError::Broken { program: PROGRAM.to_owned(), status, words });
        }
        let complaints = words.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
        Ok(Answer { xml: String::from_utf8_lossy(&stdout).into_owned(), complaints: complaints.collect() })
    }
}

impl BootCheck for WickedCheck<'_> {
    type Error = StageError;

    async fn unfit(
        &mut self,
        transactions: &[Transaction],
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        let changing = transactions.iter().filter(|one| next_boot::is_concerned(one));
        if let Some((path, why)) = self.unread.first() {
            let message = format!(
                "wicked reads {path}, and the agent cannot ({why}); put a regular text file there, or remove it"
            );
            let refusal = Explanation::new(Reason::ForeignConfiguration, message);
            let members = changing.flat_map(|transaction| &transaction.members);
            return Ok(members.map(|member| (member.mac, refusal.clone())).collect());
        }
        next_boot::unfit(&mut HostWicked(self.root), &self.files, transactions).await
    }

    async fn doubts(
        &mut self,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, StageError> {
        self.doubts.about(&mut HostWicked(self.root), self.files.clone(), right).await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::testing::host;

    #[test]
    fn directories_of_scripts_are_no_configuration_and_what_cannot_be_read_is() {
        let (_directory, root) =
            host(&[(PROGRAM, ""), ("/etc/sysconfig/network/ifcfg-eth0", "STARTMODE='auto'\n")]);
        for directory in ["if-up.d", "if-down.d", "scripts", "providers"] {
            fs::create_dir_all(root.at(DIRECTORY).join(directory)).unwrap();
        }
        let mut doubts = Doubts::default();
        let check = WickedCheck::of(&root, &mut doubts).unwrap().unwrap();
        assert_eq!((check.files.len(), check.unread.len()), (1, 0));
        std::os::unix::fs::symlink("/nowhere", root.at(DIRECTORY).join("ifcfg-eth1")).unwrap();
        let check = WickedCheck::of(&root, &mut doubts).unwrap().unwrap();
        assert_eq!(check.unread[0].0, "/etc/sysconfig/network/ifcfg-eth1");
        // wicked takes it for an empty file.
        fs::create_dir(root.at(DIRECTORY).join("ifcfg-eth2")).unwrap();
        let check = WickedCheck::of(&root, &mut doubts).unwrap().unwrap();
        assert_eq!(check.unread.len(), 2);
    }
}
