//! The mariadbd process.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::unistd::User;

use crate::parts::authority::Credentials;
use crate::sandbox::fabric::GATEWAY;
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;

/// The database that has the tables.
pub const DATABASE: &str = "multinic";

/// Unprivileged and on every machine, also where the package that would make a user of its own is not installed.
const USER: &str = "nobody";
/// Temporary tables are named after the process id, which is the same in every testbed: in a shared directory, two
/// servers crash over one file.
const TEMPORARY_FILES: &str = "TMPDIR";
const CERTIFICATE: &str = "server.crt";
const KEY: &str = "server.key";

pub(super) fn socket(directory: &Path) -> PathBuf {
    directory.join("socket")
}

/// Makes an empty server that knows `root`, without a password, over its socket.
pub(super) fn initialise(bed: &Testbed, directory: &Path) -> Result<()> {
    let user = User::from_name(USER)?.with_context(|| format!("there is no user {USER}"))?;
    chown(directory, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    let data = directory.join("data");
    fs::create_dir(&data)?;
    chown(&data, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;

    let mut command = Command::new("mariadb-install-db");
    command
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .args(["--skip-name-resolve", "--innodb-log-file-size=8M"])
        .arg(format!("--user={USER}"))
        .arg(format!("--datadir={}", data.display()))
        .env(TEMPORARY_FILES, directory);
    let output = bed.spawner()?.output(command)?;
    ensure!(
        output.status.success(),
        "mariadb-install-db failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    fs::write(directory.join("init.sql"), format!("CREATE DATABASE IF NOT EXISTS {DATABASE};\n"))?;
    Ok(())
}

/// Gives the server a certificate, which it offers from its next start on.
pub(super) fn certify(directory: &Path, credentials: &Credentials) -> Result<()> {
    let user = User::from_name(USER)?.with_context(|| format!("there is no user {USER}"))?;
    for (name, text) in [(CERTIFICATE, &credentials.certificate), (KEY, &credentials.key)] {
        let path = directory.join(name);
        fs::write(&path, text)?;
        chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    Ok(())
}

/// Starts it with `options` beside, or instead of, the testbed's own.
pub(super) fn start(bed: &Testbed, directory: &Path, options: &[String]) -> Result<Process> {
    let mut command = Command::new("mariadbd");
    command
        .args(["--no-defaults", "--skip-name-resolve", "--innodb-log-file-size=8M"])
        // Its data need not survive the machine.
        .args(["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"])
        // Counts statements by user, so that the operator's can be told from a story's own.
        .arg("--userstat=1")
        // Times in rows are the same wherever it runs.
        .arg("--default-time-zone=+00:00")
        .arg(format!("--user={USER}"))
        .arg(format!("--bind-address={GATEWAY}"))
        .arg(format!("--datadir={}", directory.join("data").display()))
        .arg(format!("--socket={}", socket(directory).display()))
        .arg(format!("--pid-file={}", directory.join("pid").display()))
        .arg(format!("--init-file={}", directory.join("init.sql").display()))
        .args(options)
        .env(TEMPORARY_FILES, directory);
    if directory.join(CERTIFICATE).exists() {
        command
            .arg(format!("--ssl-cert={}", directory.join(CERTIFICATE).display()))
            .arg(format!("--ssl-key={}", directory.join(KEY).display()));
    }
    bed.start("mariadbd", command)
}
