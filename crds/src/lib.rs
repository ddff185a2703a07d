//! The API that the operator and the node agents speak: `NodeNetworkConfig`.
//!
//! One cluster-scoped object per Node carries the NICs which that Node should
//! have (`.spec`, written by the operator) and what the kernel really shows
//! (`.status`, written by the node's agent).
//!
//! ```text
//!  rows ──▶ operator ──.spec──▶ NodeNetworkConfig/<node> ──watch──▶ agent ──▶ kernel
//!              ▲                          │                          │
//!              └────────.status───────────┴◀────────.status──────────┘
//! ```
//!
//! This crate does no I/O and has no client. Every field is a validated type
//! ([`MacAddress`], [`InterfaceName`], [`Mtu`], [`InterfaceAddress`], [`Route`]) whose
//! parser, JSON-schema pattern and CEL rule say the same; `testbed` holds the
//! three together against a real API server. [`Guarded`] reads objects that an
//! older schema, or a person, left malformed: one bad field never hides the rest.
//! Why something is as it is, is one word of [`Reason`] wherever it is said.

mod address;
mod addressing;
mod conditions;
mod descriptions;
mod explanation;
mod guarded;
mod mac;
mod mtu;
mod name;
mod reason;
mod route;
mod schema;
mod spec;
mod status;
mod text;

pub use address::{InterfaceAddress, ParseAddressError};
pub use addressing::{Addressing, Verify};
pub use conditions::{
    ConditionType, MAX_INTERFACE_MESSAGE_BYTES, MAX_MESSAGE_BYTES, condition, merge_conditions,
    truncate_message,
};
pub use explanation::Explanation;
pub use guarded::{
    CONFIRM_REMOVAL, Guarded, GuardedConfig, GuardedInterface, GuardedSpec, KEEP, RETRY, UNLISTED,
};
pub use mac::{MacAddress, ParseMacError};
pub use mtu::{MIN_IPV6_MTU, Mtu, ParseMtuError};
pub use name::{InterfaceName, MAX_INTERFACES, ParseNameError};
pub use reason::{Reason, Scope};
pub use route::{
    METADATA_SERVICE, NextHop, ParseRouteError, ROUTE_PROTOCOL, Route, RouteDestination, RouteTable,
    SourceRouting, source_tables,
};
pub use schema::{crd, crd_yaml};
pub use spec::{Interface, MAX_ROUTES, Mode, NodeNetworkConfig, NodeNetworkConfigSpec};
pub use status::{
    InterfaceState, InterfaceStatus, MAX_UNCLAIMED, NodeNetworkConfigStatus, ObservedLink, UnclaimedLink,
};

/// Field manager of everything the operator writes.
pub const OPERATOR_MANAGER: &str = "multinic-operator";
/// Field manager of everything a node agent writes.
pub const AGENT_MANAGER: &str = "multinic-agent";
