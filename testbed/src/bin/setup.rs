//! Installs and builds what the testbed needs; `make test` and `make demo` start with it. With `--cluster` also what
//! a cluster with pods needs.

use std::io::{Write, stdout};

use anyhow::{Result, bail};
use multinic_testbed::setup;

fn main() -> Result<()> {
    let cluster = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--cluster") => true,
        Some(other) => bail!("unknown argument {other}: the only one is --cluster"),
    };
    if let Some(obstacle) = setup::obstacle() {
        bail!("the testbed cannot run here: {obstacle}");
    }
    let assets = setup::ensure()?;
    writeln!(stdout(), "control plane: {}", assets.control_plane.display())?;
    writeln!(stdout(), "node image:    {}", assets.node_image.display())?;
    for system in setup::SYSTEMS {
        if let Some(obstacle) = system.obstacle() {
            writeln!(stdout(), "{:<15}skipped: {obstacle}", format!("{}:", system.name))?;
            continue;
        }
        writeln!(stdout(), "{:<15}{}", format!("{}:", system.name), setup::ensure_system(system)?.display())?;
    }
    if cluster {
        let assets = setup::ensure_cluster()?;
        writeln!(stdout(), "cluster:       {}", assets.binaries.display())?;
        writeln!(stdout(), "cluster node:  {}", assets.node_image.display())?;
    }
    Ok(())
}
