//! Where a long pass is: which NIC, which of how many, and what is done with it. Pure.

use std::fmt;

use k8s_openapi::jiff::Timestamp;
use multinic_crds::{
    ConditionType, MacAddress, NodeNetworkConfigStatus, Reason, condition, merge_conditions,
};

use crate::plan::Member;

/// The other conditions that agents write.
const AGENTS: [ConditionType; 3] =
    [ConditionType::Ready, ConditionType::Degraded, ConditionType::NodeAddressLeaked];

/// One moment of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The name that the NIC gets; none where it is given back.
    pub name: Option<String>,
    /// Which NIC.
    pub mac: MacAddress,
    /// What is done with it.
    pub what: What,
    /// Its number in this pass, from one.
    pub number: usize,
    /// How many NICs this pass is about.
    pub of: usize,
}

/// What is done with a NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Its network is asked whether others have its addresses.
    Asking,
    /// The kernel is told each step.
    Changing,
    /// The kernel probes addresses that it got.
    Probing,
    /// It is looked whether the node still has what it lives by.
    Proving,
    /// The files for the next boot are written.
    Writing,
    /// Something went wrong, and it goes back to what it was.
    TakingBack,
}

impl Progress {
    /// Something is done with `member`, which is the NIC of this `number`, from one, `of` all.
    #[must_use]
    pub fn of(member: &Member, what: What, number: usize, of: usize) -> Self {
        let name = member.wanted.as_ref().map(|nic| nic.name.to_string());
        Self { name, mac: member.mac, what, number, of }
    }

    /// Whether it may be told while it lasts: nobody else is talked to while something is taken back.
    #[must_use]
    pub fn may_be_told(&self) -> bool {
        self.what != What::TakingBack
    }

    /// `status` with the condition `Progressing` that says so, and nothing else changed: how the NICs are is not known before
    /// the end.
    #[must_use]
    pub fn shown_in(
        &self,
        status: &NodeNetworkConfigStatus,
        generation: i64,
        now: Timestamp,
    ) -> NodeNetworkConfigStatus {
        let others = AGENTS.into_iter().filter_map(|one| one.of(&status.conditions));
        let message = self.to_string();
        let shown = condition(ConditionType::Progressing, true, Reason::Applying, &message, generation, now);
        let conditions = others.cloned().chain([shown]).collect();
        let conditions = merge_conditions(&status.conditions, conditions);
        NodeNetworkConfigStatus { conditions, ..status.clone() }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, mac, what, number, of } = self;
        match name {
            Some(name) => write!(f, "configuring {name} ({mac})")?,
            None => write!(f, "giving back {mac}")?,
        }
        write!(f, ", {number} of {of}: {what}")
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asking => "asking its network whether its addresses are free",
            Self::Changing => "changing the link",
            Self::Probing => "waiting for the kernel to probe its addresses",
            Self::Proving => "looking whether the API server can still be reached",
            Self::Writing => "writing its files for the next boot",
            Self::TakingBack => "taking a change back that failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use multinic_crds::InterfaceStatus;
    use serde_json::json;

    use super::*;
    use crate::testing::mac;

    fn progress(name: Option<&str>, what: What) -> Progress {
        Progress { name: name.map(str::to_owned), mac: mac("fa:16:3e:00:00:02"), what, number: 2, of: 5 }
    }

    #[test]
    fn a_step_is_told_in_one_sentence_with_its_nic_and_which_of_how_many_it_is() {
        for (progress, sentence) in [
            (
                progress(Some("multinic1"), What::Probing),
                "configuring multinic1 (fa:16:3e:00:00:02), 2 of 5: waiting for the kernel to probe its addresses",
            ),
            (progress(None, What::Changing), "giving back fa:16:3e:00:00:02, 2 of 5: changing the link"),
        ] {
            assert_eq!(progress.to_string(), sentence);
        }
    }

    #[test]
    fn only_the_condition_says_so_and_what_is_said_of_nics_stays() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let ready = condition(ConditionType::Ready, true, Reason::Configured, "", 7, at(1));
        let settled = condition(ConditionType::Progressing, false, Reason::Settled, "", 7, at(1));
        let synced = condition(ConditionType::Synced, true, Reason::Synced, "", 7, at(1));
        let nic: InterfaceStatus = serde_json::from_value(json!({
            "macAddress": "fa:16:3e:00:00:02", "name": "multinic1", "portId": "", "state": "Configured", "reason": "Configured",
        }))
        .unwrap();
        let before = NodeNetworkConfigStatus {
            interfaces: vec![nic],
            conditions: vec![ready.clone(), settled, synced],
            ..NodeNetworkConfigStatus::default()
        };
        let probing = progress(Some("multinic1"), What::Probing);
        let first = probing.shown_in(&before, 8, at(5));
        assert_eq!(first.interfaces, before.interfaces);
        assert_eq!(ConditionType::Synced.of(&first.conditions), None, "it is the operator's");
        assert_eq!(ConditionType::Ready.of(&first.conditions), Some(&ready));
        let told = |status: &NodeNetworkConfigStatus| {
            let one = ConditionType::Progressing.of(&status.conditions).unwrap().clone();
            (one.status, one.reason, one.message, one.observed_generation, one.last_transition_time.0)
        };
        let sentence = |progress: &Progress| progress.to_string();
        let expected =
            |progress| ("True".to_owned(), "Applying".to_owned(), sentence(progress), Some(8), at(5));
        assert_eq!(told(&first), expected(&probing));
        let writing = progress(Some("multinic1"), What::Writing);
        assert_eq!(
            told(&writing.shown_in(&first, 8, at(9))),
            expected(&writing),
            "it is under way since then"
        );
    }

    #[test]
    fn nothing_is_told_while_something_is_taken_back() {
        assert!(!progress(None, What::TakingBack).may_be_told());
        assert!(progress(None, What::Proving).may_be_told());
    }
}
