//! Logs: one line per event on stderr.

use std::{io, str::FromStr};

use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Where the Kubernetes client calls every failed attempt an error, twice a second while the API
/// server is away. What came of the attempts is for our loops to say, once.
const ATTEMPTS: &str = "kube_client::client::builder";

const WANTED: &str = "write error, warn, info, debug or trace";

/// A part such as `info` or `kube=debug`, with the Go agent's names for levels in ours.
fn part(text: &str) -> Result<String, String> {
    let (target, level) = text.rsplit_once('=').map_or(("", text), |(target, level)| (target, level));
    let level = match level.trim() {
        "warning" => "warn",
        "fatal" | "panic" => "error",
        level => level,
    };
    // Otherwise it would be taken for the name of a crate, and all others be silenced.
    if level.is_empty() || level.parse::<LevelFilter>().is_err() {
        return Err(format!("{text:?} is no level; {WANTED}"));
    }
    Ok(if target.is_empty() { level.to_owned() } else { format!("{}={level}", target.trim()) })
}

/// Which events are logged.
#[derive(Debug, Clone)]
pub struct Filter(Targets);

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.to_ascii_lowercase();
        let text = text.split(',').map(part).collect::<Result<Vec<_>, _>>()?.join(",");
        let targets = text.parse::<Targets>().map_err(|error| format!("{error}; {WANTED}"))?;
        Ok(Self(if text.contains("kube_client") {
            targets
        } else {
            targets.with_target(ATTEMPTS, LevelFilter::OFF)
        }))
    }
}

impl Default for Filter {
    /// `info`.
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO).with_target(ATTEMPTS, LevelFilter::OFF))
    }
}

/// Sends this process's events to stderr. The first call wins.
pub fn init(format: Format, filter: &Filter) {
    let filter = filter.0.clone();
    let layer = match format {
        Format::Json => {
            fmt::layer().json().flatten_event(true).with_writer(io::stderr).with_filter(filter).boxed()
        }
        Format::Text => fmt::layer().with_ansi(false).with_writer(io::stderr).with_filter(filter).boxed(),
    };
    // Fails only where a subscriber is set already, as in tests.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_the_seed_are_understood_and_typos_are_not() {
        for level in
            ["info", "DEBUG", "warn,kube=trace", "warning", "Fatal", "panic", "kube=Warning, info", "off"]
        {
            assert!(level.parse::<Filter>().is_ok(), "{level}");
        }
        for typo in
            ["", " ", ",", "info,", "verbose", "info,loud", "loud=very", "info,kube=verbose", "info,kube="]
        {
            assert!(typo.parse::<Filter>().is_err(), "{typo:?}");
        }
    }
}
