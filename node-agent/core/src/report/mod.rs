//! Saying: the status of the object, from what was decided, done and seen. Pure.

mod leak;
mod news;
#[cfg(test)]
mod tests;
mod transition;

pub use news::is_pressing;
pub use transition::transitions;

use std::collections::BTreeMap;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use multinic_crds::{
    ConditionType, Explanation, InterfaceState, InterfaceStatus, MAX_INTERFACE_MESSAGE_BYTES, MAX_UNCLAIMED,
    MacAddress, Mode, NodeNetworkConfigStatus, ObservedLink, Reason, UnclaimedLink, condition,
    merge_conditions, truncate_message,
};

use crate::{
    execute::Failure,
    observed::link::{KernelView, Link},
    parse::desired::Desired,
    plan::{Decision, Plan, Verdict, missing},
};

/// What never changes while an agent runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// The operating system, as its os-release names it.
    pub os_image: String,
    /// The kernel's boot id.
    pub boot_id: String,
    /// The agent's own version.
    pub agent_version: &'static str,
}

/// How far a reconcile has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// About to act on the plan.
    Progressing,
    /// Done with it, as far as it could be done.
    Settled,
}

/// Everything that a status is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What was wanted.
    pub desired: &'a Desired,
    /// What was decided; `None` where the node could not even be looked at.
    pub plan: Option<&'a Plan>,
    /// What went wrong with it.
    pub failures: &'a BTreeMap<MacAddress, Failure>,
    /// Why nothing at all can be done on this host, if that is so.
    pub obstacle: Option<&'a Explanation>,
    /// What configures the network at boot; empty where it is nothing that we know.
    pub backend: &'static str,
    /// The kernel as last seen.
    pub view: &'a KernelView,
    /// How far the reconcile has come.
    pub phase: Phase,
}

impl Report<'_> {
    /// The status to publish, given the `previous` one and the `facts` of this host.
    ///
    /// Guarantee: equal to `previous` unless something other than time changed. What was said in an earlier
    /// boot counts for nothing.
    #[must_use]
    pub fn status(
        &self,
        facts: &HostFacts,
        previous: &NodeNetworkConfigStatus,
        now: Timestamp,
    ) -> NodeNetworkConfigStatus {
        let interfaces = self.interfaces(&previous.interfaces, now);
        let verdict = self.verdict(&interfaces);
        let configured = interfaces.iter().filter(|nic| nic.state == InterfaceState::Configured).count();
        let generation = self.desired.generation;
        let in_this_boot = |generation: Option<i64>| generation.filter(|_| previous.boot_id == facts.boot_id);
        let conditions = [
            (ConditionType::Ready, verdict.ready, verdict.reason, verdict.message.as_str()),
            (ConditionType::Degraded, verdict.degraded, verdict.reason, verdict.message.as_str()),
            (
                ConditionType::Progressing,
                verdict.progressing,
                if verdict.progressing { Reason::Applying } else { Reason::Settled },
                "",
            ),
        ];
        let conditions = conditions
            .into_iter()
            .map(|(kind, holds, reason, message)| condition(kind, holds, reason, message, generation, now))
            .chain(leak::leaked(self.plan, &previous.conditions, generation, now))
            .collect();
        NodeNetworkConfigStatus {
            // Not having looked says nothing about a new generation.
            observed_generation: if self.plan.is_some() {
                Some(generation)
            } else {
                in_this_boot(previous.observed_generation)
            },
            applied_generation: if verdict.ready {
                Some(generation)
            } else {
                in_this_boot(previous.applied_generation)
            },
            summary: format!("{configured}/{}", self.desired.wanted.len() + self.desired.malformed.len()),
            backend: self.backend.to_owned(),
            os_image: facts.os_image.clone(),
            agent_version: facts.agent_version.to_owned(),
            boot_id: facts.boot_id.clone(),
            interfaces,
            unclaimed: self.unclaimed(),
            conditions: merge_conditions(&previous.conditions, conditions),
        }
    }

    fn interfaces(&self, previous: &[InterfaceStatus], now: Timestamp) -> Vec<InterfaceStatus> {
        let known = match self.plan {
            Some(plan) => {
                plan.decisions.iter().filter_map(|(mac, decision)| self.interface(*mac, decision)).collect()
            }
            None => self.unseen(previous),
        };
        let malformed = self.desired.malformed.iter().filter_map(|entry| {
            Some(InterfaceStatus {
                mac_address: entry.mac?.to_string(),
                name: String::new(),
                port_id: String::new(),
                state: InterfaceState::Refused,
                reason: Reason::InvalidSpec.to_string(),
                message: truncate_message(&entry.message, MAX_INTERFACE_MESSAGE_BYTES),
                observed: None,
                last_transition_time: None,
            })
        });
        let mut interfaces: Vec<_> = known.into_iter().chain(malformed).collect();
        for nic in &mut interfaces {
            let before = previous.iter().find(|before| before.mac_address == nic.mac_address);
            let unchanged = before.filter(|before| before.state == nic.state);
            nic.last_transition_time =
                unchanged.and_then(|before| before.last_transition_time.clone()).or(Some(Time(now)));
        }
        interfaces.sort_by_key(|nic| (slot(&nic.name), nic.mac_address.clone()));
        // The list is keyed by MAC address, and an entry may be malformed twice over.
        interfaces.dedup_by(|a, b| a.mac_address == b.mac_address);
        interfaces
    }

    /// The NICs that nobody asks for, as many as a status has room for.
    fn unclaimed(&self) -> Vec<UnclaimedLink> {
        let decisions = self.plan.iter().flat_map(|plan| &plan.decisions);
        let given_back = decisions.filter(|(mac, decision)| self.state(**mac, decision).is_none());
        let given_back = given_back.filter_map(|(mac, decision)| Some((*mac, decision.index?)));
        let never_ours = self.plan.iter().flat_map(|plan| &plan.unclaimed).map(|(mac, index)| (*mac, *index));
        let found: BTreeMap<_, _> = never_ours.chain(given_back).collect();
        let links = found.into_iter().filter_map(|(mac, index)| Some((mac, self.view.link(index)?)));
        let said = links.map(|(mac, link)| UnclaimedLink {
            mac_address: mac.to_string(),
            link_name: link.name.clone(),
            up: link.up,
            carrier: link.up && link.carrier,
        });
        said.take(MAX_UNCLAIMED).collect()
    }

    /// The NICs of which nobody knows how they are now, whatever was seen before.
    fn unseen(&self, previous: &[InterfaceStatus]) -> Vec<InterfaceStatus> {
        let (reason, message) = self
            .obstacle
            .map_or((Reason::Applying, ""), |obstacle| (obstacle.reason, obstacle.message.as_ref()));
        let unseen = |mac_address: String, name: String, port_id: String, state| InterfaceStatus {
            mac_address,
            name,
            port_id,
            state,
            reason: reason.to_string(),
            message: truncate_message(message, MAX_INTERFACE_MESSAGE_BYTES),
            observed: None,
            last_transition_time: None,
        };
        let wanted = self.desired.wanted.values().map(|nic| {
            let mac_address = nic.mac_address.to_string();
            unseen(mac_address, nic.name.to_string(), nic.port_id.clone(), InterfaceState::Pending)
        });
        let unwanted = previous
            .iter()
            .filter(|nic| nic.mac_address.parse().is_ok_and(|mac| self.desired.is_absent(mac)));
        let unwanted = unwanted.map(|nic| {
            unseen(nic.mac_address.clone(), nic.name.clone(), String::new(), InterfaceState::Removing)
        });
        wanted.chain(unwanted).collect()
    }

    /// The status of one NIC; none for one that was given back.
    fn interface(&self, mac: MacAddress, decision: &Decision) -> Option<InterfaceStatus> {
        let (state, reason, message) = self.state(mac, decision)?;
        // What others do with a link that is not ours is not ours to publish.
        let ours = state != InterfaceState::Refused;
        let observed = decision.index.filter(|_| ours).and_then(|index| self.view.link(index)).map(observed);
        Some(InterfaceStatus {
            mac_address: mac.to_string(),
            name: decision.name.clone(),
            port_id: decision.port_id.clone(),
            state,
            reason: reason.to_string(),
            message: truncate_message(&message, MAX_INTERFACE_MESSAGE_BYTES),
            observed,
            last_transition_time: None,
        })
    }

    fn state(&self, mac: MacAddress, decision: &Decision) -> Option<(InterfaceState, Reason, String)> {
        let removing = matches!(decision.verdict, Verdict::Remove | Verdict::Keep(_));
        if let Some(failure) = self.failures.get(&mac) {
            let state = if removing { InterfaceState::Removing } else { unmade(failure.reason()) };
            return Some((state, failure.reason(), failure.to_string()));
        }
        let link = decision.index.and_then(|index| self.view.link(index));
        let configured = match link {
            _ if let Some(awaited) = &decision.awaited => {
                (unmade(awaited.reason), awaited.reason, awaited.message.to_string())
            }
            _ if let Some(unproven) = self.unproven(mac, link) => unproven,
            Some(link) if !link.carrier => {
                let message = format!("{} is set up, but has no carrier; look at its port", link.name);
                (InterfaceState::Configured, Reason::NoCarrier, message)
            }
            _ => (InterfaceState::Configured, Reason::Configured, String::new()),
        };
        let settled = self.phase == Phase::Settled && self.held_back().is_none();
        let waiting = self.held_back().unwrap_or(Reason::Applying);
        Some(match &decision.verdict {
            Verdict::Right => configured,
            Verdict::Change if settled => configured,
            Verdict::Change => (InterfaceState::Pending, waiting, self.intention(mac)),
            Verdict::Missing => {
                (InterfaceState::DeviceMissing, Reason::DeviceMissing, missing(mac, self.view))
            }
            Verdict::Refuse(refusal) => {
                (InterfaceState::Refused, refusal.reason, refusal.message.to_string())
            }
            Verdict::Unfit(refusal) | Verdict::Held(refusal) => {
                (unmade(refusal.reason), refusal.reason, refusal.message.to_string())
            }
            Verdict::Remove if settled => return None,
            Verdict::Remove => (InterfaceState::Removing, waiting, self.intention(mac)),
            Verdict::Keep(refusal) => (InterfaceState::Removing, refusal.reason, refusal.message.to_string()),
        })
    }

    /// What the network of a NIC says that is right in the kernel. Without a carrier it says nothing.
    fn unproven(&self, mac: MacAddress, link: Option<&Link>) -> Option<(InterfaceState, Reason, String)> {
        let fault = self.plan?.unproven.get(&mac)?;
        let message = fault.message.to_string();
        link?.carrier.then_some((InterfaceState::Configured, fault.reason, message))
    }

    /// Why the plan is not carried out at all.
    fn held_back(&self) -> Option<Reason> {
        if let Some(obstacle) = self.obstacle {
            return Some(obstacle.reason);
        }
        match self.desired.mode {
            Mode::Enforce => None,
            Mode::DryRun => Some(Reason::DryRun),
            Mode::Paused => Some(Reason::Paused),
        }
    }

    /// What would be done, for a mode in which it is not.
    fn intention(&self, mac: MacAddress) -> String {
        if self.desired.mode != Mode::DryRun {
            return String::new();
        }
        let transactions = self.plan.iter().flat_map(|plan| &plan.transactions);
        let mut concerned =
            transactions.filter(|transaction| transaction.members.iter().any(|member| member.mac == mac));
        let Some(transaction) = concerned.next() else { return String::new() };
        let steps = transaction.steps.iter().map(ToString::to_string);
        let files = transaction.files.iter().map(|change| {
            let verb = if change.to.is_some() { "write" } else { "remove" };
            format!("{verb} {}", change.path)
        });
        format!("would {}", steps.chain(files).collect::<Vec<_>>().join(", "))
    }

    fn verdict(&self, interfaces: &[InterfaceStatus]) -> Overall {
        if let Some(obstacle) = self.obstacle {
            return Overall::broken(obstacle.reason, obstacle.message.to_string());
        }
        if let Some(entry) = self.desired.malformed.first() {
            return Overall::broken(Reason::InvalidSpec, entry.message.clone());
        }
        let worst = interfaces.iter().filter(|nic| severity(nic) > 0).max_by_key(|nic| severity(nic));
        let progressing = self.phase == Phase::Progressing && self.desired.mode == Mode::Enforce;
        let Some(worst) = worst else {
            return Overall::configured(interfaces, progressing);
        };
        let message = of_first(worst, interfaces.iter().filter(|nic| nic.state == worst.state).count());
        let reason = if progressing { Reason::Applying } else { overall_reason(worst, self.held_back()) };
        Overall { ready: false, degraded: severity(worst) > MISSING, progressing, reason, message }
    }
}

struct Overall {
    ready: bool,
    degraded: bool,
    progressing: bool,
    reason: Reason,
    message: String,
}

impl Overall {
    /// Every NIC is right in the kernel; what their networks say takes nothing of that away, and does not go unsaid.
    fn configured(interfaces: &[InterfaceStatus], progressing: bool) -> Self {
        let unproven: Vec<_> =
            interfaces.iter().filter_map(|nic| Some((nic, unproven(&nic.reason)?))).collect();
        let first = unproven.first().filter(|_| !progressing);
        let reason = if progressing { Reason::Applying } else { Reason::Configured };
        Self {
            ready: !progressing,
            degraded: first.is_some(),
            progressing,
            reason: first.map_or(reason, |(_, reason)| *reason),
            message: first.map_or_else(String::new, |(nic, _)| of_first(nic, unproven.len())),
        }
    }

    const fn broken(reason: Reason, message: String) -> Self {
        Self { ready: false, degraded: true, progressing: false, reason, message }
    }
}

/// What is said of `nic`, one of so many `alike`.
fn of_first(nic: &InterfaceStatus, alike: usize) -> String {
    if nic.message.is_empty() {
        return String::new();
    }
    let more = if alike > 1 { format!(" (and {} more)", alike - 1) } else { String::new() };
    format!("{} {}: {}{more}", nic.name, nic.mac_address, nic.message)
}

fn unproven(reason: &str) -> Option<Reason> {
    Reason::named(reason).filter(|known| known.is_unproven())
}

/// A wanted NIC whose change came to nothing.
const fn unmade(reason: Reason) -> InterfaceState {
    if reason.passes() { InterfaceState::Pending } else { InterfaceState::Failed }
}

/// What is worse than this needs a person or another attempt.
const MISSING: u8 = 3;

fn severity(nic: &InterfaceStatus) -> u8 {
    match nic.state {
        InterfaceState::Configured => 0,
        InterfaceState::Pending => 1,
        InterfaceState::Removing if is_no_fault(&nic.reason) => 2,
        InterfaceState::DeviceMissing => MISSING,
        InterfaceState::Removing => 4,
        InterfaceState::Refused => 5,
        InterfaceState::Failed => 6,
    }
}

fn is_no_fault(reason: &str) -> bool {
    Reason::named(reason).is_some_and(Reason::is_no_fault)
}

fn overall_reason(worst: &InterfaceStatus, held_back: Option<Reason>) -> Reason {
    match worst.state {
        InterfaceState::Pending if worst.reason == Reason::AwaitingAddress.as_str() => {
            Reason::AwaitingAddress
        }
        InterfaceState::Configured => Reason::Configured,
        InterfaceState::Pending => held_back.unwrap_or(Reason::Applying),
        InterfaceState::Removing => held_back.unwrap_or(Reason::Removing),
        InterfaceState::DeviceMissing => Reason::DeviceMissing,
        InterfaceState::Refused => Reason::InterfaceRefused,
        InterfaceState::Failed => Reason::InterfaceFailed,
    }
}

fn slot(name: &str) -> usize {
    name.parse::<multinic_crds::InterfaceName>().map_or(usize::MAX, multinic_crds::InterfaceName::slot)
}

fn observed(link: &Link) -> ObservedLink {
    ObservedLink {
        link_name: link.name.clone(),
        oper_state: link.oper_state.clone(),
        mtu: link.mtu,
        addresses: link.nets().iter().map(ToString::to_string).collect(),
    }
}
