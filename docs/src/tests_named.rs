//! The tests that a page names are there.

use std::{collections::BTreeSet, fs, path::Path};

use crate::tree::{ROOT, read, source};

/// Where tests are.
const FOLDERS: [&str; 3] = ["operator", "testbed/tests", "docs/src"];

/// The last column of each row of the page's tables.
fn proofs(page: &str) -> impl Iterator<Item = &str> {
    let rows = page.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit('|').next())
        .filter(|cell| cell.trim() != "test")
}

fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&read(&path).unwrap());
        }
    }
}

#[test]
fn every_line_of_the_page_of_the_table_names_tests_that_exist() {
    let page = source("docs/table.md").unwrap();
    let mut all = String::new();
    for folder in FOLDERS {
        sources(&Path::new(ROOT).join(folder), &mut all);
    }
    let words: BTreeSet<_> = all.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for cell in proofs(&page) {
        assert!(named(cell).next().is_some(), "no test is named: {cell}");
        for name in named(cell) {
            assert!(words.contains(name), "{name} is no test");
        }
    }
}
