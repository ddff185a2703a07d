//! Everything that a decision rests on.

use crate::{
    backend::{Backend, Backends},
    leases::Leases,
    observed::{
        files::HostFiles,
        ledger::Ledger,
        link::{KernelView, Link},
    },
    parse::foreign::Definition,
    protected::Fence,
};

/// Everything that a decision rests on, besides what is wanted.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// What configures NICs at boot.
    pub backend: &'a dyn Backend,
    /// The backends of which there may be files of ours: it and those that were there before.
    pub backends: Backends<'a>,
    /// The kernel.
    pub view: &'a KernelView,
    /// What must not be touched in it.
    pub fence: &'a Fence,
    /// What others configure.
    pub definitions: &'a [Definition],
    /// Our files on the host, edited ones included, and what was generated from them.
    pub files: &'a HostFiles,
    /// What we did before.
    pub ledger: &'a Ledger,
    /// What DHCP servers gave to NICs.
    pub leases: &'a Leases,
}

impl<'a> World<'a> {
    /// Every link that is none of ours, other than `link`, which is about to be.
    pub(super) fn links_of_others(self, link: &Link) -> impl Iterator<Item = &'a Link> {
        let index = link.index;
        let is_ours = move |other: &Link| other.identity().is_some_and(|mac| self.ledger.get(mac).is_some());
        self.view.links.iter().filter(move |other| other.index != index && !is_ours(other))
    }
}
