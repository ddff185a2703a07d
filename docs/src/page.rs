//! A page: hand-written text with sections that are generated or checked.

use std::collections::BTreeMap;

const END: &str = "<!-- end -->";

/// A page whose sections are not well-formed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    /// Nothing makes a section of this name.
    #[error("nothing generates a section {0:?}")]
    Unknown(String),
    /// The section has no end, or another one begins in it.
    #[error("section {0:?} has no {END}")]
    Endless(String),
}

/// `page`, with every generated section as in `sections`.
pub(crate) fn fill(page: &str, sections: &BTreeMap<&str, String>) -> Result<String, PageError> {
    let mut filled = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        filled.extend([line, "\n"]);
        let Some(name) = line.strip_prefix("<!-- generated: ").and_then(|rest| rest.strip_suffix(" -->"))
        else {
            continue;
        };
        let section = sections.get(name).ok_or_else(|| PageError::Unknown(name.to_owned()))?;
        // Skips what was there before.
        let end = lines.find(|line| line.starts_with("<!-- "));
        if end != Some(END) {
            return Err(PageError::Endless(name.to_owned()));
        }
        filled.extend([section.trim_end(), "\n", END, "\n"]);
    }
    Ok(filled)
}

/// What lies between the line `begin` and the end of its section.
pub(crate) fn section<'a>(page: &'a str, begin: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(begin)?;
    rest.split_once(END).map(|(section, _)| section)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(page: &str) -> Result<String, PageError> {
        fill(page, &[("a", "new\n".to_owned())].into())
    }

    #[test]
    fn only_what_is_between_the_markers_is_written_anew() {
        let page = "before\n<!-- generated: a -->\nold\nolder\n<!-- end -->\nafter\n";
        let expected = "before\n<!-- generated: a -->\nnew\n<!-- end -->\nafter\n";
        assert_eq!(filled(page).as_deref(), Ok(expected));
        assert_eq!(filled(expected).as_deref(), Ok(expected));
    }

    #[test]
    fn a_section_that_nobody_makes_or_that_does_not_end_is_an_error() {
        assert_eq!(filled("<!-- generated: b -->\n<!-- end -->\n"), Err(PageError::Unknown("b".to_owned())));
        let endless = Err(PageError::Endless("a".to_owned()));
        assert_eq!(filled("<!-- generated: a -->\nold\n"), endless);
        assert_eq!(filled("<!-- generated: a -->\n<!-- generated: a -->\n<!-- end -->\n"), endless);
    }
}
