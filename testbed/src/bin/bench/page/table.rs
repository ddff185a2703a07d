//! The table.

use multinic_testbed::Harm;

use crate::output::mebibytes;
use crate::peers::{Comparison, Outcome};

const HEAD: &str = "\
| | plug to right, median | worst | named at once | uplink events of a plug | pings lost in all | foreign marks left | CPU of a plug | memory that stays |
|---|---|---|---|---|---|---|---|---|
";

pub(super) fn draw(comparison: &Comparison) -> String {
    let rows: String = comparison.outcomes.iter().map(row).collect();
    let nobody = comparison.nobody.as_secs_f64();
    format!(
        "{HEAD}{rows}\nA plug that nobody acts on takes {nobody:.3} s of CPU, which is in all of the above.\n"
    )
}

fn row(outcome: &Outcome) -> String {
    let took = outcome.took();
    let milliseconds =
        |n: usize| took.get(n).map_or_else(|| "never".to_owned(), |time| format!("{} ms", time.as_millis()));
    let mut events: Vec<_> = outcome.rounds.iter().map(|round| round.harm.notifications.len()).collect();
    events.sort_unstable();
    let (least, most) = (events.first().unwrap_or(&0), events.last().unwrap_or(&0));
    let events = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let pings: u32 = outcome.rounds.iter().map(|round| round.harm.lost_pings).sum();
    let lost = outcome.rounds.iter().map(|round| round.harm.lost_state.len()).max().unwrap_or(0);
    format!(
        "| {} | {} | {} | {} | {events} | {pings} | {} of {} | {:.3} s | {} |\n",
        outcome.name,
        milliseconds(took.len() / 2),
        milliseconds(took.len().saturating_sub(1)),
        if outcome.names { "yes" } else { "no" },
        Harm::MARKS - lost,
        Harm::MARKS,
        outcome.cpu().as_secs_f64(),
        outcome.memory.map_or_else(|| "none".to_owned(), mebibytes),
    )
}
