//! Installs and builds what the testbed needs; `make test` and `make demo` start with it.

use std::io::{Write, stdout};

use anyhow::{Result, bail};
use multinic_testbed::setup;

fn main() -> Result<()> {
    if let Some(obstacle) = setup::obstacle() {
        bail!("the testbed cannot run here: {obstacle}");
    }
    let assets = setup::ensure()?;
    writeln!(stdout(), "control plane: {}", assets.control_plane.display())?;
    writeln!(stdout(), "node image:    {}", assets.node_image.display())?;
    Ok(())
}
