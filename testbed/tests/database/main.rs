//! The operator's way to the database, on real servers, whatever their defaults and whoever else writes.

mod reading;
mod routes;
mod scene;
mod session;
mod writing;

use std::process::ExitCode;

use multinic_testbed::Suite;

fn main() -> ExitCode {
    routes::tell(session::tell(reading::tell(writing::tell(Suite::default())))).run()
}
