//! The host's own packages.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::progress::Progress;

/// A command that the testbed runs, and the package it is in (an apt pattern, since Ubuntu 22.04 versions the name).
#[derive(Debug)]
pub struct Tool {
    /// The command's name.
    pub command: &'static str,
    /// The package, for `apt-get install`.
    pub package: &'static str,
}

/// What every testbed needs.
pub(super) const TESTBED: &[Tool] = &[
    Tool { command: "ip", package: "iproute2" },
    Tool { command: "iptables", package: "iptables" },
    Tool { command: "ping", package: "iputils-ping" },
    Tool { command: "setpriv", package: "util-linux" },
    Tool { command: "systemd-nspawn", package: "systemd-container" },
    Tool { command: "mmdebstrap", package: "mmdebstrap" },
    Tool { command: "patchelf", package: "patchelf" },
    Tool { command: "radvd", package: "radvd" },
    Tool { command: "dnsmasq", package: "dnsmasq-base" },
    // Only the server's binaries: the full package would also start a database of its own.
    Tool { command: "mariadbd", package: r"^mariadb-server-core(-10\.[0-9]+)?$" },
    Tool { command: "my_print_defaults", package: r"^mariadb-client-core(-10\.[0-9]+)?$" },
];

/// Installs what is missing, where that is possible; otherwise says what to install.
pub fn ensure(tools: &[Tool]) -> Result<()> {
    let missing: Vec<_> = tools.iter().filter(|tool| !is_installed(tool.command)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    if !nix::unistd::geteuid().is_root() || !is_installed("apt-get") {
        let commands: Vec<_> = missing.iter().map(|tool| tool.command).collect();
        bail!(
            "missing commands: {}; install the packages that have them (Debian and Ubuntu: {})",
            commands.join(", "),
            packages.join(" ")
        );
    }

    let mut progress = Progress::start("host packages");
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet");
        command
    };
    // Installing from stale lists fails for packages that were updated meanwhile.
    progress.run(apt().arg("update"), |line| Some(line.to_owned()))?;
    progress.run(apt().args(["install", "--yes", "--no-install-recommends"]).args(&packages), |line| {
        Some(line.to_owned())
    })?;
    progress.finish();
    Ok(())
}

pub(super) fn is_installed(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // The administrators' directories are not in everybody's PATH, root's included when it came by `su`.
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|directory| Path::new(&directory).join(command).is_file())
}
