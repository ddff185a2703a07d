//! The product as its users get it: images and a chart, on clusters of real nodes with real pods.
//!
//! ```text
//!  install      what README and the seed's README tell, a database with TLS, and what an agent's token may do
//!  life         source routing beside pods and Services, upgrade, rollback, drain, reboot, replacement, two agents on one node
//!  uninstall    keeping the NICs, and giving them back
//!  permissions  each one taken away in turn, compared with docs/security.md
//!  deploy       scripts/deploy.sh, its failures included
//! ```

mod deploy;
mod encryption;
mod images;
mod install;
mod life;
mod people;
mod permissions;
mod replies;
mod scene;
mod steps;
mod uninstall;

use std::process::ExitCode;

use multinic_testbed::Suite;
use multinic_testbed::setup::obstacle;
use multinic_testbed_cluster::{CLUSTER, setup};

use images::Images;

fn main() -> ExitCode {
    // Before any testbed: in there is no way out to a registry of crates. What fails is each story's to say.
    if obstacle().is_none() && setup::ensure().is_ok() {
        let _ = Images::current().and_then(|_| Images::next());
    }
    Suite::default()
        .tell("install", CLUSTER, install::tell)
        .tell("life", CLUSTER, life::tell)
        .tell("uninstall", CLUSTER, uninstall::tell)
        .tell("permissions", CLUSTER, permissions::tell)
        .tell("deploy", CLUSTER, deploy::tell)
        .run()
}
