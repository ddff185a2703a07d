//! The product as its users get it: images and a chart, on clusters of real nodes with real pods.
//!
//! ```text
//!  install      what README and the seed's README tell, a database with TLS, and what an agent's token may do
//!  life         upgrade, rollback, drain, reboot, replacement, two agents on one node
//!  uninstall    keeping the NICs, and giving them back
//!  permissions  each one taken away in turn, compared with docs/security.md
//!  deploy       scripts/deploy.sh, its failures included
//! ```

mod deploy;
mod encryption;
mod images;
mod install;
mod life;
mod permissions;
mod scene;
mod steps;
mod uninstall;

use std::process::ExitCode;

use multinic_testbed::{Needs, Suite, setup};

use images::Images;

fn main() -> ExitCode {
    // Before any testbed: in there is no way out to a registry of crates. What fails is each story's to say.
    if setup::obstacle().is_none() && setup::ensure_cluster().is_ok() {
        let _ = Images::current().and_then(|_| Images::next());
    }
    Suite::default()
        .tell("install", Needs::Cluster, install::tell)
        .tell("life", Needs::Cluster, life::tell)
        .tell("uninstall", Needs::Cluster, uninstall::tell)
        .tell("permissions", Needs::Cluster, permissions::tell)
        .tell("deploy", Needs::Cluster, deploy::tell)
        .run()
}
