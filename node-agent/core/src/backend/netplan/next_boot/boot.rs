//! The host's files and its generator, as far as they decide what netplan does at the next boot.

use std::collections::{BTreeMap, BTreeSet};

use super::{Complaint, Outputs};
use crate::{
    backend::netplan,
    parse::bootfile::{Owner, owner},
};

/// netplan's files, by their path on the host.
pub type Files = BTreeMap<String, String>;

/// The host, as far as it decides what netplan does at the next boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// Every file that netplan reads.
    pub files: Files,
    /// Files that netplan reads and the agent cannot, and why.
    pub unread: Vec<(String, String)>,
    /// Whether somebody runs `netplan try`, which takes files back.
    pub trying: bool,
    /// Whether the boot waits for networkd's links (`systemd-networkd-wait-online`).
    pub waits_online: bool,
}

/// What the generator said to a set of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It takes them, and makes these files of them.
    Makes(Outputs),
    /// It does not take them.
    Refuses(Complaint),
}

/// The host's own netplan generator.
pub trait Generator {
    /// It did not run, or does not work.
    type Error;

    /// What netplan makes of `files`, and nothing else.
    fn ask(&mut self, files: &Files) -> impl Future<Output = Result<Answer, Self::Error>>;
}

impl Boot {
    /// The first file of others that speaks of `word`.
    pub(super) fn mention(&self, word: &str) -> Option<&str> {
        let found = self.of_others().find(|(_, text)| has_word(text, word));
        found.map(|(path, _)| path)
    }

    /// The first file of others that defines `id`.
    pub(super) fn claimant(&self, id: &str) -> Option<&str> {
        let defines = |text: &str| match netplan::ids(text) {
            Some(ids) => ids.contains(id),
            // A file that only netplan understands may define whatever it speaks of.
            None => has_word(text, id),
        };
        self.of_others().find(|(_, text)| defines(text)).map(|(path, _)| path)
    }

    /// The file of others that defines `id`, or else speaks of it.
    pub(super) fn source(&self, id: &str) -> &str {
        self.claimant(id).or_else(|| self.mention(id)).unwrap_or("another netplan file")
    }

    /// The same host without these files.
    pub(super) fn without(&self, paths: &BTreeSet<&str>) -> Self {
        let mut boot = self.clone();
        boot.files.retain(|path, _| !paths.contains(path.as_str()));
        boot
    }

    pub(super) fn of_others(&self) -> impl Iterator<Item = (&str, &str)> {
        let others = self.files.iter().filter(|(_, text)| !matches!(owner(text), Owner::Us(_)));
        others.map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

/// Whether `word` stands in `text` by itself: `multinic1` does not in `multinic10`.
fn has_word(text: &str, word: &str) -> bool {
    let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(continues) && !text[at + word.len()..].starts_with(continues))
}
