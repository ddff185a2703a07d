//! All that the operator watches.

use kube::Client;
use multinic_crds::GuardedConfig;
use multinic_operator_core::cluster::{Node, Object, WatchedNode};

use super::Reflector;

/// The watches of Nodes and of their objects.
pub(crate) struct Watches {
    pub(crate) nodes: Reflector<WatchedNode, Node>,
    pub(crate) objects: Reflector<GuardedConfig, Object>,
}

impl Watches {
    /// Begins to watch, and knows nothing yet.
    pub(crate) fn new(client: &Client) -> Self {
        Self { nodes: Reflector::new(client), objects: Reflector::new(client) }
    }

    /// Whether everything that exists has been listed once.
    pub(crate) const fn are_listed(&self) -> bool {
        self.nodes.index.is_complete() && self.objects.index.is_complete()
    }

    /// Whether what is known is what the API server says now.
    pub(crate) const fn are_well(&self) -> bool {
        self.nodes.is_well() && self.objects.is_well()
    }

    /// Waits for one event, and tells whether it changed what is known. May be dropped at any await.
    pub(crate) async fn turn(&mut self) -> bool {
        tokio::select! {
            changed = self.nodes.turn() => changed,
            changed = self.objects.turn() => changed,
        }
    }

    /// Takes in what has come while something else took its time, and tells whether that changed what is known.
    pub(crate) async fn catch_up(&mut self) -> bool {
        let (nodes, objects) = tokio::join!(self.nodes.catch_up(), self.objects.catch_up());
        nodes || objects
    }

    /// Whether anything changed by which planning goes since this was last asked.
    pub(crate) fn take_replan(&mut self) -> bool {
        let (nodes, objects) = (self.nodes.index.take_replan(), self.objects.index.take_replan());
        nodes || objects
    }

    /// Forgets what was deleted, but for the objects of Nodes that exist: their NICs are still there.
    pub(crate) fn sweep(&mut self) {
        self.nodes.index.sweep(|_| false);
        self.objects.index.sweep(|name| self.nodes.index.get(name).is_some());
    }
}
