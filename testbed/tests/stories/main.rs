//! Black-box stories, each in a world of its own, made of real parts only.

mod alone;
mod boundaries;
mod check;
mod constancy;
mod dhcp;
mod endings;
mod events;
mod faults;
mod guards;
mod kubectl;
mod lease;
mod loops;
mod metrics;
mod moves;
mod newcomer;
mod page;
mod pair;
mod parts;
mod pod;
mod restored;
mod routes;
mod routing;
mod schema;
mod slots;
mod systems;
mod udev;
mod uplink;
mod wire;
mod witness;

use std::process::ExitCode;

use multinic_testbed::Suite;

fn main() -> ExitCode {
    let suite = faults::tell(boundaries::tell(Suite::default()));
    let suite = restored::tell(suite);
    let suite = routes::tell(systems::tell(constancy::tell(slots::tell(suite))));
    let suite = check::tell(lease::tell(uplink::tell(guards::tell(suite))));
    let suite = dhcp::tell(wire::tell(routing::tell(moves::tell(endings::tell(udev::tell(suite))))));
    newcomer::tell(page::tell(metrics::tell(kubectl::tell(loops::tell(schema::tell(pod::tell(
        parts::tell(events::tell(suite)),
    )))))))
    .run()
}
