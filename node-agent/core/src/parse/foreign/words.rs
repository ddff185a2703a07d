//! Lists of names and of MAC addresses, as networkd and netplan write them.
//!
//! A word that is not fully understood is kept as such: it never keeps a link out, and in a list that names links
//! it stands for any of them.

use glob::Pattern;
use multinic_crds::MacAddress;

/// What counts as white space in systemd's files; a non-breaking space does not.
pub(super) const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];
/// What is itself in every shell pattern, beside letters and digits.
const PLAIN: &str = "_.-@+,=~#";
/// The longest name of a link. Older releases ignore a longer one.
const LONGEST: usize = 15;
/// Words that some releases take for no name at all, and so ignore.
const NO_NAMES: [&str; 4] = ["all", "default", ".", ".."];

/// A shell pattern, or none where it is not fully understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word(Option<Pattern>);

/// Patterns of which any must fit, and patterns of which none may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    any: Vec<Word>,
    none: Vec<Word>,
}

impl Words {
    /// The list in `value`: a `!` in front of it inverts all of it, one in front of a word that word only.
    pub(super) fn list(value: &str) -> Self {
        let mut words = Self::default();
        words.extend(value);
        words
    }

    /// Exactly one name, which may be a pattern.
    pub(super) fn one(name: &str) -> Self {
        Self { any: vec![Word::new(name)], none: Vec::new() }
    }

    /// These names, in which no character means another one.
    pub(super) fn exactly<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let word = |name| Word(Pattern::new(&Pattern::escape(name)).ok());
        Self { any: names.into_iter().map(word).collect(), none: Vec::new() }
    }

    /// A list that may name anything.
    pub(super) fn unknown() -> Self {
        Self { any: vec![Word(None)], none: Vec::new() }
    }

    /// Adds the words in `value`, of which the list of another line may be a part already.
    pub(super) fn extend(&mut self, value: &str) {
        let quoted = value.contains(['"', '\'']);
        let plain = value.replace(['"', '\''], "");
        let (inverted, list) = plain.strip_prefix('!').map_or((false, plain.as_str()), |rest| (true, rest));
        for word in list.split(BLANKS).filter(|word| !word.is_empty()) {
            match word.strip_prefix('!') {
                _ if inverted => self.none.push(Word::excluding(word, quoted)),
                Some(word) => self.none.push(Word::excluding(word, quoted)),
                None => self.any.push(Word::new(word)),
            }
        }
    }

    /// Whether `text` may be meant.
    pub(super) fn may_mean(&self, text: &str) -> bool {
        let excluded = self.none.iter().any(|word| word.0.as_ref().is_some_and(|p| p.matches(text)));
        let included = self.any.is_empty() || self.any.iter().any(|word| word.may_match(text));
        included && !excluded
    }

    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// Whether only links that are named in full are meant.
    pub(super) fn is_literal(&self) -> bool {
        let literal =
            |word: &Word| word.0.as_ref().is_some_and(|pattern| !pattern.as_str().contains(['*', '?', '[']));
        self.none.is_empty() && !self.any.is_empty() && self.any.iter().all(literal)
    }
}

impl Word {
    fn new(text: &str) -> Self {
        Self(understood(text).then(|| Pattern::new(&without_repeated_stars(text)).ok()).flatten())
    }

    /// In quotes it depends on the key and the release whether they are part of the word.
    fn excluding(text: &str, quoted: bool) -> Self {
        if quoted { Self(None) } else { Self::new(text) }
    }

    fn may_match(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|pattern| pattern.matches(text))
    }
}

/// Whether `text` means the same to fnmatch(3) in every release of its readers as to [`Pattern`].
fn understood(text: &str) -> bool {
    let named = !text.chars().all(|c| c.is_ascii_digit()) && !NO_NAMES.contains(&text);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let plain = first.is_ascii_alphanumeric() || PLAIN.contains(first) || matches!(first, '*' | '?');
        let length = if plain { Some(1) } else { set_length(rest) };
        let Some(length) = length else { return false };
        rest = &rest[length..];
    }
    named && text.len() <= LONGEST
}

/// The length of the set of characters that `text` begins with, such as `[a-z0-9]`, where it is a simple one.
fn set_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('[')?.split_once(']')?.0;
    let bytes = inside.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            return None;
        }
        at += match bytes.get(at + 1) {
            Some(b'-') if bytes.get(at + 2).is_some_and(u8::is_ascii_alphanumeric) => 3,
            _ => 1,
        };
    }
    (!inside.is_empty()).then_some(inside.len() + 2)
}

/// [`Pattern`] gives several in a row a meaning that the shell does not.
fn without_repeated_stars(text: &str) -> String {
    let mut pattern = text.to_owned();
    while pattern.contains("**") {
        pattern = pattern.replace("**", "*");
    }
    pattern
}

/// MAC addresses of which any must be the link's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Macs(Vec<Option<MacAddress>>);

impl Macs {
    /// The one in `text`.
    pub(super) fn one(text: &str) -> Self {
        Self(vec![text.parse().ok()])
    }

    /// An address that is not known.
    pub(super) fn unknown() -> Self {
        Self(vec![None])
    }

    pub(super) fn extend(&mut self, value: &str) {
        let words = value.split(BLANKS).filter(|word| !word.is_empty());
        self.0.extend(words.map(|word| word.parse().ok()));
    }

    pub(super) fn may_mean(&self, macs: &[MacAddress]) -> bool {
        let meant = |mac: &Option<MacAddress>| mac.is_none_or(|mac| macs.contains(&mac));
        self.0.is_empty() || self.0.iter().any(meant)
    }

    /// Whether only links with known addresses are meant.
    pub(super) fn is_literal(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_means_what_networkd_takes_it_for_or_more() {
        for (list, name, expected) in [
            ("eth*", "eth1", true),
            ("eth*", "ens7", false),
            ("!lo br0 wlan0", "eth1", true),
            ("!lo br0 wlan0", "br0", false),
            ("!lo br0 wlan0", "lo", false),
            ("!ens3", "ens3", false),
            ("* !eth1", "eth1", false),
            ("* !eth1", "eth2", true),
            ("!lo !eth1", "eth1", true),
            ("!*", "eth1", false),
            ("! lo", "lo", false),
            ("", "eth1", true),
            ("!", "eth1", true),
            ("ens[3-5]", "ens4", true),
            ("ens[3-5]", "ens7", false),
            ("e**1", "eth1", true),
            // Not understood, or not in the same way by every release.
            ("\"en*\"", "ens7", true),
            ("!\"ens7\"", "ens7", true),
            ("ens[[:digit:]]", "eth1", true),
            ("ens[!3]", "eth1", true),
            ("!ens[[:digit:]]", "ens7", true),
            ("e\\x6es7", "ens7", true),
            ("!eth1\u{a0}eth2", "eth1", true),
            ("eth1:0", "eth1", true),
            ("all", "eth1", true),
            ("7", "eth1", true),
            ("a-name-that-is-too-long", "eth1", true),
        ] {
            assert_eq!(Words::list(list).may_mean(name), expected, "{list:?} {name}");
        }
    }

    #[test]
    fn a_list_over_several_lines_is_one_list() {
        let mut words = Words::list("!lo");
        words.extend("!eth1");
        assert!(words.may_mean("eth2") && !words.may_mean("eth1") && !words.may_mean("lo"));
        words.extend("eth2");
        assert!(words.may_mean("eth2") && !words.may_mean("eth3"));
    }

    #[test]
    fn a_mac_address_that_is_not_understood_is_anybodys() {
        let own: [MacAddress; 1] = ["fa:16:3e:00:00:01".parse().unwrap()];
        for (list, expected) in [
            ("", true),
            ("fa:16:3e:00:00:02 FA:16:3E:00:00:01", true),
            ("fa:16:3e:00:00:02", false),
            ("fa16.3e00.0001", true),
        ] {
            let mut macs = Macs::default();
            macs.extend(list);
            assert_eq!(macs.may_mean(&own), expected, "{list}");
        }
    }
}
