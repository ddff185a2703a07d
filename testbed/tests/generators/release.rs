//! One release's generator, with what it needs to run and nothing else.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result};
use multinic_testbed::{
    System,
    setup::{
        self,
        bare_root::{self, BareRoot},
        system,
    },
};

/// Where generators lie that no distribution has any more, as `generate-VERSION`.
const OLD_GENERATORS: &str = "MULTINIC_NETPLAN_GENERATORS";
/// Where Debian 12, which those were built on, has its own.
const DEBIAN_12: &str = "/usr/libexec/netplan/generate";

pub(crate) struct Release {
    pub(crate) version: &'static str,
    /// The hosts that have it, or on which it was built.
    system: &'static System,
    /// Where the release has it on a host.
    place: &'static str,
    from: Source,
}

enum Source {
    /// The distribution's own package.
    Package,
    /// The folder that [`OLD_GENERATORS`] names.
    Folder,
}

pub(crate) const RELEASES: [Release; 5] = [
    old("0.99"),
    packaged("0.101", &system::BULLSEYE, "/lib/netplan/generate"),
    old("0.104"),
    packaged("0.106", &system::BOOKWORM, DEBIAN_12),
    packaged("1.1.2", &system::TRIXIE, "/usr/libexec/netplan/generate"),
];

/// Built for Debian 12.
const fn old(version: &'static str) -> Release {
    Release { version, system: &system::BOOKWORM, place: "/lib/netplan/generate", from: Source::Folder }
}

const fn packaged(version: &'static str, system: &'static System, place: &'static str) -> Release {
    Release { version, system, place, from: Source::Package }
}

impl Release {
    /// Why this generator is not here.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let missing = matches!(self.from, Source::Folder) && env::var_os(OLD_GENERATORS).is_none();
        missing.then(|| {
            format!(
                "{OLD_GENERATORS} is not set: the folder with generate-{}, which no distribution has any more",
                self.version
            )
        })
    }

    /// A root that only the generator can run in.
    pub(crate) fn root(&self) -> Result<BareRoot> {
        let image = setup::ensure_system(self.system)?;
        let packaged = match self.from {
            Source::Package => self.place,
            Source::Folder => DEBIAN_12,
        };
        let root = BareRoot::for_program(&image, packaged)?;
        let program = match self.from {
            Source::Package => bare_root::read(&image, self.place)?,
            Source::Folder => {
                let folder = PathBuf::from(env::var_os(OLD_GENERATORS).unwrap_or_default());
                let file = folder.join(format!("generate-{}", self.version));
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?
            }
        };
        root.put_program(self.place, &program)?;
        Ok(root)
    }
}
