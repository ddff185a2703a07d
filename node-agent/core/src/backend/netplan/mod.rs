//! netplan, rendering for systemd-networkd.

mod file;
pub mod next_boot;

use ipnet::IpNet;
use multinic_crds::{Explanation, Interface, InterfaceName, Reason};

use super::Backend;
use crate::parse::bootfile::BootFile;

pub use file::{DIRECTORY, generated, ids, name, path};

/// netplan's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Netplan;

impl Backend for Netplan {
    fn name(&self) -> &'static str {
        "netplan"
    }

    fn render(&self, nic: &Interface) -> Result<Vec<BootFile>, Explanation> {
        let rendered = file::render(nic).map(|file| vec![file]);
        rendered.map_err(|error| Explanation::new(Reason::InvalidBootConfig, error.to_string()))
    }

    fn owner_of(&self, path: &str) -> Option<InterfaceName> {
        name(path)?.parse().ok()
    }

    fn generated(&self, name: InterfaceName) -> Vec<String> {
        generated(&name.to_string()).into()
    }

    fn addresses(&self, text: &str) -> Vec<IpNet> {
        file::addresses(text)
    }
}
