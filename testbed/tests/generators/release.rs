//! One release's generator, with what it needs to run and nothing else.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result};
use multinic_testbed::{
    System,
    setup::{
        self,
        bare_root::BareRoot,
        system,
        unpacked::{self, Unpacked},
    },
};

/// Where generators lie that no distribution has any more, as `generate-VERSION`.
const OLD_GENERATORS: &str = "MULTINIC_NETPLAN_GENERATORS";
/// Where Debian 12, which those were built on, has its own.
const DEBIAN_12: &str = "/usr/libexec/netplan/generate";

pub(crate) struct Release {
    pub(crate) version: &'static str,
    /// Where the release has it on a host.
    place: &'static str,
    from: Source,
}

enum Source {
    /// The package of the hosts that have it.
    Package(&'static System),
    /// The folder that [`OLD_GENERATORS`] names: built for Debian 12.
    Folder,
    /// The package of a distribution's next release.
    Unpacked(&'static Unpacked),
}

pub(crate) const RELEASES: [Release; 6] = [
    old("0.99"),
    packaged("0.101", &system::BULLSEYE, "/lib/netplan/generate"),
    old("0.104"),
    packaged("0.106", &system::BOOKWORM, DEBIAN_12),
    packaged("1.1.2", &system::TRIXIE, "/usr/libexec/netplan/generate"),
    Release {
        version: "1.2.2",
        place: "/usr/libexec/netplan/configure",
        from: Source::Unpacked(&unpacked::NETPLAN_1_2),
    },
];

const fn old(version: &'static str) -> Release {
    Release { version, place: "/lib/netplan/generate", from: Source::Folder }
}

const fn packaged(version: &'static str, system: &'static System, place: &'static str) -> Release {
    Release { version, place, from: Source::Package(system) }
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
        match self.from {
            Source::Package(system) => BareRoot::of_program(&setup::ensure_system(system)?, self.place),
            Source::Folder => {
                let folder = PathBuf::from(env::var_os(OLD_GENERATORS).unwrap_or_default());
                let file = folder.join(format!("generate-{}", self.version));
                let program = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                let root = BareRoot::for_program(&setup::ensure_system(&system::BOOKWORM)?, DEBIAN_12)?;
                root.put_program(self.place, &program)?;
                Ok(root)
            }
            Source::Unpacked(packages) => BareRoot::copy_of(&packages.ensure()?),
        }
    }
}
