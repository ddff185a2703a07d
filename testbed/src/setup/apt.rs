//! Where this host gets its packages from, so that its nodes get the same ones from the same place.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The release that this host runs, such as `bookworm`.
pub(super) fn codename() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"').to_owned())
        .context("/etc/os-release has no VERSION_CODENAME: nodes need a Debian or Ubuntu host")
}

/// The distribution's own package sources as apt on this host has them, in the form of sources.list lines. For another
/// release of it than the host's, they are where the host's own are.
pub(super) fn sources(release: &str) -> Result<Vec<String>> {
    let own = codename()?;
    let lines = listed(&own)?;
    if release == own {
        return Ok(lines);
    }
    // Not every release has every pocket.
    let main = lines.iter().filter(|line| line.split(' ').rev().nth(1) == Some(own.as_str()));
    let others: Vec<_> = main.map(|line| line.replace(&own, release)).collect();
    ensure!(!others.is_empty(), "apt knows no package list of {own} to find that of {release} by");
    Ok(others)
}

/// What apt has of the host's own release.
fn listed(codename: &str) -> Result<Vec<String>> {
    const FORMAT: &str = "$(ORIGIN)|$(CODENAME)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)|$(SIGNED_BY)";
    let listed = Command::new("apt-get")
        .args(["indextargets", "--format", FORMAT, "Created-By: Packages"])
        .output()
        .context("cannot run apt-get: nodes need a Debian or Ubuntu host")?;
    ensure!(
        listed.status.success(),
        "apt-get indextargets failed: {}",
        String::from_utf8_lossy(&listed.stderr).trim()
    );
    let mut lines: Vec<_> =
        String::from_utf8(listed.stdout)?.lines().filter_map(|target| source(codename, target)).collect();
    lines.sort();
    lines.dedup();
    if lines.is_empty() {
        bail!("apt knows no package list of {codename}: run apt-get update");
    }
    Ok(lines)
}

/// One package list as a sources.list line, unless it is of another origin or release.
fn source(codename: &str, target: &str) -> Option<String> {
    let fields: Vec<_> = target.split('|').collect();
    let [origin, name, release, component, uri, signed_by] = fields[..] else { return None };
    let pocket = name.strip_prefix(codename)?;
    let ours = matches!(origin, "Debian" | "Ubuntu") && matches!(pocket, "" | "-updates" | "-security");
    // apt leaves the placeholder where the source names no key; then its own trusted keys apply.
    let key = if signed_by.starts_with('/') { format!(" [signed-by={signed_by}]") } else { String::new() };
    ours.then(|| format!("deb{key} {uri} {release} {component}"))
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn only_the_distributions_own_lists_of_this_release_are_taken() {
        let target = |origin, codename| {
            format!("{origin}|{codename}|{codename}|main|http://mirror/debian/|$(SIGNED_BY)")
        };
        assert_eq!(
            source("bookworm", &target("Debian", "bookworm-security")),
            Some("deb http://mirror/debian/ bookworm-security main".to_owned())
        );
        assert_eq!(source("bookworm", &target("Debian", "trixie")), None);
        assert_eq!(source("bookworm", &target("Somebody", "bookworm")), None);
        assert_eq!(source("bookworm", &target("Debian", "bookworm-backports")), None);
    }

    #[test]
    fn a_named_key_goes_along() {
        assert_eq!(
            source(
                "noble",
                "Ubuntu|noble|noble|universe|http://mirror/ubuntu/|/usr/share/keyrings/ubuntu.gpg"
            ),
            Some(
                "deb [signed-by=/usr/share/keyrings/ubuntu.gpg] http://mirror/ubuntu/ noble universe"
                    .to_owned()
            )
        );
    }
}
