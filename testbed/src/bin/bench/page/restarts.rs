//! The table of what comes of a restart of networkd.

use std::time::Duration;

use crate::faults::{LIMIT, NEVER, Outcome, Restarts};

const HEAD: &str = "\
| | gone at the restart | gone for, median | worst | back after the command, worst | limit | still gone at the end |
|---|---|---|---|---|---|---|
";

pub(super) fn draw(restarts: &Restarts) -> String {
    let rows: String = restarts.outcomes.iter().map(row).collect();
    let rounds = restarts.outcomes.first().map_or(0, |outcome| outcome.rounds.len());
    let seconds = NEVER.as_secs();
    format!("{HEAD}{rows}\n{rounds} restarts each. Never: not within {seconds} seconds.\n")
}

fn row(outcome: &Outcome) -> String {
    let (gone, back) = (outcome.sorted(|gap| gap.open), outcome.sorted(|gap| gap.back));
    let worst = |times: &[Option<Duration>]| text(times.last().copied().flatten());
    let lost = outcome.rounds.iter().map(|gap| gap.lost.len()).max().unwrap_or(0);
    // Only multinic says that it brings back what somebody takes.
    let is_ours = outcome.name.starts_with("multinic");
    let limit = if is_ours { text(Some(LIMIT)) } else { "none".to_owned() };
    format!(
        "| {} | {} of {} | {} | {} | {} | {limit} | {lost} |\n",
        outcome.name,
        outcome.went(),
        outcome.count,
        text(gone.get(gone.len() / 2).copied().flatten()),
        worst(&gone),
        worst(&back),
    )
}

fn text(time: Option<Duration>) -> String {
    match time {
        None => "never".to_owned(),
        Some(Duration::ZERO) => "not seen".to_owned(),
        Some(time) => format!("{} ms", time.as_millis()),
    }
}
