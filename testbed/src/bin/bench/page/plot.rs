//! The plot: a bar for each median, on a scale where every line is ten times the one before.

use std::fmt::Write;
use std::time::Duration;

use multinic_testbed::Harm;

use crate::peers::{Comparison, Outcome};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 160.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 56.0;
const ROW: f64 = 36.0;
const BAR: f64 = 20.0;
/// The scale's lines.
const LINES: [(f64, &str); 4] = [(0.01, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"), (10.0, "10 s")];
/// On a dark page as well as on a light one.
const STYLE: &str = "text{font:13px sans-serif;fill:#1f2328}.faint{fill:#59636e}.line{stroke:#59636e;stroke-opacity:.35}\
.kept{fill:#1a7f37}.lost{fill:#bc4c00}.worst{stroke:#1f2328;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.faint{fill:#9198a1}.line{stroke:#9198a1}.kept{fill:#3fb950}\
.lost{fill:#f0883e}.worst{stroke:#f0f6fc}}";

pub(super) fn draw(comparison: &Comparison) -> String {
    let rows: String = comparison
        .outcomes
        .iter()
        .zip(0_u8..)
        .map(|(outcome, n)| bar(outcome, TOP + ROW * f64::from(n)))
        .collect();
    let bottom = TOP + ROW * f64::from(u8::try_from(comparison.outcomes.len()).unwrap_or(u8::MAX));
    let scale: String = LINES.iter().map(|(seconds, label)| line(x(*seconds), bottom, label)).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>From plug to a NIC that is right, median and worst</title>\n<style>{STYLE}</style>\n\
         <text x=\"8\" y=\"20\">From plug to a NIC that is right: bar median, tick worst; logarithmic</text>\n\
         <text x=\"8\" y=\"40\" class=\"faint\">Green: all that others had on the uplink stays. Orange: some or all of it is gone.</text>\n\
         {scale}{rows}</svg>\n",
        height = bottom + 28.0,
    )
}

fn bar(outcome: &Outcome, y: f64) -> String {
    let took = outcome.took();
    let (Some(median), Some(worst)) = (took.get(took.len() / 2), took.last()) else { return String::new() };
    let lost = outcome.rounds.iter().map(|round| round.harm.lost_state.len()).max().unwrap_or(0);
    let class = if lost == 0 { "kept" } else { "lost" };
    let (middle, end, tick) = (y + ROW / 2.0, place(*median), place(*worst));
    let mut svg = format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
        LEFT - 10.0,
        middle + 4.5,
        outcome.name.replace('`', "")
    );
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>",
        middle - BAR / 2.0,
        end - LEFT
    );
    let _ = writeln!(
        svg,
        "<line class=\"worst\" x1=\"{tick:.1}\" x2=\"{tick:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
        middle - BAR / 2.0,
        middle + BAR / 2.0
    );
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\">{} ms, {} of {} left</text>",
        tick + 8.0,
        middle + 4.5,
        median.as_millis(),
        Harm::MARKS - lost,
        Harm::MARKS
    );
    svg
}

fn line(x: f64, bottom: f64, label: &str) -> String {
    format!(
        "<line class=\"line\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\n\
         <text class=\"faint\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>\n",
        bottom + 18.0
    )
}

fn place(time: Duration) -> f64 {
    x(time.as_secs_f64())
}

/// Where a number of seconds is.
fn x(seconds: f64) -> f64 {
    let (least, most) = (LINES[0].0, LINES[LINES.len() - 1].0);
    let share = (seconds.clamp(least, most) / least).log10() / (most / least).log10();
    (WIDTH - LEFT - RIGHT).mul_add(share, LEFT)
}

#[cfg(test)]
mod tests {
    use super::{LEFT, RIGHT, WIDTH, x};

    #[test]
    fn every_line_is_as_far_from_the_next() {
        let third = (WIDTH - LEFT - RIGHT) / 3.0;
        assert!((x(0.1) - LEFT - third).abs() < 0.001);
        assert!((x(10.0) - WIDTH + RIGHT).abs() < 0.001);
        assert!((x(0.001) - LEFT).abs() < 0.001);
    }
}
