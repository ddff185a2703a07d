//! netplan, rendering for systemd-networkd.

mod file;
pub mod next_boot;

use ipnet::IpNet;
use multinic_crds::{Explanation, Interface, InterfaceName, Reason};

use super::{Backend, Place};
use crate::parse::bootfile::BootFile;

pub use file::{generated, ids, name, path};

/// Where netplan reads from; a file in a later one hides its namesake in an earlier one.
const PLACES: [Place; 3] = [place("/lib/netplan"), place("/etc/netplan"), place("/run/netplan")];

const fn place(directory: &'static str) -> Place {
    Place { directory, ending: ".yaml", private: true }
}

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

    fn paths(&self, name: InterfaceName) -> Vec<String> {
        vec![path(&name.to_string())]
    }

    fn addresses(&self, text: &str) -> Vec<IpNet> {
        file::addresses(text)
    }

    fn places(&self) -> &'static [Place] {
        &PLACES
    }

    fn generated(&self, name: InterfaceName) -> Vec<String> {
        generated(&name.to_string()).into()
    }

    fn generated_in(&self) -> &'static [&'static str] {
        &["/run/systemd/network", "/run/udev/rules.d"]
    }
}
