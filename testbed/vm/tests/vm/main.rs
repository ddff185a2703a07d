//! NICs as they are on real hosts: a life of them on virtual machines.

mod scene;
mod walk;

use std::process::ExitCode;

use multinic_testbed::{Needs, Suite, Testbed};
use multinic_testbed_vm::{GUESTS, Guest};

fn main() -> ExitCode {
    let tell = |suite: Suite, (guest, needs): (&'static Guest, Needs)| {
        let name = format!("real_nics_come_stay_and_go_on_{}", guest.name);
        suite.tell(&name, needs, async move |bed: &Testbed| walk::take(bed, guest).await)
    };
    GUESTS.into_iter().fold(Suite::default(), tell).run()
}
