//! What is said to the networks of NICs and asked of them, beside everything else: nothing waits for it.

use std::{collections::BTreeSet, io, time::Instant};

use multinic_agent_core::{
    parse::desired::Desired,
    plan::Plan,
    wire::{Announced, Done, Findings, Inquiry, Proofs, Question, present, questions},
};
use multinic_crds::MacAddress;
use tokio::task::JoinSet;

use crate::host::wire;

/// The networks of NICs, as far as they were told something or asked.
#[derive(Default)]
pub struct Wire {
    proofs: Proofs,
    announced: Announced,
    talks: JoinSet<Said>,
    /// Whether it was told that nothing can be announced.
    is_mute: bool,
}

/// What became of a talk.
enum Said {
    Announced(io::Result<()>),
    Answered(Question, io::Result<Findings>),
}

impl Wire {
    /// What may be given to NICs of what is desired: no address that another host has.
    #[must_use]
    pub fn narrow(&self, desired: &Desired) -> Desired {
        self.proofs.narrow(desired)
    }

    /// Says of NICs in `plan` what their networks say.
    pub fn judge(&self, desired: &Desired, plan: &mut Plan) {
        self.proofs.judge(desired, plan);
    }

    /// Announces and asks what is due after a plan was carried out.
    pub fn talk(&mut self, done: Done<'_>) {
        let withheld = self.proofs.withheld();
        for announcement in self.announced.due(present(done, &withheld)) {
            self.talks.spawn(async move { Said::Announced(wire::announce(&announcement).await) });
        }
        let own: BTreeSet<MacAddress> = done.view.links.iter().filter_map(|link| link.mac).collect();
        let questions = questions(present(done, &withheld));
        for question in self.proofs.due(done.desired, questions, Instant::now()) {
            let inquiry = Inquiry::beside(question.clone(), own.clone());
            self.talks.spawn(async move { Said::Answered(question, wire::ask(inquiry).await) });
        }
    }

    /// Waits for the end of a talk; whether it is news of a NIC, and none where there is no talk.
    pub async fn heard(&mut self) -> Option<bool> {
        let said = self.talks.join_next().await?;
        match said {
            Ok(Said::Announced(Err(error))) if !self.is_mute => {
                tracing::warn!("cannot announce addresses, so that neighbours find them late: {error}");
                self.is_mute = true;
            }
            Ok(Said::Answered(question, answer)) => {
                let answer = answer.map_err(|error| error.to_string());
                return Some(self.proofs.learn(&question, answer, Instant::now()));
            }
            _ => {}
        }
        Some(false)
    }

    /// When what is not as it should be may be asked again.
    pub fn next_attempts(&self) -> impl Iterator<Item = Instant> {
        self.proofs.next_attempts()
    }
}
