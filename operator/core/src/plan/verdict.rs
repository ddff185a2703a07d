//! What the `Synced` condition of a Node's object should say.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use multinic_crds::{ConditionType, Reason, condition, merge_conditions};

use crate::{
    cluster::{NODE_NAMES_ANNOTATION, Name, Object, Several},
    few::{NAMED, few},
    plan::{
        hold::{Extent, Hold, command},
        rejected::Rejected,
        removal_grace::Item,
    },
};

/// Whether the spec equals the table, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    synced: bool,
    /// Why; one that shows in `Synced`.
    pub reason: Reason,
    /// For people: all that keeps the spec from it, and the remedies.
    pub message: String,
}

/// All that is to be said of one Node.
#[derive(Debug, Default)]
pub(crate) struct Facts<'a> {
    /// What waits for a person.
    pub(crate) held: Vec<Held<'a>>,
    /// The Nodes that are one machine with this one, itself among them.
    pub(crate) twins: Option<&'a Several>,
    /// What no row asks for, and goes soon.
    pub(crate) missing: Vec<&'a Item>,
    /// How long it stays, at the least.
    pub(crate) grace: Duration,
    /// What rows ask for whose servers are no Nodes here.
    pub(crate) strays: Vec<(&'a Item, &'a str)>,
    /// Rows of this Node that cannot be used.
    pub(crate) rejected: Rejected<'a>,
    /// What such a row may stand for.
    pub(crate) unclear: Vec<&'a Item>,
    /// What somebody asks for and NICs go without.
    pub(crate) without: Option<&'a BTreeSet<String>>,
}

/// Removals of one Node that wait for a person.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    pub(crate) extent: Extent,
    pub(crate) hold: &'a Hold,
    pub(crate) items: Vec<&'a Item>,
}

impl Verdict {
    /// The spec is what the table says.
    #[must_use]
    pub fn synced() -> Self {
        Self { synced: true, ..Self::unsynced(Reason::Synced, "the spec equals the table") }
    }

    /// The table could not be read. The message says nothing that changes from one attempt to the next.
    #[must_use]
    pub fn unread(reason: Reason, message: String) -> Self {
        Self::unsynced(reason, message)
    }

    /// The API server does not take the spec.
    #[must_use]
    pub fn spec_refused(message: &str) -> Self {
        Self::unsynced(Reason::SpecRefused, format!("the API server refuses the spec: {message}"))
    }

    /// What `facts` about `node` amount to. All of them are said, the first reason is that of the condition.
    pub(crate) fn of(node: &Name, facts: &Facts<'_>) -> Self {
        let held = facts.held.iter().map(|held| (Reason::ShrinkGuard, held.say(node)));
        let rest = [
            facts.say_twins(),
            facts.say_missing(),
            facts.say_strays(),
            facts.say_rejected(),
            facts.say_unclear(),
        ];
        let said: Vec<_> = held.chain(rest.into_iter().flatten()).collect();
        let without = facts.without.map(say_without);
        let Some((reason, _)) = said.first() else {
            let synced = Self::synced();
            let more = without.map(|without| format!("{}, {without}", synced.message));
            return Self { message: more.unwrap_or_else(|| synced.message.clone()), ..synced };
        };
        let messages: Vec<_> = said.iter().map(|(_, message)| message.as_str()).collect();
        let more = without.map(|without| format!(". It goes {without}")).unwrap_or_default();
        Self::unsynced(*reason, messages.join(". ") + &more)
    }

    fn unsynced(reason: Reason, message: impl Into<String>) -> Self {
        Self { synced: false, reason, message: message.into() }
    }

    /// The condition to write, unless `object` says the same already.
    #[must_use]
    pub fn due(&self, object: &Object, now: Timestamp) -> Option<Condition> {
        let next =
            condition(ConditionType::Synced, self.synced, self.reason, &self.message, object.generation, now);
        let next = merge_conditions(object.synced.as_slice(), vec![next]).pop()?;
        (object.synced.as_ref() != Some(&next)).then_some(next)
    }
}

impl Held<'_> {
    fn say(&self, node: &Name) -> String {
        let Self { extent, hold, items } = self;
        let (gone, total) = (hold.gone, hold.total);
        let why = match extent {
            Extent::Fleet if hold.emptied => "the table has no row for this cluster".to_owned(),
            Extent::Fleet => format!("rows are missing for {gone} of the {total} NICs of all Nodes"),
            Extent::Node => format!("rows are missing for {gone} of the {total} NICs of this Node"),
        };
        let kept = few(items, items.len());
        let command = command(node, *extent, hold);
        format!(
            "{why}, so they are kept, of this Node {kept}: insert their rows again, or let them go by {command}"
        )
    }
}

impl Facts<'_> {
    fn say_twins(&self) -> Option<(Reason, String)> {
        let twins = self.twins?;
        let message = format!(
            "the Nodes {} are one machine by their provider id or system UUID, so NICs that the object does not list \
             are kept: delete the Node that is no more, or give each machine an id of its own",
            few(twins.iter(), twins.len())
        );
        Some((Reason::SameMachine, message))
    }

    fn say_missing(&self) -> Option<(Reason, String)> {
        let missing = named(&self.missing)?;
        let message = format!(
            "no row asks for {missing}; they go once two readings at least {} s apart lack their rows: insert them \
             again to keep them",
            self.grace.as_secs()
        );
        Some((Reason::RowsMissing, message))
    }

    fn say_strays(&self) -> Option<(Reason, String)> {
        let strays = self.strays.iter().map(|(item, server)| format!("{item} (server {server:?})"));
        let strays = (!self.strays.is_empty()).then(|| few(strays, self.strays.len()))?;
        let message = format!(
            "the rows of {strays} name servers that are no Nodes here, so these stay as they are until then: correct \
             the name, put it into the Node's annotation {NODE_NAMES_ANNOTATION}, or delete the rows"
        );
        Some((Reason::UnmatchedRows, message))
    }

    fn say_rejected(&self) -> Option<(Reason, String)> {
        let Rejected { first, total, slotless } = &self.rejected;
        let reason = if slotless == total { Reason::NoFreeSlot } else { Reason::InvalidRows };
        let each: Vec<_> = first.iter().map(ToString::to_string).collect();
        let more = total.saturating_sub(each.len());
        let each = each.join("; ");
        let message = match (total, more) {
            (0, _) => return None,
            (1, _) => format!("1 row is not used: {each}"),
            (total, 0) => format!("{total} rows are not used: {each}"),
            (total, more) => format!("{total} rows are not used: {each}; and {more} more"),
        };
        Some((reason, message))
    }

    fn say_unclear(&self) -> Option<(Reason, String)> {
        let unclear = named(&self.unclear)?;
        let message = format!(
            "no row that can be used asks for {unclear}; they stay as they are while one that cannot be used may stand \
             for them: correct or delete that row"
        );
        Some((Reason::RowsMissing, message))
    }
}

fn say_without(what: &BTreeSet<String>) -> String {
    let named: Vec<_> = what.iter().take(NAMED).map(String::as_str).collect();
    let more = what.len() - named.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("without {}{more}", named.join("; "))
}

fn named(items: &[&Item]) -> Option<String> {
    (!items.is_empty()).then(|| few(items, items.len()))
}

#[cfg(test)]
mod tests {
    use multinic_crds::{Explanation, MAX_MESSAGE_BYTES};

    use super::*;
    use crate::{fixtures::mac, table::Rejection};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rejection(port: &str, reason: Reason) -> Rejection {
        let fault = Explanation::new(reason, "why");
        Rejection { node: None, candidates: None, port_id: Some(port.to_owned()), mac: None, fault }
    }

    fn rejected<'a>(rows: &[&'a Rejection]) -> Facts<'a> {
        let slotless = rows.iter().filter(|row| row.fault.reason == Reason::NoFreeSlot).count();
        let first = rows.iter().take(3).copied().collect();
        Facts { rejected: Rejected { first, total: rows.len(), slotless }, ..Facts::default() }
    }

    fn of(facts: &Facts<'_>) -> Verdict {
        Verdict::of(&"a".into(), facts)
    }

    #[test]
    fn a_condition_is_written_once_and_again_only_when_it_says_something_else() {
        let mut object = Object { generation: 3, ..Object::default() };
        let first = Verdict::synced().due(&object, at(1)).unwrap();
        assert_eq!((first.status.as_str(), first.observed_generation), ("True", Some(3)));
        object.synced = Some(first.clone());
        assert_eq!(Verdict::synced().due(&object, at(2)), None);

        object.generation = 4;
        let second = Verdict::synced().due(&object, at(3)).unwrap();
        assert_eq!(second, Condition { observed_generation: Some(4), ..first });
        let refused = Verdict::spec_refused("no").due(&object, at(4)).unwrap();
        assert_eq!((refused.status.as_str(), refused.reason.as_str()), ("False", "SpecRefused"));
    }

    #[test]
    fn the_reason_is_no_free_slot_only_where_nothing_else_is_wrong() {
        let (slot, mac) = (rejection("a", Reason::NoFreeSlot), rejection("b", Reason::InvalidMacAddress));
        assert_eq!(
            of(&rejected(&[&slot])),
            Verdict::unsynced(Reason::NoFreeSlot, "1 row is not used: port a: why")
        );
        assert_eq!(
            of(&rejected(&[&slot, &mac])),
            Verdict::unsynced(Reason::InvalidRows, "2 rows are not used: port a: why; port b: why")
        );
        assert_eq!(of(&Facts::default()), Verdict::synced());
    }

    #[test]
    fn what_goes_soon_and_what_is_rejected_are_said_in_one_message() {
        let (bad, gone) = (rejection("b", Reason::InvalidMtu), Item::Nic(mac(1)));
        let facts = Facts { missing: vec![&gone], grace: Duration::from_secs(30), ..rejected(&[&bad]) };
        let verdict = of(&facts);
        assert_eq!(verdict.reason, Reason::RowsMissing);
        for said in ["02:00:00:00:00:01", "30 s apart", "1 row is not used: port b: why"] {
            assert!(verdict.message.contains(said), "{said} is not in {}", verdict.message);
        }
    }

    #[test]
    fn rows_by_the_thousand_make_a_message_that_is_short_when_it_is_made() {
        let rows: Vec<_> =
            (0..2_000).map(|port| rejection(&format!("p{port}"), Reason::InvalidMtu)).collect();
        let items: Vec<_> = (0..20).map(|last| Item::Nic(mac(last))).collect();
        let facts = Facts {
            missing: items.iter().collect(),
            unclear: items.iter().collect(),
            strays: items.iter().map(|item| (item, "server")).collect(),
            ..rejected(&rows.iter().collect::<Vec<_>>())
        };
        let message = of(&facts).message;
        assert!(message.len() < MAX_MESSAGE_BYTES, "{} bytes: {message}", message.len());
        assert!(
            message
                .contains("2000 rows are not used: port p0: why; port p1: why; port p2: why; and 1997 more")
        );
    }
}
