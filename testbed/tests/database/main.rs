//! The operator's way to the database, on real servers, whatever their defaults and whoever else writes.

mod addressing;
mod failing;
mod reading;
mod routes;
mod scene;
mod session;
mod status_table;
mod writing;

use std::process::ExitCode;

use multinic_testbed::Suite;

fn main() -> ExitCode {
    let suite = session::tell(reading::tell(writing::tell(Suite::default())));
    failing::tell(status_table::tell(addressing::tell(routes::tell(suite)))).run()
}
