//! Black-box stories, each in a world of its own, made of real parts only.

mod loops;
mod parts;
mod schema;

use std::process::ExitCode;

use multinic_testbed::Suite;

fn main() -> ExitCode {
    loops::tell(schema::tell(parts::tell(Suite::default()))).run()
}
