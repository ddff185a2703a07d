//! The lease itself: read, and replaced only in the version that was read.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{Api, Client, ResourceExt, api::PostParams};
use multinic_crds::OPERATOR_MANAGER;
use tokio::time::timeout;

use crate::kubernetes::explain;

/// How long a lease must have been silent before another takes it.
pub(super) const SILENCE: Duration = Duration::from_secs(14);
/// Name of the lease. The rules that the chart ships name it too.
const NAME: &str = "multinic-operator";
/// An API server whose store is slow needs seconds for a write.
pub(super) const CALL_DEADLINE: Duration = Duration::from_secs(5);
const CONFLICT: u16 = 409;
const NOT_FOUND: u16 = 404;

/// The lease could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeaseError {
    /// The API server refused, or could not be reached.
    #[error("failed while {operation}: {}", explain(source))]
    Api {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        source: Box<kube::Error>,
    },
    /// The API server did not answer in time.
    #[error("timed out after {} s: {operation}", CALL_DEADLINE.as_secs())]
    Deadline {
        /// What was tried.
        operation: &'static str,
    },
    /// It cannot be replaced safely.
    #[error("the API server tells no version of the lease")]
    NoVersion,
}

impl LeaseError {
    /// Whether somebody else has written it, or created it, meanwhile.
    pub(super) fn is_conflict(&self) -> bool {
        self.code() == Some(CONFLICT)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.code() == Some(NOT_FOUND)
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Api { source, .. } => match &**source {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A lease in one version.
#[derive(Debug)]
pub(super) struct Seen {
    lease: Lease,
    version: String,
}

impl TryFrom<Lease> for Seen {
    type Error = LeaseError;

    fn try_from(lease: Lease) -> Result<Self, LeaseError> {
        let version = lease.resource_version().ok_or(LeaseError::NoVersion)?;
        Ok(Self { lease, version })
    }
}

impl Seen {
    /// Whose it is.
    pub(super) fn holder(&self) -> Option<&str> {
        let holder = self.lease.spec.as_ref()?.holder_identity.as_deref();
        holder.filter(|holder| !holder.is_empty())
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// How long its holder asks others to wait.
    pub(super) fn silence(&self) -> Duration {
        let seconds = self.lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(SILENCE, Duration::from_secs)
    }
}

/// A lease that is ours in this version.
#[derive(Debug)]
pub(super) struct Held(Seen);

impl From<Seen> for Held {
    fn from(seen: Seen) -> Self {
        Self(seen)
    }
}

/// The one lease, as one candidate treats it.
#[derive(Debug)]
pub(super) struct Leases {
    api: Api<Lease>,
    identity: String,
}

impl Leases {
    pub(super) fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self { api: Api::namespaced(client, namespace), identity }
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    pub(super) async fn read(&self) -> Result<Option<Seen>, LeaseError> {
        let found = call("reading the lease", self.api.get_opt(NAME)).await?;
        found.map(Seen::try_from).transpose()
    }

    /// Makes the lease ours, unless it is no longer as it was `found`.
    pub(super) async fn take(&self, found: Option<Seen>) -> Result<Held, LeaseError> {
        let now = Timestamp::now();
        match found {
            None => {
                let mut lease = Lease::default();
                lease.metadata.name = Some(NAME.to_owned());
                lease.spec = Some(taken(LeaseSpec::default(), &self.identity, now));
                let params = params();
                let created = self.api.create(&params, &lease);
                Ok(Seen::try_from(call("creating the lease", created).await?)?.into())
            }
            Some(seen) => {
                self.replace("taking the lease", seen, |spec| taken(spec, &self.identity, now)).await
            }
        }
    }

    /// Tells the others that its holder is alive.
    pub(super) async fn renew(&self, Held(held): &Held) -> Result<Held, LeaseError> {
        let held = Seen { lease: held.lease.clone(), version: held.version.clone() };
        self.replace("renewing the lease", held, |spec| renewed(spec, Timestamp::now())).await
    }

    /// Makes it nobody's, if it is ours; tells whether it was.
    pub(super) async fn release(&self) -> Result<bool, LeaseError> {
        match self.read().await? {
            Some(seen) if seen.holder() == Some(&self.identity) => {
                self.replace("releasing the lease", seen, |spec| released(spec, Timestamp::now())).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn replace(
        &self,
        operation: &'static str,
        Seen { mut lease, version }: Seen,
        change: impl FnOnce(LeaseSpec) -> LeaseSpec,
    ) -> Result<Held, LeaseError> {
        // With this the API server refuses to replace any other version.
        lease.metadata.resource_version = Some(version);
        lease.spec = Some(change(lease.spec.unwrap_or_default()));
        let params = params();
        let replaced = self.api.replace(NAME, &params, &lease);
        Ok(Seen::try_from(call(operation, replaced).await?)?.into())
    }
}

async fn call<T>(
    operation: &'static str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, LeaseError> {
    let answer = timeout(CALL_DEADLINE, call).await.map_err(|_| LeaseError::Deadline { operation })?;
    answer.map_err(|source| LeaseError::Api { operation, source: Box::new(source) })
}

fn params() -> PostParams {
    PostParams { field_manager: Some(OPERATOR_MANAGER.to_owned()), ..PostParams::default() }
}

fn taken(spec: LeaseSpec, identity: &str, now: Timestamp) -> LeaseSpec {
    let changes_hands = spec.holder_identity.as_deref() != Some(identity);
    let transitions = spec.lease_transitions.unwrap_or_default();
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        acquire_time: if changes_hands { Some(MicroTime(now)) } else { spec.acquire_time.clone() },
        lease_transitions: Some(transitions.saturating_add(i32::from(changes_hands))),
        ..renewed(spec, now)
    }
}

fn renewed(spec: LeaseSpec, now: Timestamp) -> LeaseSpec {
    let silence = i32::try_from(SILENCE.as_secs()).unwrap_or(i32::MAX);
    LeaseSpec { renew_time: Some(MicroTime(now)), lease_duration_seconds: Some(silence), ..spec }
}

fn released(spec: LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { holder_identity: None, ..renewed(spec, now) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_lease_counts_how_often_it_changed_hands_and_keeps_what_is_not_ours() {
        let strategy = LeaseSpec { strategy: Some("Other".to_owned()), ..LeaseSpec::default() };
        let first = taken(strategy, "a", at(1));
        let expected = LeaseSpec {
            holder_identity: Some("a".to_owned()),
            acquire_time: Some(MicroTime(at(1))),
            renew_time: Some(MicroTime(at(1))),
            lease_duration_seconds: Some(14),
            lease_transitions: Some(1),
            strategy: Some("Other".to_owned()),
            ..LeaseSpec::default()
        };
        assert_eq!(first, expected);
        let again = LeaseSpec { renew_time: Some(MicroTime(at(2))), ..first.clone() };
        assert_eq!((renewed(first.clone(), at(2)), taken(first, "a", at(2))), (again.clone(), again.clone()));

        let released = released(again, at(3));
        assert_eq!((released.holder_identity.clone(), released.lease_transitions), (None, Some(1)));
        let second = taken(released, "b", at(4));
        assert_eq!((second.acquire_time, second.lease_transitions), (Some(MicroTime(at(4))), Some(2)));
    }

    #[test]
    fn a_lease_without_a_version_is_not_used() {
        assert!(matches!(Seen::try_from(Lease::default()), Err(LeaseError::NoVersion)));
    }
}
