//! What people do to a machine: bring images to it, and get themselves in.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use multinic_testbed::Node;

use crate::input::text_file;

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

/// A node of a cluster, for those who come to it.
pub trait Visit {
    /// Imports all images of a `docker-archive`, for the kubelet to find.
    fn load_image(&self, archive: &Path) -> Result<()>;

    /// Lets `user`, who is made where there is none, log in with a public key; the line is as in `id_ed25519.pub`.
    fn authorize_ssh_key(&self, user: &str, key: &str) -> Result<()>;

    /// Lets `user`, who is made where there is none, log in with a password.
    fn set_password(&self, user: &str, password: &str) -> Result<()>;
}

impl Visit for Node<'_> {
    fn load_image(&self, archive: &Path) -> Result<()> {
        let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
        self.feed("ctr", &["--namespace", "k8s.io", "images", "import", "-"], file)
    }

    fn authorize_ssh_key(&self, user: &str, key: &str) -> Result<()> {
        self.exec(&["sh", "-ec", USER, "user", user])?;
        self.feed("sh", &["-ec", AUTHORIZE, "authorize", user], text_file(&format!("{}\n", key.trim()))?)
    }

    fn set_password(&self, user: &str, password: &str) -> Result<()> {
        self.exec(&["sh", "-ec", USER, "user", user])?;
        self.feed("chpasswd", &[], text_file(&format!("{user}:{password}\n"))?)
    }
}
