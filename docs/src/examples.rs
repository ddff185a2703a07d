//! The manifests in `examples/`.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::tree::{ROOT, read};

/// The name and the text of each.
pub(crate) fn examples() -> Result<Vec<(String, String)>> {
    let directory = Path::new(ROOT).join("examples");
    let entries =
        fs::read_dir(&directory).with_context(|| format!("failed to list {}", directory.display()))?;
    let mut examples = Vec::new();
    for entry in entries {
        let entry = entry?;
        examples.push((entry.file_name().to_string_lossy().into_owned(), read(&entry.path())?));
    }
    examples.sort();
    Ok(examples)
}

#[test]
fn every_example_is_an_object_that_contradicts_itself_nowhere() {
    let examples = examples().unwrap();
    assert!(examples.len() >= 5);
    for (name, text) in examples {
        assert!(text.starts_with("# "), "{name} does not say what it shows");
        let object: multinic_crds::NodeNetworkConfig = serde_saphyr::from_str(&text).unwrap();
        for nic in object.spec.interfaces {
            assert_eq!(nic.contradiction(), None, "{name}: {nic:?}");
            for route in nic.routes {
                assert_eq!(route.contradiction(), None, "{name}: {route:?}");
            }
        }
    }
}
