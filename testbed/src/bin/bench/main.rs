//! The figures that multinic is held to, measured on real parts and release builds.

mod agent;
mod faults;
mod fleet;
mod nics;
mod output;
mod page;
mod peers;
mod row;

use anyhow::{Result, bail};
use multinic_testbed::{Kind, Testbed, setup, use_release_binaries};
use page::Section;

/// Only the comparison with other ways to configure a NIC that is plugged in.
const PEERS_ONLY: &str = "--peers";
/// Only the comparison of what comes of NICs that are configured.
const FAULTS_ONLY: &str = "--faults";
/// Only what the operator costs.
const FLEET_ONLY: &str = "--fleet";
/// Write the figures into the docs as well.
const WRITE_DOCS: &str = "--docs";
/// Measure the debug build, which is there sooner: for work on the bench itself.
const DEBUG: &str = "--debug";
const OPTIONS: [&str; 5] = [PEERS_ONLY, FAULTS_ONLY, FLEET_ONLY, WRITE_DOCS, DEBUG];

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let Some(unknown) = arguments.iter().find(|argument| !OPTIONS.contains(&argument.as_str())) {
        bail!("unknown argument {unknown}: there are {}", OPTIONS.join(", "));
    }
    let told = |option: &str| arguments.iter().any(|argument| argument == option);
    let all = ![PEERS_ONLY, FAULTS_ONLY, FLEET_ONLY].into_iter().any(told);
    let build = if told(DEBUG) { "debug" } else { "release" };
    if !told(DEBUG) {
        use_release_binaries();
    }
    // Testbeds have no way out, so what they need is made before the first.
    setup::ensure()?;
    let tell = |section: Section| {
        section.show()?;
        if told(WRITE_DOCS) { section.write() } else { Ok(()) }
    };
    if all || told(PEERS_ONLY) {
        let image = peers::image()?;
        Testbed::run(async |bed: &Testbed| tell(peers::compare(bed, &image, build).await?.into()))?;
    }
    if all || told(FAULTS_ONLY) {
        Testbed::run(async |bed: &Testbed| {
            let (restarts, boots) = faults::faults(bed, build).await?;
            tell(restarts.into())?;
            tell(boots.into())
        })?;
    }
    if all {
        Testbed::run(agent::agent)?;
        Testbed::run(async |bed: &Testbed| agent::plugs(bed, Kind::Full, "with udev").await)?;
        Testbed::run(async |bed: &Testbed| agent::plugs(bed, Kind::Light, "without udev").await)?;
    }
    if all || told(FLEET_ONLY) {
        Testbed::run(async |bed: &Testbed| tell(fleet::fleet(bed).await?.into()))?;
        Testbed::run(async |bed: &Testbed| row::row_to_nic(bed).await)?;
    }
    Ok(())
}
