//! Installs and builds what a cluster with pods needs on top of what `setup` has made; `make e2e` starts with both.

use std::io::{Write, stdout};

use anyhow::{Result, bail};
use multinic_testbed_cluster::setup;

fn main() -> Result<()> {
    if let Some(argument) = std::env::args().nth(1) {
        bail!("unknown argument {argument}: there are none");
    }
    if let Some(obstacle) = multinic_testbed::setup::obstacle() {
        bail!("the testbed cannot run here: {obstacle}");
    }
    let assets = setup::ensure()?;
    writeln!(stdout(), "cluster:       {}", assets.binaries.display())?;
    writeln!(stdout(), "cluster node:  {}", assets.node_image.display())?;
    Ok(())
}
