//! What the `Synced` condition of a Node's object should say.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use multinic_crds::{ConditionType, MacAddress, Reason, condition, merge_conditions};

use crate::{
    cluster::Object,
    inventory::{DatabaseError, Rejection},
};

/// Whether the spec equals the table, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    synced: bool,
    /// Why; one that shows in `Synced`.
    pub reason: Reason,
    message: String,
}

impl Verdict {
    /// The spec is what the table says.
    #[must_use]
    pub fn synced() -> Self {
        Self { synced: true, ..Self::unsynced(Reason::Synced, "the spec equals the table") }
    }

    /// The table is empty, and this Node has NICs.
    #[must_use]
    pub fn shrink_guard() -> Self {
        Self::unsynced(
            Reason::ShrinkGuard,
            "the table has no rows at all, so every NIC is kept; find out why the producer deleted them, or \
             insert the first row of those that should stay",
        )
    }

    /// The table says nothing of these NICs, and they are still in the spec.
    #[must_use]
    pub fn rows_missing(macs: &[MacAddress]) -> Self {
        let macs: Vec<_> = macs.iter().map(ToString::to_string).collect();
        Self::unsynced(
            Reason::RowsMissing,
            format!(
                "no row asks for {}; they go once their rows have been missing for long enough, unless a row that \
                 cannot be read may stand for them: correct that row, or insert theirs again to keep them",
                macs.join(", ")
            ),
        )
    }

    /// The table could not be read. The message says nothing that changes from one attempt to the next.
    #[must_use]
    pub fn unread(error: &DatabaseError) -> Self {
        if let DatabaseError::Schema(schema) = error {
            return Self::unsynced(error.reason(), schema.to_string());
        }
        let cause = error.cause();
        let (what, remedy) = (cause.as_str(), cause.remedy().unwrap_or("the operator's log says which"));
        Self::unsynced(
            error.reason(),
            format!("the table cannot be read, so every NIC is kept: {what}; {remedy}"),
        )
    }

    /// The API server does not take the spec.
    #[must_use]
    pub fn spec_refused(message: &str) -> Self {
        Self::unsynced(Reason::SpecRefused, format!("the API server refuses the spec: {message}"))
    }

    /// What these rejected rows of one Node amount to.
    #[must_use]
    pub fn of(rejections: &[&Rejection]) -> Self {
        let Some(first) = rejections.first() else { return Self::synced() };
        let only_slots = rejections.iter().all(|rejection| rejection.fault.reason == Reason::NoFreeSlot);
        let reason = if only_slots { Reason::NoFreeSlot } else { Reason::InvalidRows };
        let message = match rejections.len() {
            1 => format!("1 row is not used: {first}"),
            count => {
                let each: Vec<_> = rejections.iter().map(ToString::to_string).collect();
                format!("{count} rows are not used: {}", each.join("; "))
            }
        };
        Self::unsynced(reason, message)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Fault;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rejection(port: &str, reason: Reason) -> Rejection {
        let fault = Fault::new(reason, "why");
        Rejection { node: None, candidates: None, port_id: Some(port.to_owned()), mac: None, fault }
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
        let guarded = Verdict::shrink_guard().due(&object, at(4)).unwrap();
        assert_eq!((guarded.status.as_str(), guarded.reason.as_str()), ("False", "ShrinkGuard"));
    }

    #[test]
    fn the_reason_is_no_free_slot_only_where_nothing_else_is_wrong() {
        let (slot, mac) = (rejection("a", Reason::NoFreeSlot), rejection("b", Reason::InvalidMacAddress));
        assert_eq!(
            Verdict::of(&[&slot]),
            Verdict::unsynced(Reason::NoFreeSlot, "1 row is not used: port a: why")
        );
        assert_eq!(
            Verdict::of(&[&slot, &mac]),
            Verdict::unsynced(Reason::InvalidRows, "2 rows are not used: port a: why; port b: why")
        );
        assert_eq!(Verdict::of(&[]), Verdict::synced());
    }
}
