//! Writes the generated parts of docs/*.md anew.

fn main() -> anyhow::Result<()> {
    multinic_docs::write()
}
