//! Files of one crate that import from each other in a circle: whoever wants to understand one must know all.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    iter::Peekable,
    path::Path,
};

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree, token_stream::IntoIter};

use crate::tree::read;

/// What is there for tests only, and may know everything.
const TESTS: [&str; 3] = ["tests", "testing", "fixtures"];

/// The way to a module or an item, from the root of its crate.
type Way = Vec<String>;

/// What each module of a crate takes from others, itself without its tests.
#[derive(Debug, Default)]
pub(crate) struct Crate(BTreeMap<Way, BTreeSet<Way>>);

impl Crate {
    /// The crate whose sources are in `directory`.
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let mut sources = BTreeMap::new();
        gather(directory, &Way::new(), &mut sources)?;
        Self::parse(&sources)
    }

    fn parse(sources: &BTreeMap<Way, String>) -> Result<Self> {
        let parsed = sources.iter().map(|(module, text)| {
            let tokens: TokenStream = text.parse().map_err(|error| anyhow!("{module:?}: {error}"))?;
            let mut reader = Reader { module, modules: sources, found: BTreeSet::new() };
            reader.read(tokens);
            Ok((module.clone(), reader.found))
        });
        parsed.collect::<Result<_>>().map(Self)
    }

    /// Every circle, as the modules in it.
    pub(crate) fn circles(&self) -> BTreeSet<BTreeSet<String>> {
        let reach: BTreeMap<_, _> = self.0.keys().map(|module| (module, self.reach(module))).collect();
        let circle = |module: &Way| -> BTreeSet<String> {
            let back = |other: &&Way| reach[*other].contains(module);
            reach[module].iter().filter(back).map(|way| way.join("::")).collect()
        };
        self.0.keys().map(circle).filter(|circle| circle.len() > 1).collect()
    }

    fn reach(&self, from: &Way) -> BTreeSet<Way> {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = left.pop() {
            for item in &self.0[&module] {
                let next = self.home(item);
                if next != module && seen.insert(next.clone()) {
                    left.push(next);
                }
            }
        }
        seen
    }

    /// The module that an item is defined in, also where another one passes it on.
    fn home(&self, item: &Way) -> Way {
        let depth = (0..=item.len()).rev().find(|depth| self.0.contains_key(&item[..*depth])).unwrap_or(0);
        let (module, rest) = item.split_at(depth);
        let passed_on = rest.first().and_then(|name| {
            let mut taken = self.0.get(module)?.iter();
            taken.find(|way| way.last() == Some(name) && *way != item && !way.starts_with(item))
        });
        passed_on.map_or_else(|| module.to_vec(), |way| self.home(way))
    }
}

fn gather(directory: &Path, module: &Way, sources: &mut BTreeMap<Way, String>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("failed to list {}", directory.display()))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if TESTS.contains(&name.as_str()) {
            continue;
        }
        let own = |name: String| module.iter().cloned().chain([name]).collect::<Way>();
        if path.is_dir() && name != "bin" {
            gather(&path, &own(name), sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_its = matches!(name.as_str(), "lib" | "mod");
            let way = if is_its { module.clone() } else { own(name) };
            sources.insert(way, read(&path)?);
        }
    }
    Ok(())
}

/// Reads the paths in one module's text.
struct Reader<'a> {
    module: &'a Way,
    modules: &'a BTreeMap<Way, String>,
    found: BTreeSet<Way>,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == '#' && is_of_tests(tokens.peek()) => {
                    skip_item(&mut tokens);
                }
                TokenTree::Ident(name) => {
                    if let Some(base) = self.base(&name.to_string()).filter(|_| is_path(&mut tokens)) {
                        self.follow(&base, &mut tokens);
                    }
                }
                TokenTree::Group(group) => self.read(group.stream()),
                _ => {}
            }
        }
    }

    /// Where a path leads that begins with `name`, if into this crate.
    fn base(&self, name: &str) -> Option<Way> {
        let own = self.module;
        match name {
            "crate" => Some(Way::new()),
            "self" => Some(own.clone()),
            "super" => Some(own[..own.len().saturating_sub(1)].to_vec()),
            child => {
                let way: Way = own.iter().cloned().chain([child.to_owned()]).collect();
                self.modules.contains_key(&way).then_some(way)
            }
        }
    }

    /// Takes in the rest of a path, after `::`, with all its branches.
    fn follow(&mut self, base: &Way, tokens: &mut Peekable<IntoIter>) {
        match tokens.next() {
            Some(TokenTree::Ident(name)) => {
                let mut way = base.clone();
                match name.to_string().as_str() {
                    "super" => _ = way.pop(),
                    "self" => {}
                    name => way.push(name.to_owned()),
                }
                if is_path(tokens) {
                    self.follow(&way, tokens);
                } else {
                    self.found.insert(way);
                }
            }
            Some(TokenTree::Group(branches)) if branches.delimiter() == Delimiter::Brace => {
                let mut branches = branches.stream().into_iter().peekable();
                while branches.peek().is_some() {
                    self.follow(base, &mut branches);
                }
            }
            _ => {}
        }
    }
}

/// Whether `::` comes next, which is taken.
fn is_path(tokens: &mut Peekable<IntoIter>) -> bool {
    let mut colon = || {
        let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
        tokens.next_if(is_colon).is_some()
    };
    // A single one is a type's.
    colon() && colon()
}

fn is_of_tests(attribute: Option<&TokenTree>) -> bool {
    attribute.is_some_and(|attribute| attribute.to_string().replace(' ', "") == "[cfg(test)]")
}

/// Skips the item that an attribute is on.
fn skip_item(tokens: &mut Peekable<IntoIter>) {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    };
    // A `use` has braces and a semicolon.
    while let Some(token) = tokens.next() {
        if is_end(&token) {
            tokens.next_if(|next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == ';'));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::ROOT;

    const CRATES: [&str; 10] = [
        "crds/src",
        "docs/src",
        "node-agent/core/src",
        "node-agent/src",
        "operator/core/src",
        "operator/src",
        "runtime/src",
        "testbed/cluster/src",
        "testbed/src",
        "testbed/vm/src",
    ];

    fn circles(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let way = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let sources = sources.iter().map(|(path, text)| (way(path), (*text).to_owned())).collect();
        let circles = Crate::parse(&sources).unwrap().circles();
        circles.into_iter().map(|circle| circle.into_iter().collect()).collect()
    }

    #[test]
    fn a_circle_is_found_through_braces_parents_and_names_that_are_passed_on() {
        let direct = [("a", "use crate::{b::{B, C}, c};"), ("b", "fn f() { crate::a::f() }"), ("c", "")];
        assert_eq!(circles(&direct), [["a", "b"]]);
        let parent = [("a", "mod b; use b::B; struct A;"), ("a::b", "use super::A;")];
        assert_eq!(circles(&parent), [["a", "a::b"]]);
        let passed_on = [("a", "pub use self::b::B;"), ("a::b", "use crate::c;"), ("c", "use crate::a::B;")];
        assert_eq!(circles(&passed_on), [["a::b", "c"]]);
    }

    #[test]
    fn tests_types_and_a_parent_that_only_passes_on_are_no_circle() {
        let tests = [("a", "use crate::b::B;"), ("b", "#[cfg(test)] mod tests { use crate::a::A; }")];
        assert_eq!(circles(&tests), [[""; 0]; 0]);
        let passing = [("a", "pub use b::B; pub use c::C;"), ("a::b", "use super::C;"), ("a::c", "")];
        assert_eq!(circles(&passing), [[""; 0]; 0]);
    }

    #[test]
    fn no_crate_has_a_circle() {
        for directory in CRATES {
            let found = Crate::read(&Path::new(ROOT).join(directory)).unwrap().circles();
            assert!(
                found.is_empty(),
                "{directory}: these files import from each other in a circle: {found:?}"
            );
        }
    }
}
