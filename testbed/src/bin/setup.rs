//! Installs and builds what the testbed needs; `make test` and `make e2e` start with it.

use std::io::{Write, stdout};

use anyhow::{Result, bail};
use multinic_testbed::setup;

fn main() -> Result<()> {
    if let Some(argument) = std::env::args().nth(1) {
        bail!("unknown argument {argument}: there are none");
    }
    if let Some(obstacle) = setup::obstacle() {
        bail!("the testbed cannot run here: {obstacle}");
    }
    let assets = setup::ensure()?;
    writeln!(stdout(), "control plane: {}", assets.control_plane.display())?;
    writeln!(stdout(), "node image:    {}", assets.node_image.display())?;
    for system in setup::SYSTEMS.into_iter().chain([&setup::system::WICKED_THEN_NETWORK_MANAGER]) {
        if let Some(obstacle) = system.obstacle() {
            writeln!(stdout(), "{:<28}skipped: {obstacle}", format!("{}:", system.name))?;
            continue;
        }
        writeln!(stdout(), "{:<28}{}", format!("{}:", system.name), setup::ensure_system(system)?.display())?;
    }
    writeln!(stdout(), "prometheus:    {}", setup::prometheus::ensure()?.display())?;
    match setup::browser_obstacle() {
        Some(obstacle) => writeln!(stdout(), "Chromium:      skipped: {obstacle}")?,
        None => writeln!(stdout(), "Chromium:      {}", setup::unpacked::CHROMIUM.ensure()?.display())?,
    }
    writeln!(stdout(), "netplan 1.2:   {}", setup::unpacked::NETPLAN_1_2.ensure()?.display())?;
    Ok(())
}
