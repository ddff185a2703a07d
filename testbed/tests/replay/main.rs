//! The producer's week, replayed in compressed time: its transactions as it writes them, and whatever goes wrong.
//!
//! Database, API server and operator are real. The agents are stood in for by what reports every object as done: what
//! agents do with objects is told by the stories.
//!
//! `MULTINIC_SOAK_SYNCS` says how many syncs of the producer there are, and `MULTINIC_SOAK_SEED` replays those of an
//! earlier run again, as far as time does not come into it.

mod agents;
mod agree;
mod chance;
mod fault;
mod meant;
mod mishap;
mod replay;

use std::process::ExitCode;

use multinic_testbed::{Needs, Suite};

fn main() -> ExitCode {
    Suite::default()
        .tell(
            "whatever_the_producer_does_table_objects_and_agents_end_equal_and_nothing_else_was_touched",
            Needs::Testbed,
            replay::week,
        )
        .run()
}
