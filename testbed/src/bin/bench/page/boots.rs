//! The table of what comes of a boot with a bad file.

use crate::faults::{Boot, BootOutcome, Boots, NEVER};

const HEAD: &str = "\
| | NICs after a boot with good files | with a bad file and the uplink in netplan's: uplink | NICs | with a bad file and the uplink in networkd's: uplink | NICs |
|---|---|---|---|---|---|
";

pub(super) fn draw(boots: &Boots) -> String {
    let rows: String = boots.outcomes.iter().map(row).collect();
    format!("{HEAD}{rows}\nOne boot each. Down and never: not within {} seconds.\n", NEVER.as_secs())
}

fn row(outcome: &BootOutcome) -> String {
    let BootOutcome { name, good, uplink_of_netplan, uplink_of_networkd } = outcome;
    let uplink = |boot: &Boot| if boot.uplink { "up" } else { "down" };
    let nics = |boot: &Boot| {
        boot.nics.map_or_else(|| "never".to_owned(), |took| format!("{:.1} s", took.as_secs_f64()))
    };
    format!(
        "| {name} | {} | {} | {} | {} | {} |\n",
        nics(good),
        uplink(uplink_of_netplan),
        nics(uplink_of_netplan),
        uplink(uplink_of_networkd),
        nics(uplink_of_networkd)
    )
}
