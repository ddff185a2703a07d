//! The figures that multinic is held to, measured on real parts and release builds.

mod agent;
mod fleet;
mod nics;
mod output;
mod page;
mod peers;

use anyhow::{Result, bail};
use multinic_testbed::{Kind, Testbed, setup, use_release_binaries};

/// Only the comparison with other ways to configure a NIC.
const PEERS_ONLY: &str = "--peers";
/// Write its figures into the docs as well.
const WRITE_DOCS: &str = "--docs";

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let Some(unknown) =
        arguments.iter().find(|argument| ![PEERS_ONLY, WRITE_DOCS].contains(&argument.as_str()))
    {
        bail!("unknown argument {unknown}: there are {PEERS_ONLY} and {WRITE_DOCS}");
    }
    let told = |option: &str| arguments.iter().any(|argument| argument == option);
    use_release_binaries();
    // Testbeds have no way out, so what they need is made before the first.
    setup::ensure()?;
    let image = peers::image()?;
    Testbed::run(async |bed: &Testbed| {
        let comparison = peers::compare(bed, &image).await?;
        page::show(&comparison)?;
        if told(WRITE_DOCS) { page::write(&comparison) } else { Ok(()) }
    })?;
    if told(PEERS_ONLY) {
        return Ok(());
    }
    Testbed::run(agent::agent)?;
    Testbed::run(async |bed: &Testbed| agent::plugs(bed, Kind::Full, "with udev").await)?;
    Testbed::run(async |bed: &Testbed| agent::plugs(bed, Kind::Light, "without udev").await)?;
    Testbed::run(fleet::operator)
}
