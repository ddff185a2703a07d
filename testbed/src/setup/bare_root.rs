//! A root file system for one program of a host: what it needs to run, and nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// The root, until it is dropped.
#[derive(Debug)]
pub struct BareRoot(TempDir);

impl BareRoot {
    /// The root in which `program` of `image` can run; the program itself is not there yet.
    pub fn for_program(image: &Path, program: &str) -> Result<Self> {
        let root = Self(tempfile::tempdir()?);
        for library in libraries(image, program)? {
            root.put_program(&library, &read(image, &library)?)?;
        }
        Ok(root)
    }

    /// The same, with the program.
    pub fn of_program(image: &Path, program: &str) -> Result<Self> {
        let root = Self::for_program(image, program)?;
        root.put_program(program, &read(image, program)?)?;
        Ok(root)
    }

    /// All of `directory`, which somebody [unpacked](super::unpacked).
    pub fn copy_of(directory: &Path) -> Result<Self> {
        let root = Self(tempfile::tempdir()?);
        let copied = Command::new("cp").arg("-a").arg(directory.join(".")).arg(root.path()).output()?;
        ensure!(copied.status.success(), "cp: {}", String::from_utf8_lossy(&copied.stderr).trim());
        Ok(root)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts a program there, at `path` in it.
    pub fn put_program(&self, path: &str, program: &[u8]) -> Result<()> {
        let to = self.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(to.parent().context("a file's directory")?)?;
        fs::write(&to, program)?;
        fs::set_permissions(&to, Permissions::from_mode(0o755))?;
        Ok(())
    }

    /// A program in it, to be run without any environment.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("/usr/sbin/chroot");
        command.env_clear().arg(self.path()).arg(program);
        command
    }
}

/// The bytes of a file as the image itself finds it, links followed.
fn read(image: &Path, path: &str) -> Result<Vec<u8>> {
    let read = Command::new("chroot").arg(image).args(["cat", path]).output()?;
    ensure!(read.status.success(), "cat {path}: {}", String::from_utf8_lossy(&read.stderr).trim());
    Ok(read.stdout)
}

/// The loader and the libraries of a program, by their paths in the image.
fn libraries(image: &Path, program: &str) -> Result<Vec<String>> {
    let listed = Command::new("chroot").arg(image).args(["ldd", program]).output()?;
    ensure!(listed.status.success(), "ldd {program}: {}", String::from_utf8_lossy(&listed.stderr).trim());
    let text = String::from_utf8(listed.stdout)?;
    Ok(text.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect())
}
