//! Changes that stand or fall together.

use multinic_crds::{Interface, MacAddress};

use crate::{
    attribute::{Step, Target},
    observed::{
        files::FileChange,
        lease::Lease,
        link::{KernelView, Link},
    },
    parse::bootfile::BootFile,
    plan::notice::Notices,
    protected::Fence,
};

/// Changes that stand or fall together: of one NIC, of several that exchange names or routes, or of none any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Transaction {
    /// The NICs.
    pub members: Vec<Member>,
    /// What their links should look like.
    pub targets: Vec<Target>,
    /// How the kernel gets there.
    pub steps: Vec<Step>,
    /// The files to write or remove once the kernel is proven right.
    pub files: Vec<FileChange>,
    /// What the host is told before and after.
    pub notices: Notices,
}

/// A NIC in a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Which NIC.
    pub mac: MacAddress,
    /// What it should be; `None` for one that is given back.
    pub wanted: Option<Interface>,
    /// Its link as found.
    pub link: Option<Link>,
    /// What a DHCP server gave it.
    pub lease: Option<Lease>,
    pub(super) target: Option<Target>,
    /// Its files and where they go.
    pub(super) files: Vec<BootFile>,
}

impl Transaction {
    /// One that only changes files, for these NICs.
    #[cfg(test)]
    pub(crate) fn of_files(macs: impl Iterator<Item = MacAddress>, files: Vec<FileChange>) -> Self {
        let member =
            |mac| Member { mac, wanted: None, link: None, lease: None, target: None, files: Vec::new() };
        let members = macs.map(member).collect();
        Self { members, targets: Vec::new(), steps: Vec::new(), files, notices: Notices::default() }
    }

    /// Whether the links are still those that this was planned for, and nothing has come to
    /// depend on them since.
    #[must_use]
    pub fn still_applies(&self, view: &KernelView, fence: &Fence) -> bool {
        self.members.iter().all(|member| {
            let Some(planned) = &member.link else {
                // One look that missed a link must not make it nobody's.
                return view.links.iter().all(|link| link.identity() != Some(member.mac));
            };
            if member.target.is_none() {
                return true;
            }
            let Some(link) = view.link(planned.index) else { return false };
            let unchanged = (link.identity(), &link.name, &link.kind, link.controller)
                == (planned.identity(), &planned.name, &planned.kind, planned.controller);
            let below = view.links.iter().any(|upper| upper.lower == Some(link.index));
            unchanged && !below && !fence.is_needed(link, view)
        })
    }
}
