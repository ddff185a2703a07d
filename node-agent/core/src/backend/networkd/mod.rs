//! systemd-networkd without netplan: for each NIC a `.link` file, by which udev names it, and a `.network` file.

mod file;
mod first;

use ipnet::IpNet;
use multinic_crds::{Explanation, Interface, InterfaceName};

use super::{Backend, Place};
use crate::parse::bootfile::{BootFile, seal};

pub(super) use file::link as link_text;
pub use first::unfit;

/// Where administrators put files for udev and networkd.
const DIRECTORY: &str = "/etc/systemd/network";
/// Where udev's files lie.
pub(super) const LINKS: Place = place(".link");
const PLACES: [Place; 2] = [LINKS, place(".network")];

const fn place(ending: &'static str) -> Place {
    // networkd reads them as a user of its own.
    Place { directory: DIRECTORY, ending, private: false }
}

/// networkd's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Networkd;

impl Backend for Networkd {
    fn name(&self) -> &'static str {
        "networkd"
    }

    fn render(&self, nic: &Interface) -> Result<Vec<BootFile>, Explanation> {
        Ok(vec![
            BootFile { path: link(nic.name), text: seal(nic.mac_address, &link_text(nic)) },
            BootFile { path: network(nic.name), text: seal(nic.mac_address, &file::network(nic)) },
        ])
    }

    fn paths(&self, name: InterfaceName) -> Vec<String> {
        vec![link(name), network(name)]
    }

    fn addresses(&self, text: &str) -> Vec<IpNet> {
        text.lines().filter_map(|line| line.strip_prefix("Address=")?.parse().ok()).collect()
    }

    fn places(&self) -> &'static [Place] {
        &PLACES
    }
}

// Of all files that match a link, udev and networkd take the first.
pub(super) fn link(name: InterfaceName) -> String {
    format!("{DIRECTORY}/00-multinic-{name}.link")
}

fn network(name: InterfaceName) -> String {
    format!("{DIRECTORY}/00-multinic-{name}.network")
}
