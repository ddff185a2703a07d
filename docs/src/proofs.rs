//! Every test that a page names as the proof of a line is there, under that name.
//!
//! A page names tests in code words in the last column of a table, whose head says so.

use std::{collections::BTreeSet, fs, path::Path};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::LitStr;

use crate::{
    pages, table,
    tree::{ROOT, read, source},
};

/// What the column of tests is headed by.
const HEAD: &str = "test";
/// Where the sources are.
const SOURCES: [&str; 6] = ["crds", "docs", "node-agent", "operator", "runtime", "testbed"];
/// What of the name of a story that is told once for each of several things is always the same, at the least.
const FIXED: usize = 16;

/// The names of all tests.
#[derive(Default)]
struct Tests {
    functions: BTreeSet<String>,
    /// What stories are called, among other words.
    words: BTreeSet<String>,
}

impl Tests {
    fn of_all_sources() -> Self {
        let mut tests = Self::default();
        for directory in SOURCES {
            tests.gather(&Path::new(ROOT).join(directory));
        }
        tests
    }

    fn gather(&mut self, path: &Path) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.gather(&entry.unwrap().path());
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let has_stories = path.components().any(|part| part.as_os_str() == "tests");
            self.take(read(path).unwrap().parse().unwrap(), has_stories);
        }
    }

    fn take(&mut self, tokens: TokenStream, has_stories: bool) {
        let (mut is_marked, mut is_function, mut after_hash) = (false, false, false);
        for token in tokens {
            let is_hash = matches!(&token, TokenTree::Punct(mark) if mark.as_char() == '#');
            match token {
                TokenTree::Group(group) if after_hash && group.delimiter() == Delimiter::Bracket => {
                    is_marked |= marks_a_test(group.stream());
                }
                TokenTree::Group(group) => self.take(group.stream(), has_stories),
                TokenTree::Ident(word) if word == "fn" => is_function = true,
                TokenTree::Ident(name) if is_function => {
                    if std::mem::take(&mut is_marked) {
                        self.functions.insert(name.to_string());
                    }
                    is_function = false;
                }
                TokenTree::Literal(literal) if has_stories => {
                    let text = syn::parse2::<LitStr>(TokenTree::Literal(literal).into());
                    self.words.extend(text.ok().map(|text| text.value()));
                }
                _ => {}
            }
            after_hash = is_hash;
        }
    }

    fn has(&self, name: &str) -> bool {
        self.functions.contains(name)
            || self.words.contains(name)
            || self.words.iter().any(|word| is_filled(word, name))
    }
}

/// Whether an attribute with this text makes a test of a function, as `test` and `tokio::test` do and `cfg(test)` does not.
fn marks_a_test(attribute: TokenStream) -> bool {
    attribute.into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "test"))
}

/// Whether `name` is what becomes of `pattern`, in which something is filled in.
fn is_filled(pattern: &str, name: &str) -> bool {
    let Some(((begin, _), (_, end))) = pattern.split_once('{').zip(pattern.rsplit_once('}')) else {
        return false;
    };
    let fixed = begin.len() + end.len();
    fixed >= FIXED && name.len() > fixed && name.starts_with(begin) && name.ends_with(end)
}

/// The tables of a page whose last column has tests: the rows of each.
fn tables(page: &str) -> impl Iterator<Item = Vec<Vec<String>>> {
    page.split("\n\n").filter_map(|block| {
        let head = block.lines().find(|line| line.starts_with('|'))?;
        let last = head.trim_end_matches([' ', '|']).rsplit('|').next()?;
        (last.trim() == HEAD).then(|| table::rows(block).collect())
    })
}

/// The code words of a cell.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let tests = Tests::of_all_sources();
    let mut missing = Vec::new();
    for (path, text) in pages().unwrap() {
        for row in tables(&text).flatten() {
            let names = row.last().map(|cell| named(cell)).into_iter().flatten();
            let absent = names.filter(|name| !tests.has(name));
            missing.extend(absent.map(|name| format!("{}: {name}", path.display())));
        }
    }
    assert!(missing.is_empty(), "no test is called so:\n{}", missing.join("\n"));
}

#[test]
fn every_failure_has_its_line() {
    let rows: Vec<_> = tables(&source("docs/failures.md").unwrap()).flatten().collect();
    let mut numbers: Vec<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=58).collect::<Vec<_>>());
    for row in rows {
        let says = row.last().is_some_and(|cell| named(cell).next().is_some() || cell.starts_with("none: "));
        assert!(row.len() == 5 && says, "{row:?}");
    }
}

#[test]
fn tests_are_told_from_other_functions_and_words() {
    let mut tests = Tests::default();
    let source = r#"
        #[tokio::test(flavor = "current_thread")]
        async fn one() {}
        proptest! { #[test] fn two(n in 0..3) { assert!(called("three_{n}_of_a_larger_number")) } }
        #[cfg(test)]
        fn four() {}
        fn main() { suite.tell("five", six) }
    "#;
    tests.take(source.parse().unwrap(), true);
    for name in ["one", "two", "five", "three_7_of_a_larger_number"] {
        assert!(tests.has(name), "{name}");
    }
    for name in ["four", "main", "six", "three__of_a_larger_number", "three_7_of_a_smaller_number"] {
        assert!(!tests.has(name), "{name}");
    }
    let page = "| a | test |\n|---|---|\n| x | `one`, `two` |\n\n| b |\n|---|\n| `no` |\n\n| c | test |\n| --- | --- |\n| y | none |\n";
    let cells: Vec<Vec<String>> = tables(page).flatten().collect();
    assert_eq!(cells, [["x", "`one`, `two`"], ["y", "none"]]);
    assert_eq!(named(&cells[0][1]).collect::<Vec<_>>(), ["one", "two"]);
}
