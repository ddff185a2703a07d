//! What planning goes by, besides the table.

use std::time::{Duration, Instant};

use multinic_crds::Mode;

use crate::cluster::{Index, Node, Object};

/// What planning goes by, besides the table.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The Nodes that exist.
    pub nodes: &'a Index<Node>,
    /// Their objects.
    pub objects: &'a Index<Object>,
    /// The slots that a Node has.
    pub max_interfaces: usize,
    /// What the agent may do on a Node that is new; people change it from there.
    pub initial_mode: Mode,
    /// How long a row must be missing, at the least.
    pub grace: Duration,
    /// The moment of this plan.
    pub now: Instant,
}
