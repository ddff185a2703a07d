//! What was asked of the network of each NIC, what came of it, and when it is asked again.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Instant,
};

use multinic_crds::{Explanation, MacAddress, Reason, Verify};

use super::{
    ask::claims,
    narrow,
    question::{Findings, Question},
};
use crate::{
    parse::desired::Desired,
    plan::{Plan, Verdict},
    retry::Backoff,
};

/// What is known of the networks of NICs. What was found holds until something else is to be asked; a fault is looked at
/// again at growing intervals.
#[derive(Debug, Default)]
pub struct Proofs(BTreeMap<MacAddress, Proof>);

#[derive(Debug, Default)]
struct Proof {
    /// What was asked last; none while there is no network to ask.
    question: Option<Question>,
    /// The answer is not there yet.
    waits: bool,
    /// Addresses that other hosts have.
    taken: BTreeMap<Ipv4Addr, MacAddress>,
    /// What else is not as it should be.
    fault: Option<Explanation>,
    backoff: Backoff,
}

impl Proofs {
    /// Those of `questions` that are to be asked at `now`. What is `desired` no more is forgotten.
    pub fn due(&mut self, desired: &Desired, questions: Vec<Question>, now: Instant) -> Vec<Question> {
        self.0.retain(|mac, proof| {
            let nic = desired.wanted.get(mac).filter(|nic| nic.verify == Verify::Wire);
            let wanted = nic.map(claims).unwrap_or_default();
            proof.taken.retain(|ip, _| wanted.contains(ip));
            let is_asked = questions.iter().any(|question| question.mac == *mac);
            if !is_asked {
                proof.change_to(None);
                proof.backoff.succeeded();
            }
            is_asked || !proof.taken.is_empty()
        });
        let mut due = questions;
        due.retain(|question| self.0.entry(question.mac).or_default().begin(question, now));
        due
    }

    /// Takes in what came of `question` by `now`, or why it could not be asked. Whether that is news.
    pub fn learn(&mut self, question: &Question, answer: Result<Findings, String>, now: Instant) -> bool {
        match self.0.get_mut(&question.mac) {
            Some(proof) if proof.question.as_ref() == Some(question) => proof.learn(question, answer, now),
            // Something else is asked by now.
            _ => false,
        }
    }

    /// What may be given to NICs of what is desired.
    #[must_use]
    pub fn narrow(&self, desired: &Desired) -> Desired {
        let mut narrowed = desired.clone();
        for (mac, proof) in self.0.iter().filter(|(_, proof)| !proof.taken.is_empty()) {
            if let Some(nic) = narrowed.wanted.get_mut(mac).filter(|nic| nic.verify == Verify::Wire) {
                *nic = narrow::without(nic, &proof.taken);
            }
        }
        narrowed
    }

    /// Says of NICs in a plan of what is [narrowed](Self::narrow) what their networks say.
    pub fn judge(&self, desired: &Desired, plan: &mut Plan) {
        for (mac, proof) in &self.0 {
            let asks = desired.wanted.get(mac).is_some_and(|nic| nic.verify == Verify::Wire);
            let Some(decision) = plan.decisions.get_mut(mac).filter(|_| asks) else { continue };
            let taken = proof.taken.iter().next().map(|(ip, other)| in_use(*ip, *other));
            match (&decision.verdict, taken, &proof.fault) {
                (Verdict::Right | Verdict::Change, Some(taken), _) => decision.verdict = Verdict::Held(taken),
                (Verdict::Right | Verdict::Change, None, Some(fault)) => {
                    drop(plan.unproven.insert(*mac, fault.clone()));
                }
                _ => {}
            }
        }
    }

    /// The NICs that lack an address which another host has.
    #[must_use]
    pub fn withheld(&self) -> BTreeSet<MacAddress> {
        self.0.iter().filter(|(_, proof)| !proof.taken.is_empty()).map(|(mac, _)| *mac).collect()
    }

    /// When what is not as it should be may be asked again.
    pub fn next_attempts(&self) -> impl Iterator<Item = Instant> {
        self.0.values().filter(|proof| !proof.waits).filter_map(|proof| proof.backoff.not_before())
    }
}

impl Proof {
    /// Whether `question` is to be asked at `now`; it counts as asked then.
    fn begin(&mut self, question: &Question, now: Instant) -> bool {
        let is_new = self.question.as_ref() != Some(question);
        if is_new {
            self.change_to(Some(question.clone()));
            if self.taken.is_empty() {
                self.backoff.succeeded();
            }
        }
        let is_faulty = self.fault.is_some() || !self.taken.is_empty();
        let begins = !self.waits && (is_new || is_faulty) && self.backoff.is_due(now);
        self.waits |= begins;
        begins
    }

    fn change_to(&mut self, question: Option<Question>) {
        if self.question != question {
            *self = Self {
                question,
                taken: std::mem::take(&mut self.taken),
                backoff: self.backoff,
                ..Self::default()
            };
        }
    }

    fn learn(&mut self, question: &Question, answer: Result<Findings, String>, now: Instant) -> bool {
        let before = (self.taken.clone(), self.fault.clone());
        self.waits = false;
        match answer {
            Ok(findings) => {
                self.fault = fault(question, &findings);
                self.taken = findings.taken;
            }
            Err(error) => self.fault = Some(unavailable(&error)),
        }
        if self.fault.is_none() && self.taken.is_empty() {
            self.backoff.succeeded();
        } else {
            self.backoff.failed(now);
        }
        before != (self.taken.clone(), self.fault.clone())
    }
}

fn fault(question: &Question, findings: &Findings) -> Option<Explanation> {
    if let Some(router) = findings.silent.first() {
        let asked = question.gateways.get(router).map(ToString::to_string).unwrap_or_default();
        let message = format!(
            "{router} does not answer {asked}, so nothing is reached by way of it; {}",
            Reason::GatewaySilent.remedy()
        );
        return Some(Explanation::new(Reason::GatewaySilent, message));
    }
    let (router, bytes) = findings.passes?;
    let message = format!(
        "{bytes} of {} bytes pass to {router} and back; {}",
        question.mtu,
        Reason::MtuTooLarge.remedy()
    );
    Some(Explanation::new(Reason::MtuTooLarge, message))
}

/// That another host has an address, which the NIC does not get.
pub(crate) fn in_use(ip: Ipv4Addr, other: MacAddress) -> Explanation {
    let message = format!(
        "the host with the MAC address {other} has {ip}, so the NIC does not get it; {}",
        Reason::AddressInUse.remedy()
    );
    Explanation::new(Reason::AddressInUse, message)
}

fn unavailable(error: &str) -> Explanation {
    let message =
        format!("the NIC's network cannot be asked anything: {error}; {}", Reason::WireUnavailable.remedy());
    Explanation::new(Reason::WireUnavailable, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use multinic_crds::Interface;

    use super::*;
    use crate::{
        plan::Decision,
        testing::{mac, nic},
    };

    const NIC: &str = "fa:16:3e:00:00:0a";
    const OTHER: &str = "fa:16:3e:00:00:0b";

    fn desired() -> Desired {
        let nic = Interface { verify: Verify::Wire, ..nic(NIC, "multinic0", &["10.1.0.5/24"]) };
        Desired { generation: 1, wanted: BTreeMap::from([(nic.mac_address, nic)]), ..Desired::default() }
    }

    fn question(index: u32) -> Question {
        Question {
            mac: mac(NIC),
            index,
            source: mac(NIC),
            mtu: 9000,
            claims: [Ipv4Addr::new(10, 1, 0, 5)].into(),
            gateways: [("10.1.0.1".parse().unwrap(), "10.1.0.5".parse().unwrap())].into(),
        }
    }

    fn taken() -> Findings {
        Findings { taken: [(Ipv4Addr::new(10, 1, 0, 5), mac(OTHER))].into(), ..Findings::default() }
    }

    fn silent() -> Findings {
        Findings { silent: ["10.1.0.1".parse().unwrap()].into(), ..Findings::default() }
    }

    /// What is said of a NIC that is right in the kernel.
    fn said(proofs: &Proofs) -> (Verdict, Option<Reason>) {
        let decision = Decision {
            name: String::new(),
            port_id: String::new(),
            index: Some(3),
            verdict: Verdict::Right,
            awaited: None,
        };
        let mut plan = Plan { decisions: [(mac(NIC), decision)].into(), ..Plan::default() };
        proofs.judge(&desired(), &mut plan);
        let fault = plan.unproven.get(&mac(NIC)).map(|fault| fault.reason);
        (plan.decisions[&mac(NIC)].verdict.clone(), fault)
    }

    #[test]
    fn what_was_found_right_is_not_asked_again_until_something_else_is_to_be_asked() {
        let (start, mut proofs) = (Instant::now(), Proofs::default());
        let due = |proofs: &mut Proofs, index| proofs.due(&desired(), vec![question(index)], start).len();
        assert_eq!(due(&mut proofs, 3), 1);
        assert_eq!(due(&mut proofs, 3), 0, "it is under way");
        assert!(!proofs.learn(&question(3), Ok(Findings::default()), start));
        assert_eq!(due(&mut proofs, 3), 0);
        assert_eq!(said(&proofs), (Verdict::Right, None));
        assert_eq!(due(&mut proofs, 4), 1, "another device");
        assert!(!proofs.learn(&question(3), Ok(silent()), start), "an answer to an earlier question");
        assert_eq!(said(&proofs), (Verdict::Right, None));
        proofs.due(&desired(), vec![], start);
        assert_eq!(due(&mut proofs, 4), 1, "its carrier was away");
    }

    #[test]
    fn a_fault_is_said_and_asked_again_at_growing_intervals() {
        let (start, mut proofs) = (Instant::now(), Proofs::default());
        let mut now = start;
        for wait in [1, 2, 4, 8] {
            assert_eq!(proofs.due(&desired(), vec![question(3)], now).len(), 1);
            let is_news = proofs.learn(&question(3), Ok(silent()), now);
            assert_eq!(is_news, wait == 1, "the same again is none");
            assert_eq!(said(&proofs), (Verdict::Right, Some(Reason::GatewaySilent)));
            assert_eq!(proofs.due(&desired(), vec![question(3)], now).len(), 0);
            now += Duration::from_secs(wait);
            assert_eq!(proofs.next_attempts().collect::<Vec<_>>(), [now]);
        }
        let passes = Some(("10.1.0.1".parse().unwrap(), 1450));
        proofs.due(&desired(), vec![question(3)], now);
        assert!(proofs.learn(&question(3), Ok(Findings { passes, ..Findings::default() }), now));
        assert_eq!(said(&proofs), (Verdict::Right, Some(Reason::MtuTooLarge)));
        now += Duration::from_secs(16);
        proofs.due(&desired(), vec![question(3)], now);
        assert!(proofs.learn(&question(3), Err("not permitted".to_owned()), now));
        assert_eq!(said(&proofs), (Verdict::Right, Some(Reason::WireUnavailable)));
        now += Duration::from_secs(32);
        proofs.due(&desired(), vec![question(3)], now);
        assert!(proofs.learn(&question(3), Ok(Findings::default()), now));
        assert_eq!((said(&proofs), proofs.next_attempts().count()), ((Verdict::Right, None), 0));
    }

    #[test]
    fn an_address_of_another_host_is_not_given_until_its_network_says_that_it_is_free() {
        let (start, mut proofs) = (Instant::now(), Proofs::default());
        proofs.due(&desired(), vec![question(3)], start);
        assert!(proofs.learn(&question(3), Ok(taken()), start));
        let bare = |proofs: &Proofs| proofs.narrow(&desired()).wanted[&mac(NIC)].addresses.is_empty();
        assert!(bare(&proofs));
        let held = Verdict::Held(in_use(Ipv4Addr::new(10, 1, 0, 5), mac(OTHER)));
        assert_eq!(said(&proofs), (held, None));
        // Without its address the NIC has no way to ask its gateway.
        let without = Question { gateways: BTreeMap::new(), ..question(3) };
        assert_eq!(proofs.due(&desired(), vec![without.clone()], start).len(), 0, "it was asked just now");
        proofs.due(&desired(), vec![], start);
        assert!(bare(&proofs), "no carrier, no news");
        assert_eq!(proofs.due(&desired(), vec![without.clone()], start).len(), 1);
        assert!(proofs.learn(&without, Ok(Findings::default()), start));
        assert!(!bare(&proofs));
        assert_eq!(said(&proofs), (Verdict::Right, None));
    }

    #[test]
    fn nobody_withholds_an_address_that_is_not_to_be_proven_or_is_another_one_by_now() {
        let (start, mut proofs) = (Instant::now(), Proofs::default());
        proofs.due(&desired(), vec![question(3)], start);
        proofs.learn(&question(3), Ok(taken()), start);
        let mut changed = desired();
        changed.wanted.get_mut(&mac(NIC)).unwrap().verify = Verify::Kernel;
        assert_eq!(proofs.narrow(&changed), changed);
        let moved = Interface { verify: Verify::Wire, ..nic(NIC, "multinic0", &["10.1.0.6/24"]) };
        changed.wanted.insert(moved.mac_address, moved);
        proofs.due(&changed, vec![], start);
        assert_eq!(proofs.withheld(), BTreeSet::new());
    }
}
