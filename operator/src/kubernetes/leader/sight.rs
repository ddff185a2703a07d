//! When a lease may be taken, decided from what was seen of it.

use tokio::time::Instant;

use super::lease::Seen;

/// What a candidate does about the lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is nobody's, or its holder has fallen silent.
    Take,
    /// Another has it, at least until then.
    Wait(Instant),
}

/// What a candidate has seen of the lease.
#[derive(Debug)]
pub(super) struct Sight {
    identity: String,
    last: Option<Sighting>,
}

#[derive(Debug)]
struct Sighting {
    version: String,
    /// How long this version has to be respected.
    until: Instant,
}

impl Sight {
    pub(super) const fn new(identity: String) -> Self {
        Self { identity, last: None }
    }

    /// Takes in what was `found`; `now` is after the answer came.
    pub(super) fn look(&mut self, found: Option<&Seen>, now: Instant) -> Claim {
        let until = match found {
            // Whoever held a lease that a person deleted may not have noticed yet.
            None => self.last.as_ref().map_or(now, |last| last.until),
            Some(seen) => match seen.holder() {
                None => now,
                // The answer to a write of ours was lost.
                Some(holder) if holder == self.identity => now,
                Some(_) => self.respect(seen, now),
            },
        };
        if now < until { Claim::Wait(until) } else { Claim::Take }
    }

    fn respect(&mut self, seen: &Seen, now: Instant) -> Instant {
        match &self.last {
            Some(last) if last.version == seen.version() => last.until,
            _ => {
                let until = now + seen.silence();
                self.last = Some(Sighting { version: seen.version().to_owned(), until });
                until
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::api::coordination::v1::Lease;
    use serde_json::{Value, json};

    use super::*;
    use crate::kubernetes::leader::lease::SILENCE;

    fn seen(version: u64, spec: &Value) -> Seen {
        let lease = json!({ "metadata": { "resourceVersion": version.to_string() }, "spec": spec });
        Seen::try_from(serde_json::from_value::<Lease>(lease).unwrap()).unwrap()
    }

    fn held(version: u64) -> Seen {
        seen(version, &json!({ "holderIdentity": "other", "leaseDurationSeconds": 12 }))
    }

    /// A candidate, and its claims after so many seconds.
    fn claims(looks: &[(u64, Option<Seen>)]) -> Vec<Option<u64>> {
        let start = Instant::now();
        let mut sight = Sight::new("me".to_owned());
        let claim = |(second, found): &(u64, Option<Seen>)| match sight
            .look(found.as_ref(), start + Duration::from_secs(*second))
        {
            Claim::Take => None,
            Claim::Wait(until) => Some((until - start).as_secs()),
        };
        looks.iter().map(claim).collect()
    }

    #[test]
    fn a_lease_that_is_nobodys_or_ones_own_is_taken_at_once() {
        assert_eq!(claims(&[(0, None)]), [None]);
        let mine = json!({ "holderIdentity": "me", "leaseDurationSeconds": 12 });
        for spec in [json!({}), json!({ "holderIdentity": "" }), mine] {
            assert_eq!(claims(&[(0, Some(seen(1, &spec)))]), [None]);
        }
    }

    #[test]
    fn a_lease_is_respected_from_when_each_version_of_it_was_first_seen() {
        let looks = [(0, 1), (11, 1), (12, 2), (23, 2), (24, 2)];
        assert_eq!(
            claims(&looks.map(|(second, version)| (second, Some(held(version))))),
            [Some(12), Some(12), Some(24), Some(24), None]
        );
    }

    #[test]
    fn a_lease_that_vanishes_is_respected_to_its_end() {
        assert_eq!(claims(&[(0, Some(held(1))), (2, None), (12, None)]), [Some(12), Some(12), None]);
    }

    #[test]
    fn the_duration_is_the_holders_own_and_ours_where_it_names_none() {
        for (duration, respected) in
            [(json!(60), 60), (Value::Null, SILENCE.as_secs()), (json!(-1), SILENCE.as_secs())]
        {
            let spec = json!({ "holderIdentity": "other", "leaseDurationSeconds": duration });
            assert_eq!(claims(&[(0, Some(seen(1, &spec)))]), [Some(respected)]);
        }
    }
}
