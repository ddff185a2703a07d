//! One definition of a link in somebody else's file, and which links it may mean.

use multinic_crds::MacAddress;

use super::words::{Macs, Words};
use crate::observed::link::{Link, LinkKind};

/// A file, by its path on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it lies on the host.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// One definition of a link in somebody else's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The file.
    pub source: String,
    /// What the file calls it, where it may hold several.
    pub id: Option<String>,
    /// Whether the file could be read at all.
    pub readable: bool,
    /// Whether it says that networkd is to leave its links alone.
    pub leaves_unmanaged: bool,
    /// Whether it is no definition but a setting for every link without one.
    pub is_default: bool,
    /// The names that it gives to links, or goes by.
    pub(super) claimed_names: Vec<String>,
    /// Any of these.
    pub(super) matchers: Vec<Matcher>,
}

/// Which links are meant: those that may fit in every respect. The default fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Matcher {
    pub(super) names: Words,
    pub(super) types: Words,
    pub(super) macs: Vec<Macs>,
}

impl Definition {
    pub(super) fn new(path: &str, matchers: Vec<Matcher>) -> Self {
        Self {
            source: path.to_owned(),
            id: None,
            readable: true,
            leaves_unmanaged: false,
            is_default: false,
            claimed_names: Vec::new(),
            matchers,
        }
    }

    pub(super) fn called(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// One that configures no link, and yet must not be there for ours called `name`.
    pub(super) fn in_the_way(path: &str, name: &str) -> Self {
        Self { claimed_names: vec![name.to_owned()], ..Self::new(path, Vec::new()) }
    }

    /// Whether this may configure `link`.
    #[must_use]
    pub fn covers(&self, link: &Link) -> bool {
        self.matchers.iter().any(|matcher| matcher.fits(link, &link.name))
    }

    /// Whether this may configure `link` once it is called `name`.
    #[must_use]
    pub fn covers_as(&self, link: &Link, name: &str) -> bool {
        self.matchers.iter().any(|matcher| matcher.fits(link, name))
    }

    /// Whether this defines a link called `name`, there or not.
    #[must_use]
    pub fn claims(&self, name: &str) -> bool {
        self.claimed_names.iter().any(|claimed| claimed == name)
    }

    /// What it is called, and where it is.
    #[must_use]
    pub fn describe(&self) -> String {
        self.id.as_ref().map_or_else(|| self.source.clone(), |id| format!("{id} in {}", self.source))
    }

    /// Whether it speaks only of links that it names in full.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.matchers.iter().all(|m| m.names.is_literal() || m.macs.iter().any(Macs::is_literal))
    }

    /// A file of which nothing is known, so that it may define anything.
    #[must_use]
    pub fn unreadable(path: &str, error: &str) -> Self {
        let source = format!("{path} (unreadable: {error})");
        Self { readable: false, ..Self::new(&source, vec![Matcher::default()]) }
    }
}

impl Matcher {
    pub(super) fn named(names: Words) -> Self {
        Self { names, ..Self::default() }
    }

    fn fits(&self, link: &Link, name: &str) -> bool {
        let mut names = [name].into_iter().chain(link.alt_names.iter().map(String::as_str));
        // The address in use changes; at the next boot it is the one burnt in.
        let macs: Vec<MacAddress> = link.mac.into_iter().chain(link.permanent_mac).collect();
        let of_type = link.kind == LinkKind::NotEthernet || self.types.may_mean("ether");
        of_type
            && names.any(|name| self.names.may_mean(name))
            && self.macs.iter().all(|list| list.may_mean(&macs))
    }
}
