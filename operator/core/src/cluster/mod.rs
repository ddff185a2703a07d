//! What Kubernetes says: Nodes, and the objects that exist for them.

mod doubt;
mod index;
mod matcher;
mod node;
mod object;

pub use doubt::doubt;
pub use index::{Event, Facts, Index, Name};
pub use matcher::{Found, Matcher, NodeRef, Several};
pub(crate) use node::folded_id;
pub use node::{
    ADDRESSING_ANNOTATION, Machine, NODE_NAMES_ANNOTATION, Node, SOURCE_ROUTING_ANNOTATION, WatchedNode,
};
pub use object::{Object, Reported, Told, slot_of, sort, unreported};
