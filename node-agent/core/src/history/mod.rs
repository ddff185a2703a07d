//! What became of each NIC, and when one is left alone: for a while after a failure, longer after a fight.

mod limits;
mod past;
mod record;
#[cfg(test)]
mod tests;
mod words;

use std::{collections::BTreeMap, time::Instant};

use multinic_crds::{Explanation, MacAddress};

use self::past::Past;
pub use self::record::Record;
use crate::{
    execute::{Failure, Failures},
    observed::{boot, link::KernelView},
    parse::{
        desired::{Desired, Request},
        foreign::Definition,
    },
    plan::{Plan, Verdict},
};

/// What became of each NIC in one generation of the object. A new one is a new start.
///
/// An attempt that changed a NIC and was taken back counts, and there is an end to them. What was found unfit before
/// anything was touched disturbs nobody, so that it is looked at without end.
#[derive(Debug, Clone, Default)]
pub struct History {
    boot_id: String,
    backend: String,
    /// What others configured at the last look.
    definitions: Option<Vec<Definition>>,
    node: String,
    /// What asked for it.
    request: Request,
    nics: BTreeMap<MacAddress, Past>,
}

impl History {
    /// What became of NICs in this boot, with what an earlier agent remembered of it.
    #[must_use]
    pub fn recall(boot_id: String, record: Option<&Record>) -> Self {
        let mut history = Self { boot_id, ..Self::default() };
        let Some(record) = record else { return history };
        history.request.clone_from(&record.request);
        history.backend.clone_from(&record.backend);
        history.nics = record.nics.iter().map(|(mac, tried)| (*mac, Past::recall(tried))).collect();
        if boot::is_another(&record.boot_id, &history.boot_id) {
            history.nics.values_mut().for_each(Past::give_another_chance);
        }
        history
    }

    /// What a later agent has to know, if anything.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        let nics: BTreeMap<_, _> =
            self.nics.iter().filter_map(|(mac, past)| Some((*mac, past.tried()?))).collect();
        (!nics.is_empty()).then(|| Record::new(&self.boot_id, &self.backend, self.request.clone(), nics))
    }

    /// Takes in at `now` what an earlier agent left that was asked by `request`, and that could not be taken back.
    pub fn inherit(&mut self, request: &Request, failures: &Failures, now: Instant) {
        for (mac, failure) in failures.iter().filter(|(_, failure)| !failure.is_as_before()) {
            if self.request != *request {
                self.nics.clear();
                self.request.clone_from(request);
            }
            self.failed(*mac, Explanation::new(failure.reason(), failure.to_string()), true, now);
        }
    }

    /// `desired` is at hand: another object or generation is a new start, and so is what a person asks for.
    pub fn begin(&mut self, desired: &Desired) {
        let request = desired.request();
        let is_another = (&self.request.uid, self.request.generation) != (&request.uid, request.generation);
        let is_asked = request.retry.is_some() && self.request.retry != request.retry;
        if is_another {
            self.nics.clear();
        } else if is_asked {
            self.nics.values_mut().for_each(Past::begin_anew);
        }
        self.node.clone_from(&desired.node);
        if is_another || is_asked {
            self.request = request;
        }
    }

    /// Takes in what may have been the cause of a failure, as a look at `now` shows it: what is another than before is
    /// another chance.
    pub fn look(&mut self, view: &KernelView, backend: &str, definitions: &[Definition], now: Instant) {
        if !backend.is_empty() && self.backend != backend {
            if !self.backend.is_empty() {
                self.nics.values_mut().for_each(Past::give_another_chance);
            }
            backend.clone_into(&mut self.backend);
        }
        if self.definitions.as_deref() != Some(definitions) {
            if self.definitions.is_some() {
                self.nics
                    .values_mut()
                    .filter(|past| past.untouched)
                    .for_each(|past| past.backoff.succeeded());
            }
            self.definitions = Some(definitions.to_vec());
        }
        for (mac, past) in &mut self.nics {
            // A NIC that is away, or there twice, is for `learn`.
            let mut links = view.links_with(*mac);
            if let (Some(link), None) = (links.next(), links.next())
                && past.sees_another(link, now)
            {
                past.give_another_chance();
            }
        }
    }

    /// The network of this NIC says something else of it from now on: the change that follows is no repair.
    pub fn told_anew(&mut self, mac: MacAddress) {
        if let Some(past) = self.nics.get_mut(&mac) {
            past.proven = false;
        }
    }

    /// Takes in what a look at `now` showed: NICs that are right, or away, or unfit.
    pub fn learn(&mut self, plan: &Plan, now: Instant) {
        for (mac, decision) in &plan.decisions {
            match &decision.verdict {
                Verdict::Right => self.right(*mac),
                Verdict::Missing => self.away(*mac, now),
                Verdict::Unfit(unfit) => self.failed(*mac, unfit.clone(), false, now),
                _ => {}
            }
        }
    }

    /// Takes in what became of `plan` by `now`; how many of it were repairs.
    pub fn remember(&mut self, plan: &Plan, failures: &Failures, now: Instant) -> u64 {
        let mut repaired = 0;
        for transaction in &plan.transactions {
            // One that only waited for the kernel to prove an address changed nothing.
            let changed = !(transaction.steps.is_empty() && transaction.files.is_empty());
            for member in &transaction.members {
                if let Some(failure) = failures.get(&member.mac) {
                    let touched = !matches!(failure, Failure::NotBegun(_));
                    let failure = Explanation::new(failure.reason(), failure.to_string());
                    self.failed(member.mac, failure, touched, now);
                } else {
                    repaired += u64::from(self.succeeded(member.mac, changed, now));
                }
            }
        }
        repaired
    }

    /// The NIC was found as wanted.
    fn right(&mut self, mac: MacAddress) {
        let past = self.nics.entry(mac).or_default();
        past.proven = true;
        past.settle();
    }

    /// Changing a NIC failed at `now`, having `touched` it or not.
    fn failed(&mut self, mac: MacAddress, failure: Explanation, touched: bool, now: Instant) {
        self.nics.entry(mac).or_default().failed(failure, touched, now);
    }

    /// The NIC became as wanted at `now`, `changed` or only waited for. Whether that was a repair.
    fn succeeded(&mut self, mac: MacAddress, changed: bool, now: Instant) -> bool {
        let past = self.nics.entry(mac).or_default();
        let repair = changed && past.proven;
        past.proven = true;
        past.settle();
        if repair {
            past.disturbed.push_back(now);
        }
        repair
    }

    /// The NIC is not there at `now`. The next one with its MAC address starts anew, but not without end.
    fn away(&mut self, mac: MacAddress, now: Instant) {
        let Some(past) = self.nics.get_mut(&mac) else { return };
        if past.failure.is_some() && !past.stuck {
            past.settle();
            past.disturbed.push_back(now);
        }
    }

    /// Whether a change of one of several NICs may be what changes the node's own links: which one is found out by
    /// changing one after the other.
    #[must_use]
    pub fn suspects_a_change(&self) -> bool {
        self.nics.values().any(|past| past.fenced > 0)
    }

    /// The NICs that are left alone at `now`, and why.
    pub fn held(&mut self, now: Instant) -> BTreeMap<MacAddress, Explanation> {
        let node = &self.node;
        self.nics.iter_mut().filter_map(|(mac, past)| Some((*mac, past.hold(node, now)?))).collect()
    }

    /// When the NICs that failed may be tried again.
    pub fn next_attempts(&self) -> impl Iterator<Item = Instant> {
        self.nics.values().filter(|past| !past.has_ended()).filter_map(|past| past.backoff.not_before())
    }
}
