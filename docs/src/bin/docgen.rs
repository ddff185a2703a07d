//! Writes the generated parts of the pages anew.

fn main() -> anyhow::Result<()> {
    multinic_docs::write()
}
