//! Black-box stories, each in a world of its own, made of real parts only.

mod boundaries;
mod constancy;
mod faults;
mod loops;
mod parts;
mod schema;
mod slots;
mod witness;

use std::process::ExitCode;

use multinic_testbed::Suite;

fn main() -> ExitCode {
    let suite = faults::tell(boundaries::tell(Suite::default()));
    let suite = constancy::tell(slots::tell(suite));
    loops::tell(schema::tell(parts::tell(suite))).run()
}
