//! What the operator costs, against the size of its cluster: the table, and the plot.

use std::fmt::Write;

use crate::fleet::{Figures, Limits};
use crate::output::mebibytes;

const HEAD: &str = "\
![What the operator costs, against the number of nodes](bench-fleet.svg)

| nodes | rows | SELECTs in 30 s at rest (limit 1) | CPU of an unchanged sync | of a bare SELECT and decode | times (limit 2) | its calls to the API server (limit 0) | memory | limit | first sync, calls/s | a bare loop's (limit: 80 % of it) | first mirror | one bare UPDATE |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
";
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 36.0;
/// On a dark page as well as on a light one.
const STYLE: &str = "text{font:13px sans-serif;fill:#1f2328}.faint{fill:#59636e}.line{stroke:#59636e;stroke-opacity:.35}\
polyline{fill:none;stroke-width:2}.ours{stroke:#1a7f37}.peer{stroke:#bc4c00;stroke-dasharray:5 4}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.faint{fill:#9198a1}.line{stroke:#9198a1}.ours{stroke:#3fb950}\
.peer{stroke:#f0883e}}";

pub(super) fn table(all: &[Figures]) -> String {
    HEAD.to_owned() + &all.iter().map(row).collect::<String>()
}

fn row(figures: &Figures) -> String {
    let Figures { nodes, rows, first_sync, first_mirror, bare_update, steady, bare_reading, .. } = figures;
    let or_none = |figure: Option<String>| figure.unwrap_or_else(|| "–".to_owned());
    format!(
        "| {nodes} | {rows} | {} | {:.2} ms | {:.2} ms | {:.2} | {} | {} | {} | {first_sync:.0} | {} | {:.1} s | {:.1} s |\n",
        or_none(figures.selects.map(|selects| format!("{selects:.1}"))),
        steady.cpu * 1e3,
        bare_reading * 1e3,
        steady.cpu / bare_reading,
        steady.calls,
        mebibytes(steady.memory),
        or_none(Limits::memory(*nodes).map(mebibytes)),
        or_none(figures.bare_patches.map(|bare| format!("{bare:.0}"))),
        first_mirror.as_secs_f64(),
        bare_update.as_secs_f64(),
    )
}

/// Two charts, one below the other: processor time, and memory.
pub(super) fn draw(all: &[Figures]) -> String {
    let of =
        |figure: fn(&Figures) -> f64| all.iter().map(|one| (nodes(one), figure(one))).collect::<Vec<_>>();
    let limits = all.iter().filter_map(|one| Some((nodes(one), in_mebibytes(Limits::memory(one.nodes)?))));
    let cpu = Chart {
        title: "CPU of an unchanged sync, ms; logarithmic",
        lines: [(0.1, "0.1"), (1.0, "1"), (10.0, "10"), (100.0, "100"), (1_000.0, "1000")].into(),
        series: vec![
            ("ours", "operator", of(|one| one.steady.cpu * 1e3)),
            ("peer", "twice a bare SELECT", of(|one| Limits::CPU * one.bare_reading * 1e3)),
        ],
    };
    let memory = Chart {
        title: "Memory, MiB; logarithmic",
        lines: [(5.0, "5"), (10.0, "10"), (20.0, "20"), (50.0, "50"), (100.0, "100")].into(),
        series: vec![
            ("ours", "operator", of(|one| in_mebibytes(one.steady.memory))),
            ("peer", "limit", limits.collect()),
        ],
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\">\n\
         <title>What the operator costs, against the number of nodes with ten rows each</title>\n<style>{STYLE}</style>\n\
         {}<g transform=\"translate(0 {HEIGHT})\">\n{}</g>\n</svg>\n",
        2.0 * HEIGHT,
        cpu.draw(),
        memory.draw()
    )
}

#[expect(clippy::cast_precision_loss, reason = "a plot needs no more")]
fn nodes(figures: &Figures) -> f64 {
    figures.nodes as f64
}

#[expect(clippy::cast_precision_loss, reason = "a plot needs no more")]
fn in_mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The class of its lines, what it is called, and its points.
type Series = (&'static str, &'static str, Vec<(f64, f64)>);

struct Chart {
    title: &'static str,
    /// Of the vertical scale.
    lines: Vec<(f64, &'static str)>,
    series: Vec<Series>,
}

impl Chart {
    fn draw(&self) -> String {
        let mut svg = format!("<text x=\"8\" y=\"20\">{}</text>\n", self.title);
        for (value, label) in &self.lines {
            let y = self.y(*value);
            let _ = writeln!(
                svg,
                "<line class=\"line\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"faint\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.5
            );
        }
        for (nodes, label) in
            [(1.0, "1 node"), (10.0, "10"), (100.0, "100"), (1_000.0, "1,000"), (5_000.0, "5,000")]
        {
            let _ = writeln!(
                svg,
                "<text class=\"faint\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                x(nodes),
                HEIGHT - BOTTOM + 18.0
            );
        }
        for (class, name, points) in &self.series {
            let drawn: Vec<_> = points
                .iter()
                .map(|(nodes, value)| format!("{:.1},{:.1}", x(*nodes), self.y(*value)))
                .collect();
            let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", drawn.join(" "));
            if let Some((nodes, value)) = points.last() {
                let _ = writeln!(
                    svg,
                    "<text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                    x(*nodes) + 8.0,
                    self.y(*value) + 4.5
                );
            }
        }
        svg
    }

    fn y(&self, value: f64) -> f64 {
        let bounds = self.lines.first().zip(self.lines.last());
        let (least, most) = bounds.map_or((1.0, 10.0), |(first, last)| (first.0, last.0));
        let share = (value.clamp(least, most) / least).log10() / (most / least).log10();
        (HEIGHT - TOP - BOTTOM).mul_add(1.0 - share, TOP)
    }
}

/// Where so many nodes are, of one to five thousand.
fn x(nodes: f64) -> f64 {
    (WIDTH - LEFT - RIGHT).mul_add(nodes.log10() / 5_000_f64.log10(), LEFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scales_begin_and_end_with_their_lines() {
        let chart = Chart { title: "", lines: [(1.0, "1"), (100.0, "100")].into(), series: vec![] };
        let near = |a: f64, b: f64| (a - b).abs() < 0.001;
        assert!(
            near(chart.y(1.0), HEIGHT - BOTTOM) && near(chart.y(100.0), TOP) && near(chart.y(1_000.0), TOP)
        );
        assert!(near(chart.y(10.0), f64::midpoint(TOP, HEIGHT - BOTTOM)));
        assert!(near(x(1.0), LEFT) && near(x(5_000.0), WIDTH - RIGHT));
    }
}
