//! What Kubernetes says: Nodes, and the objects that exist for them.

mod index;
mod node;
mod object;
mod watch;

pub use index::{Index, Name};
pub use node::{Found, Matcher, NODE_NAMES_ANNOTATION, Node, NodeRef, WatchedNode};
pub use object::{Object, Reported, slot_of, sort};
pub use watch::{WatchLog, explain, watch};
