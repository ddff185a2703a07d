//! What the images say of the licences of others: `scripts/notices.sh`.

use std::{fs, path::Path, process::Command};

use crate::tree::ROOT;

/// What the script writes for a package.
fn notices(package: &str) -> (String, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let script = Path::new(ROOT).join("scripts/notices.sh");
    let output = Command::new(script).args([package, arch]).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(directory.path().join("THIRD-PARTY")).unwrap();
    let mut files: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    (text, files)
}

#[test]
fn each_image_has_the_licence_of_every_crate_that_is_in_it() {
    for (package, crate_of_its_own) in [("multinic-agent", "pathrs"), ("multinic-operator", "sqlx")] {
        let (text, files) = notices(package);
        assert!(files.contains(&"LICENSE".to_owned()), "{files:?}");
        for needed in [&format!("\n{crate_of_its_own} "), "\ntokio ", "\nkube ", "Apache License"] {
            assert!(text.contains(needed), "{package}: {needed}");
        }
        let (_, without) =
            text.split_once("No text comes with the packages of these:\n\n").unwrap_or_default();
        // Of the Apache License there is but one text, which others have. A MIT licence names somebody.
        for line in without.lines() {
            assert!(line.contains("Apache-2.0"), "{package}: {line}: find its licence");
        }
    }
}
