//! Black-box stories, each in a world of its own, made of real parts only.

mod alone;
mod boundaries;
mod cadence;
mod check;
mod constancy;
mod crashes;
mod dhcp;
mod disks;
mod endings;
mod events;
mod faults;
mod firewall;
mod guards;
mod kubectl;
mod lease;
mod lifelines;
mod loops;
mod metrics;
mod model;
mod moves;
mod newcomer;
mod outage;
mod page;
mod pair;
mod parts;
mod pod;
mod predecessor;
mod progress;
mod restarts;
mod restored;
mod retries;
mod rivals;
mod routes;
mod routing;
mod schema;
mod six;
mod slots;
mod status_table;
mod stuck;
mod systems;
mod troubles;
mod udev;
mod uplink;
mod wire;
mod witness;

use std::process::ExitCode;

use multinic_testbed::Suite;

/// In this order, unless the command line asks for some only.
const STORIES: &[fn(Suite) -> Suite] = &[
    boundaries::tell,
    cadence::tell,
    check::tell,
    constancy::tell,
    crashes::tell,
    dhcp::tell,
    disks::tell,
    endings::tell,
    events::tell,
    faults::tell,
    firewall::tell,
    guards::tell,
    kubectl::tell,
    lease::tell,
    lifelines::tell,
    loops::tell,
    metrics::tell,
    model::tell,
    moves::tell,
    newcomer::tell,
    outage::tell,
    page::tell,
    parts::tell,
    pod::tell,
    predecessor::tell,
    progress::tell,
    restored::tell,
    restarts::tell,
    retries::tell,
    rivals::tell,
    routes::tell,
    routing::tell,
    schema::tell,
    six::tell,
    slots::tell,
    status_table::tell,
    stuck::tell,
    systems::tell,
    troubles::tell,
    udev::tell,
    uplink::tell,
    wire::tell,
];

fn main() -> ExitCode {
    STORIES.iter().fold(Suite::default(), |suite, tell| tell(suite)).run()
}
