//! One release's generator, with what it needs to run and nothing else.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use multinic_testbed::{
    System,
    setup::{self, system},
};
use tempfile::TempDir;

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

/// A root that only the generator can run in, and what it is made of.
pub(crate) struct Root(TempDir);

impl Root {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
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

    pub(crate) fn root(&self) -> Result<Root> {
        let image = setup::ensure_system(self.system)?;
        let root = tempfile::tempdir()?;
        let packaged = match self.from {
            Source::Package => self.place,
            Source::Folder => DEBIAN_12,
        };
        for library in libraries(&image, packaged)? {
            place(root.path(), &library, &read(&image, &library)?)?;
        }
        let program = match self.from {
            Source::Package => read(&image, self.place)?,
            Source::Folder => {
                let folder = PathBuf::from(env::var_os(OLD_GENERATORS).unwrap_or_default());
                let file = folder.join(format!("generate-{}", self.version));
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?
            }
        };
        place(root.path(), self.place, &program)?;
        Ok(Root(root))
    }
}

/// The loader and the libraries of a program, by their paths in the image.
fn libraries(image: &Path, program: &str) -> Result<Vec<String>> {
    let listed = Command::new("chroot").arg(image).args(["ldd", program]).output()?;
    ensure!(listed.status.success(), "ldd {program}: {}", String::from_utf8_lossy(&listed.stderr).trim());
    let text = String::from_utf8(listed.stdout)?;
    Ok(text.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect())
}

/// The bytes of a file as the image itself finds it, links followed.
fn read(image: &Path, path: &str) -> Result<Vec<u8>> {
    let read = Command::new("chroot").arg(image).args(["cat", path]).output()?;
    ensure!(read.status.success(), "cat {path}: {}", String::from_utf8_lossy(&read.stderr).trim());
    Ok(read.stdout)
}

fn place(root: &Path, path: &str, program: &[u8]) -> Result<()> {
    let to = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(to.parent().context("a file's directory")?)?;
    fs::write(&to, program)?;
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
