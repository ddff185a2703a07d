//! What every backend says of its files. Pure.

use std::fmt;

use ipnet::IpNet;
use multinic_crds::{Explanation, Interface, InterfaceName};

use crate::parse::bootfile::BootFile;

/// A directory that holds boot files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its path on the host.
    pub directory: &'static str,
    /// What the names of boot files in it end in.
    pub ending: &'static str,
    /// Whether its files are for root alone.
    pub private: bool,
}

/// What a running manager of networks keeps in mind beside its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Nothing that touches NICs of ours: it knows a link by its MAC address.
    None,
    /// What it once made of a name. It gives the same to whatever link is called so next.
    OfNames,
    /// Every link that there is, until it is told to leave it alone.
    OfLinks,
}

/// What one way of configuring NICs at boot writes, and how that is recognised.
pub trait Backend: fmt::Debug + Sync {
    /// The word in status.
    fn name(&self) -> &'static str;

    /// Every file that makes the next boot configure `nic`, each sealed for it; or why that cannot be written.
    fn render(&self, nic: &Interface) -> Result<Vec<BootFile>, Explanation>;

    /// Where files of the NIC called `name` may lie.
    fn paths(&self, name: InterfaceName) -> Vec<String>;

    /// The addresses that a file of ours gives.
    fn addresses(&self, text: &str) -> Vec<IpNet>;

    /// Where boot files lie, our own and those that hide them.
    fn places(&self) -> &'static [Place];

    /// Where the host keeps, until its next boot, what it made of the files of the NIC called `name`.
    fn generated(&self, _name: InterfaceName) -> Vec<String> {
        Vec::new()
    }

    /// The directories of everything generated.
    fn generated_in(&self) -> &'static [&'static str] {
        &[]
    }

    /// What it keeps in mind until the next boot, so that it must be told of changes.
    fn memory(&self) -> Memory {
        Memory::None
    }

    /// The NIC whose file lies at `path`, if one of ours would.
    fn owner_of(&self, path: &str) -> Option<InterfaceName> {
        InterfaceName::all().find(|name| self.paths(*name).iter().any(|ours| ours == path))
    }

    /// Whether the file at `path` belongs to the NIC called `name`, written or generated.
    fn is_of(&self, path: &str, name: InterfaceName) -> bool {
        self.owner_of(path) == Some(name) || self.generated(name).iter().any(|generated| generated == path)
    }
}
