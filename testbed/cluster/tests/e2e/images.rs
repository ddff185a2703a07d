//! The images, built as a user builds them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use multinic_testbed::Node;
use multinic_testbed_cluster::Visit;

pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The most bytes that the archives may have.
const LIMITS: [(&str, u64); 2] = [("multinic-agent.tar", 10 << 20), ("multinic-operator.tar", 15 << 20)];

/// Both images of one version, as archives.
pub(crate) struct Images {
    /// The tag of both.
    pub(crate) tag: &'static str,
    directory: PathBuf,
    /// Held as long as this process may load the archives.
    _lock: File,
}

impl Images {
    /// The version that is checked out.
    pub(crate) fn current() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Images, String>> = OnceLock::new();
        once(&BUILT, || Self::build("0.1.0", None))
    }

    /// The same source as another version: its commit is another one.
    pub(crate) fn next() -> Result<&'static Self> {
        static BUILT: OnceLock<Result<Images, String>> = OnceLock::new();
        once(&BUILT, || Self::build("0.1.1", Some(NEXT_COMMIT)))
    }

    pub(crate) fn agent(&self) -> PathBuf {
        self.directory.join("multinic-agent.tar")
    }

    pub(crate) fn operator(&self) -> PathBuf {
        self.directory.join("multinic-operator.tar")
    }

    /// Puts both on the node.
    pub(crate) fn load(&self, node: &Node<'_>) -> Result<()> {
        node.load_image(&self.agent())?;
        node.load_image(&self.operator())
    }

    fn build(tag: &'static str, commit: Option<&str>) -> Result<Self> {
        let directory = Path::new(REPOSITORY).join("target/images").join(tag);
        fs::create_dir_all(&directory)?;
        let lock = File::create(directory.join(".lock"))?;
        lock.lock()?;
        let mut command = Command::new("scripts/images.sh");
        command
            .current_dir(REPOSITORY)
            .arg("--output")
            .arg(&directory)
            .env("IMAGE_TAG", tag)
            // Works in any container, and without a daemon.
            .envs([("BUILDER", "buildah"), ("BUILDAH_ISOLATION", "chroot"), ("STORAGE_DRIVER", "vfs")])
            .stdin(Stdio::null());
        if let Some(commit) = commit {
            command.env("MULTINIC_COMMIT", commit);
        }
        let output = command.output().context("cannot run scripts/images.sh")?;
        ensure!(output.status.success(), "images.sh failed:\n{}", String::from_utf8_lossy(&output.stderr));
        for (archive, limit) in LIMITS {
            let size = fs::metadata(directory.join(archive))?.len();
            ensure!(size <= limit, "{archive} has {size} bytes, more than {limit}");
        }
        Ok(Self { tag, directory, _lock: lock })
    }
}

/// The commit that the next version says it is from.
pub(crate) const NEXT_COMMIT: &str = "0123456789ab";

fn once<T>(
    cell: &'static OnceLock<Result<T, String>>,
    make: impl FnOnce() -> Result<T>,
) -> Result<&'static T> {
    cell.get_or_init(|| make().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow!("{error}"))
}
