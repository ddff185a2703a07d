//! Prints the `CustomResourceDefinition` that the chart ships.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let yaml = multinic_crds::crd_yaml().map_err(io::Error::other)?;
    io::stdout().write_all(yaml.as_bytes())
}
