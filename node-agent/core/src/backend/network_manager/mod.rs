//! `NetworkManager`, of the Red Hat family from 9 on, SLES 16 and Leap 16: for each NIC a connection, and a `.link` file, by
//! which udev names it.

mod file;
pub mod next_boot;
mod read;
mod routes;

use ipnet::IpNet;
use multinic_crds::{Explanation, Interface, InterfaceName};

use super::{
    Backend, Memory, Place,
    networkd::{self, LINKS},
};
use crate::parse::bootfile::{BootFile, seal};

/// Where connections lie. Others than root's, and such as others may read, are refused there.
pub const CONNECTIONS: &str = "/etc/NetworkManager/system-connections";
const PLACES: [Place; 2] = [Place { directory: CONNECTIONS, ending: ".nmconnection", private: true }, LINKS];

/// `NetworkManager`'s files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkManager;

impl Backend for NetworkManager {
    fn name(&self) -> &'static str {
        "NetworkManager"
    }

    fn render(&self, nic: &Interface) -> Result<Vec<BootFile>, Explanation> {
        let texts = [networkd::link_text(nic), file::connection(nic)];
        let files = self.paths(nic.name).into_iter().zip(texts);
        Ok(files.map(|(path, text)| BootFile { path, text: seal(nic.mac_address, &text) }).collect())
    }

    fn paths(&self, name: InterfaceName) -> Vec<String> {
        vec![networkd::link(name), connection(name)]
    }

    fn addresses(&self, text: &str) -> Vec<IpNet> {
        let values = text.lines().filter_map(|line| line.strip_prefix("address")?.split_once('='));
        values.filter_map(|(_, value)| value.parse().ok()).collect()
    }

    fn places(&self) -> &'static [Place] {
        &PLACES
    }

    fn memory(&self) -> Memory {
        Memory::OfLinks
    }
}

/// Where the connection of the NIC called `name` lies.
#[must_use]
pub fn connection(name: InterfaceName) -> String {
    format!("{CONNECTIONS}/{name}.nmconnection")
}
