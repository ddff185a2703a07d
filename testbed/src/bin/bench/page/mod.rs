//! The figures as a page of the docs has them.

mod boots;
mod fleet;
mod plot;
mod restarts;
mod table;

use std::fs;

use anyhow::{Context, Result};

use crate::faults::{Boots, Restarts};
use crate::fleet::Figures;
use crate::output::say;
use crate::peers::Comparison;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench.md");
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench.svg");
const FLEET_PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench-fleet.svg");
/// What is between one of these lines and the next end is measured, and the rest of the page written by hand.
const PLUGS: &str = "<!-- measured -->\n";
const RESTARTS: &str = "<!-- measured: restarts -->\n";
const BOOTS: &str = "<!-- measured: boots -->\n";
const FLEET: &str = "<!-- measured: fleet -->\n";
const END: &str = "<!-- end -->\n";

/// Figures as the page has them.
pub(crate) struct Section {
    begin: &'static str,
    text: String,
    /// The file that it is in, and the plot.
    plot: Option<(&'static str, String)>,
}

impl From<Comparison> for Section {
    fn from(comparison: Comparison) -> Self {
        let text = with_facts(&table::draw(&comparison), &comparison.facts);
        Self { begin: PLUGS, text, plot: Some((PLOT, plot::draw(&comparison))) }
    }
}

impl From<Restarts> for Section {
    fn from(restarts: Restarts) -> Self {
        let text = with_facts(&restarts::draw(&restarts), &restarts.facts);
        Self { begin: RESTARTS, text, plot: None }
    }
}

impl From<Boots> for Section {
    fn from(boots: Boots) -> Self {
        Self { begin: BOOTS, text: with_facts(&boots::draw(&boots), &boots.facts), plot: None }
    }
}

impl From<Vec<Figures>> for Section {
    fn from(all: Vec<Figures>) -> Self {
        Self { begin: FLEET, text: fleet::table(&all), plot: Some((FLEET_PLOT, fleet::draw(&all))) }
    }
}

impl Section {
    /// Prints it.
    pub(crate) fn show(&self) -> Result<()> {
        say(&self.text)
    }

    /// Puts it in the place of what the docs have.
    pub(crate) fn write(&self) -> Result<()> {
        let page = fs::read_to_string(PAGE)?;
        let page =
            replace(&page, self.begin, &self.text).context("docs/bench.md has no place for figures")?;
        fs::write(PAGE, page)?;
        if let Some((file, plot)) = &self.plot {
            fs::write(file, plot)?;
        }
        Ok(())
    }
}

fn with_facts(table: &str, facts: &[String]) -> String {
    format!("{table}\n- {}\n", facts.join("\n- "))
}

fn replace(page: &str, begin: &str, measured: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, begin, measured, END, after].concat())
}

#[cfg(test)]
mod tests {
    use super::{PLUGS, RESTARTS, replace};

    #[test]
    fn what_is_written_by_hand_stays_and_so_do_other_figures() {
        let page = |plugs, restarts| {
            format!(
                "a\n<!-- measured -->\n{plugs}\n<!-- end -->\nb\n<!-- measured: restarts -->\n{restarts}\n<!-- end -->\nc\n"
            )
        };
        assert_eq!(replace(&page(1, 2), PLUGS, "3\n").unwrap(), page(3, 2));
        assert_eq!(replace(&page(1, 2), RESTARTS, "3\n").unwrap(), page(1, 3));
        assert_eq!(replace("no place", PLUGS, ""), None);
    }
}
