//! The figures as a page of the docs has them.

mod fleet;
mod plot;
mod table;

use std::fs;

use anyhow::{Context, Result};

use crate::fleet::Figures;
use crate::output::say;
use crate::peers::Comparison;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench.md");
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench.svg");
const FLEET_PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench-fleet.svg");
/// What is between such a line and the end is measured, and the rest of the page written by hand.
const BEGIN: &str = "<!-- measured -->\n";
const BEGIN_FLEET: &str = "<!-- measured: fleet -->\n";
const END: &str = "<!-- end -->\n";

/// Prints the figures.
pub(crate) fn show(comparison: &Comparison) -> Result<()> {
    say(&measured(comparison))
}

/// Puts the figures in the place of those that the docs have.
pub(crate) fn write(comparison: &Comparison) -> Result<()> {
    put(BEGIN, &measured(comparison))?;
    fs::write(PLOT, plot::draw(comparison))?;
    Ok(())
}

/// The same for what the operator costs.
pub(crate) fn write_fleet(all: &[Figures]) -> Result<()> {
    put(BEGIN_FLEET, &fleet::table(all))?;
    fs::write(FLEET_PLOT, fleet::draw(all))?;
    Ok(())
}

fn put(begin: &str, measured: &str) -> Result<()> {
    let page = fs::read_to_string(PAGE)?;
    fs::write(PAGE, replace(&page, begin, measured).context("docs/bench.md has no place for figures")?)?;
    Ok(())
}

fn measured(comparison: &Comparison) -> String {
    format!("{}\n- {}\n", table::draw(comparison), comparison.facts.join("\n- "))
}

fn replace(page: &str, begin: &str, measured: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, begin, measured, END, after].concat())
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, BEGIN_FLEET, replace};

    #[test]
    fn what_is_written_by_hand_stays() {
        let page = "a\n<!-- measured -->\nold\n<!-- end -->\nb\n";
        assert_eq!(replace(page, BEGIN, "new\n").unwrap(), "a\n<!-- measured -->\nnew\n<!-- end -->\nb\n");
        assert_eq!(replace(page, BEGIN_FLEET, ""), None);
    }
}
