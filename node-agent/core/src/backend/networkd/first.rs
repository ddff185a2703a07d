//! Whether somebody else's `.link` file would name a NIC before ours does: udev takes the first that matches.

use multinic_crds::{Explanation, InterfaceName, MacAddress, Reason};

use super::link;
use crate::{observed::link::Link, parse::foreign::Definition};

/// Why the NIC with the address `mac` would not be called `name` at the next boot, where `links` are the files of others.
#[must_use]
pub fn unfit(mac: MacAddress, name: InterfaceName, links: &[Definition]) -> Option<Explanation> {
    let ours = link(name);
    let nic = Link::physical(0, &name.to_string(), mac);
    let mut earlier = links.iter().filter(|definition| file_name(&definition.source) < file_name(&ours));
    let first = earlier.find(|definition| definition.covers(&nic))?;
    let message = format!(
        "{} may name the NIC at the next boot, since udev takes the first file that matches; have it match other links \
         only, or rename it so that it sorts after {}",
        first.describe(),
        file_name(&ours)
    );
    Some(Explanation::new(Reason::ForeignConfiguration, message))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        parse::foreign::{SourceFile, udev_link},
        testing::mac,
    };

    #[test]
    fn the_first_file_that_may_match_names_the_nic() {
        for (path, text, is_unfit) in [
            (
                "/etc/systemd/network/00-a.link",
                "[Match]\nMACAddress=fa:16:3e:00:00:01\n[Link]\nName=x\n",
                true,
            ),
            (
                "/etc/systemd/network/00-a.link",
                "[Match]\nMACAddress=fa:16:3e:00:00:02\n[Link]\nName=x\n",
                false,
            ),
            ("/etc/systemd/network/00-a.link", "[Match]\nOriginalName=eth7\n[Link]\nName=x\n", true),
            ("/etc/systemd/network/00-a.link", "[Match]\nPath=pci-0000:00:03.0\n[Link]\nName=x\n", true),
            ("/etc/systemd/network/00-a.link", "[Match]\nType=wlan\n[Link]\nName=x\n", false),
            ("/etc/systemd/network/00-a.link", "", false),
            (
                "/etc/systemd/network/10-a.link",
                "[Match]\nMACAddress=fa:16:3e:00:00:01\n[Link]\nName=x\n",
                false,
            ),
            ("/usr/lib/systemd/network/99-default.link", "[Match]\nOriginalName=*\n", false),
        ] {
            let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
            let links: Vec<_> = udev_link(&file, &[]).into_iter().collect();
            let found = unfit(mac("fa:16:3e:00:00:01"), "multinic0".parse().unwrap(), &links);
            assert_eq!(found.is_some(), is_unfit, "{path} {text}");
        }
    }
}
