//! The figures that multinic is held to, measured on real parts and release builds.

mod agent;
mod fleet;
mod nics;
mod output;
mod page;
mod peers;
mod row;

use anyhow::{Result, bail};
use multinic_testbed::{Kind, Testbed, setup, use_release_binaries};

/// Only the comparison with other ways to configure a NIC.
const PEERS_ONLY: &str = "--peers";
/// Only what the operator costs.
const FLEET_ONLY: &str = "--fleet";
/// Write its figures into the docs as well.
const WRITE_DOCS: &str = "--docs";

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let known = [PEERS_ONLY, FLEET_ONLY, WRITE_DOCS];
    if let Some(unknown) = arguments.iter().find(|argument| !known.contains(&argument.as_str())) {
        bail!("unknown argument {unknown}: there are {}", known.join(", "));
    }
    let told = |option: &str| arguments.iter().any(|argument| argument == option);
    use_release_binaries();
    // Testbeds have no way out, so what they need is made before the first.
    setup::ensure()?;
    if !told(FLEET_ONLY) {
        let image = peers::image()?;
        Testbed::run(async |bed: &Testbed| {
            let comparison = peers::compare(bed, &image).await?;
            page::show(&comparison)?;
            if told(WRITE_DOCS) { page::write(&comparison) } else { Ok(()) }
        })?;
    }
    if told(PEERS_ONLY) {
        return Ok(());
    }
    if !told(FLEET_ONLY) {
        Testbed::run(agent::agent)?;
        Testbed::run(async |bed: &Testbed| agent::plugs(bed, Kind::Full, "with udev").await)?;
        Testbed::run(async |bed: &Testbed| agent::plugs(bed, Kind::Light, "without udev").await)?;
    }
    Testbed::run(async |bed: &Testbed| {
        let figures = fleet::fleet(bed).await?;
        if told(WRITE_DOCS) { page::write_fleet(&figures) } else { Ok(()) }
    })?;
    Testbed::run(async |bed: &Testbed| row::row_to_nic(bed).await)
}
