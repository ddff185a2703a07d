//! The table of what comes of a restart of networkd.

use std::time::Duration;

use crate::faults::{LIMIT, NEVER, Outcome, Restarts};

const HEAD: &str = "\
| | restarts with something seen gone | gone at the worst | gone for, median | worst | back after the command, worst | limit | still gone at the end |
|---|---|---|---|---|---|---|---|
";

pub(super) fn draw(restarts: &Restarts) -> String {
    let rows: String = restarts.outcomes.iter().map(row).collect();
    let rounds = restarts.outcomes.first().map_or(0, |outcome| outcome.rounds.len());
    let seconds = NEVER.as_secs();
    format!("{HEAD}{rows}\n{rounds} restarts each. Never: not within {seconds} seconds.\n")
}

fn row(outcome: &Outcome) -> String {
    let (gone, back) = (outcome.sorted(|gap| gap.open), outcome.sorted(|gap| gap.back));
    let text_of = |time: Option<&Option<Duration>>| time.map_or_else(|| "–".to_owned(), |time| text(*time));
    let lost = outcome.rounds.iter().map(|gap| gap.lost.len()).max().unwrap_or(0);
    // Only multinic says that it brings back what somebody takes.
    let is_ours = outcome.name.starts_with("multinic");
    let limit = if is_ours { text(Some(LIMIT)) } else { "none".to_owned() };
    format!(
        "| {} | {} of {} | {} of {} | {} | {} | {} | {limit} | {lost} |\n",
        outcome.name,
        outcome.seen().count(),
        outcome.rounds.len(),
        outcome.went(),
        outcome.count,
        text_of(gone.get(gone.len() / 2)),
        text_of(gone.last()),
        text_of(back.last()),
    )
}

fn text(time: Option<Duration>) -> String {
    match time {
        None => "never".to_owned(),
        Some(time) => format!("{} ms", time.as_millis()),
    }
}
