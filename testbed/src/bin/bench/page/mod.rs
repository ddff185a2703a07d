//! The figures as a page of the docs has them.

mod plot;
mod table;

use std::fs;

use anyhow::{Context, Result};

use crate::output::say;
use crate::peers::Comparison;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench.md");
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench.svg");
/// What is between these two lines is measured, and the rest of the page written by hand.
const BEGIN: &str = "<!-- measured -->\n";
const END: &str = "<!-- end -->\n";

/// Prints the figures.
pub(crate) fn show(comparison: &Comparison) -> Result<()> {
    say(&measured(comparison))
}

/// Puts the figures in the place of those that the docs have.
pub(crate) fn write(comparison: &Comparison) -> Result<()> {
    let page = fs::read_to_string(PAGE)?;
    fs::write(
        PAGE,
        replace(&page, &measured(comparison)).context("docs/bench.md has no place for figures")?,
    )?;
    fs::write(PLOT, plot::draw(comparison))?;
    Ok(())
}

fn measured(comparison: &Comparison) -> String {
    format!("{}\n- {}\n", table::draw(comparison), comparison.facts.join("\n- "))
}

fn replace(page: &str, measured: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, BEGIN, measured, END, after].concat())
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn what_is_written_by_hand_stays() {
        let page = "a\n<!-- measured -->\nold\n<!-- end -->\nb\n";
        assert_eq!(replace(page, "new\n").unwrap(), "a\n<!-- measured -->\nnew\n<!-- end -->\nb\n");
        assert_eq!(replace("no place", ""), None);
    }
}
