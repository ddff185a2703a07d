//! Black-box stories, each in a world of its own, made of real parts only.

mod alone;
mod boundaries;
mod check;
mod constancy;
mod crashes;
mod dhcp;
mod disks;
mod endings;
mod events;
mod faults;
mod guards;
mod kubectl;
mod lease;
mod lifelines;
mod loops;
mod metrics;
mod moves;
mod newcomer;
mod page;
mod pair;
mod parts;
mod pod;
mod rivals;
mod routes;
mod routing;
mod schema;
mod slots;
mod systems;
mod troubles;
mod udev;
mod uplink;
mod wire;
mod witness;

use std::process::ExitCode;

use multinic_testbed::Suite;

fn main() -> ExitCode {
    let suite = faults::tell(boundaries::tell(Suite::default()));
    let suite = routes::tell(systems::tell(constancy::tell(slots::tell(suite))));
    let suite = check::tell(lease::tell(uplink::tell(guards::tell(suite))));
    let suite =
        dhcp::tell(wire::tell(routing::tell(moves::tell(endings::tell(crashes::tell(udev::tell(suite)))))));
    let suite = troubles::tell(rivals::tell(disks::tell(lifelines::tell(suite))));
    newcomer::tell(page::tell(metrics::tell(kubectl::tell(loops::tell(schema::tell(pod::tell(
        parts::tell(events::tell(suite)),
    )))))))
    .run()
}
