//! wicked, of SUSE Linux Enterprise 15 and Leap 15: for each NIC a file with what it is given, one with its sysctls, and a
//! udev rule with its name.

mod file;
pub mod next_boot;
mod shown;

use ipnet::IpNet;
use multinic_crds::{Explanation, Interface, InterfaceName};

use super::{Backend, Memory, Place};
use crate::parse::bootfile::{BootFile, seal};

/// Where wicked reads from.
pub const DIRECTORY: &str = "/etc/sysconfig/network";
/// Where administrators put rules for udev.
const RULES: &str = "/etc/udev/rules.d";
/// The same, for reading all of it.
pub const CONFIGURATION: Place = Place { directory: DIRECTORY, ending: "", private: true };
const PLACES: [Place; 2] = [CONFIGURATION, Place { directory: RULES, ending: ".rules", private: false }];

/// wicked's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wicked;

impl Backend for Wicked {
    fn name(&self) -> &'static str {
        "wicked"
    }

    fn render(&self, nic: &Interface) -> Result<Vec<BootFile>, Explanation> {
        let texts =
            [Some(file::ifsysctl(nic)), file::ifroute(nic), Some(file::ifcfg(nic)), Some(file::rule(nic))];
        let files = self.paths(nic.name).into_iter().zip(texts);
        let sealed = |(path, text): (String, Option<String>)| {
            Some(BootFile { path, text: seal(nic.mac_address, &text?) })
        };
        Ok(files.filter_map(sealed).collect())
    }

    fn paths(&self, name: InterfaceName) -> Vec<String> {
        // In the order in which they are written: a boot in between must not take router advertisements.
        vec![
            format!("{DIRECTORY}/ifsysctl-{name}"),
            format!("{DIRECTORY}/ifroute-{name}"),
            format!("{DIRECTORY}/ifcfg-{name}"),
            format!("{RULES}/90-multinic-{name}.rules"),
        ]
    }

    fn addresses(&self, text: &str) -> Vec<IpNet> {
        let values = text.lines().filter_map(|line| line.strip_prefix("IPADDR_")?.split_once('='));
        values.filter_map(|(_, value)| value.trim_matches('\'').parse().ok()).collect()
    }

    fn places(&self) -> &'static [Place] {
        &PLACES
    }

    fn memory(&self) -> Memory {
        Memory::OfNames
    }
}
