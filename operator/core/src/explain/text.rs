//! The report in words.

use std::fmt::Write;

use k8s_openapi::jiff::Timestamp;

use super::{
    finding::{Finding, Nic, Severity},
    report::Report,
};

impl Report {
    /// The report for people, as of `now`.
    #[must_use]
    pub fn text(&self, now: Timestamp) -> String {
        let findings = self.findings.iter().map(|finding| of(finding, now) + "\n");
        findings.chain([self.summary()]).collect()
    }

    fn summary(&self) -> String {
        let Self { nodes, nodes_wrong, nics, nics_configured, agent_version, nodes_listed, findings } = self;
        let unlisted = if *nodes_listed {
            ""
        } else {
            "The Nodes may not be listed, so nobody knows which are Ready, and which have no object.\n"
        };
        let verdict = match nodes_wrong {
            0 if findings.is_empty() => format!("All is well. Nodes: {nodes}"),
            0 => format!("Nothing is wrong. Nodes: {nodes}"),
            wrong => format!("Nodes that need attention: {wrong} of {nodes}"),
        };
        let agents = if agent_version.is_empty() { "none has reported" } else { agent_version };
        format!("{unlisted}{verdict}. NICs configured: {nics_configured} of {nics}. Agents: {agents}.\n")
    }
}

fn of(finding: &Finding, now: Timestamp) -> String {
    let Finding { node, severity, nic, reason, since, message, meaning, remedy } = finding;
    let mut text = node.clone();
    if let Some(Nic { name, mac_address, state }) = nic {
        let state = format!("{state:?}, ");
        // `DeviceMissing` is both.
        let state = if state.starts_with(reason) { "" } else { &state };
        let _ = write!(text, " {name} {mac_address}: {state}{reason}");
    } else {
        let _ = write!(text, ": {reason}");
    }
    if let Some(since) = since {
        let _ = write!(text, ", for {}", age(now.as_second() - since.0.as_second()));
    }
    if *severity == Severity::Notice {
        text += " (notice)";
    }
    text.push('\n');
    for (what, words) in [("says", message), ("means", meaning), ("do", remedy)] {
        if !words.is_empty() {
            let _ = writeln!(text, "  {what:<6} {words}");
        }
    }
    text
}

/// As kubectl shows an age.
fn age(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{}s", seconds.max(0)),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
