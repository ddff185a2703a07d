//! What people do to a machine: bring images to it, and get themselves in.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Node;
use crate::sandbox::process::text_file;

/// Makes the user `$1` where there is none, who may do everything without being asked, as on a cloud's machines.
const USER: &str = r#"
id "$1" > /dev/null 2>&1 && exit
useradd --create-home --shell /bin/bash "$1"
echo "$1 ALL=(ALL) NOPASSWD: ALL" > "/etc/sudoers.d/$1"
"#;

/// Adds the line on standard input to what the user `$1` may log in with.
const AUTHORIZE: &str = r#"
home=$(getent passwd "$1" | cut -d : -f 6)
install --directory --mode 700 --owner "$1" --group "$1" "$home/.ssh"
cat >> "$home/.ssh/authorized_keys"
chown "$1:$1" "$home/.ssh/authorized_keys"
"#;

impl Node<'_> {
    /// Imports all images of a `docker-archive`, for the kubelet to find.
    pub fn load_image(&self, archive: &Path) -> Result<()> {
        let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
        self.feed("ctr", &["--namespace", "k8s.io", "images", "import", "-"], file)
    }

    /// Lets `user`, who is made where there is none, log in with a public key; the line is as in `id_ed25519.pub`.
    pub fn authorize_ssh_key(&self, user: &str, key: &str) -> Result<()> {
        self.exec(&["sh", "-ec", USER, "user", user])?;
        self.feed("sh", &["-ec", AUTHORIZE, "authorize", user], text_file(&format!("{}\n", key.trim()))?)
    }

    /// Lets `user`, who is made where there is none, log in with a password.
    pub fn set_password(&self, user: &str, password: &str) -> Result<()> {
        self.exec(&["sh", "-ec", USER, "user", user])?;
        self.feed("chpasswd", &[], text_file(&format!("{user}:{password}\n"))?)
    }

    /// Puts ifupdown's reader of its files on the node.
    pub fn add_ifquery(&self) -> Result<()> {
        let to = self.host_root()?.join("usr/sbin/ifquery");
        fs::copy(&self.bed.assets().ifquery, &to)
            .with_context(|| format!("cannot write {}", to.display()))?;
        Ok(())
    }

    /// Runs a program that reads `input`.
    fn feed(&self, program: &str, arguments: &[&str], input: File) -> Result<()> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(input).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = self.machine()?.spawner.spawn(command)?.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{program} failed on {}, {}: {}",
            self.name(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }
}
