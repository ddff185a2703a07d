//! The words by which people say where the addresses of NICs come from to which the table gives none.

use multinic_crds::Addressing;

/// The words, for people who wrote another one.
pub(crate) const WORDS: &str = "dhcp4, dhcp6, slaac and none";

/// What the word means. `static` is none of them: an address that somebody knows is in the table.
pub(crate) fn addressing(word: &str) -> Option<Addressing> {
    let mut all = Addressing::ALL.into_iter().filter(|addressing| *addressing != Addressing::Static);
    all.find(|addressing| addressing.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_people_are_told_is_one_and_static_is_none() {
        let words: Vec<_> = WORDS.split([',', ' ']).filter(|word| !["", "and"].contains(word)).collect();
        let known: Vec<_> =
            words.iter().filter_map(|word| addressing(word)).map(Addressing::as_str).collect();
        assert_eq!((known.len(), known), (Addressing::ALL.len() - 1, words));
        assert_eq!([addressing("static"), addressing("DHCP4"), addressing("")], [None; 3]);
    }
}
