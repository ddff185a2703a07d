//! What Kubernetes says: Nodes, and the objects that exist for them.

mod index;
mod matcher;
mod node;
mod object;
mod reflector;
mod watch;

pub use index::{Index, Name};
pub use matcher::{Found, Matcher, NodeRef, Several};
pub use node::{Machine, NODE_NAMES_ANNOTATION, Node, WatchedNode};
pub use object::{Object, Reported, slot_of, sort};
pub use reflector::Reflector;
pub use watch::{WatchLog, client, explain, watch};
