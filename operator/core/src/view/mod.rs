//! What the page shows, as the text that is sent.
//!
//! ```text
//!  Nodes × objects ─node─▶ a row for each Node ─┐
//!  Transition ─────change─▶ the last changes ───┼─▶ View ─▶ all of it, or only what differs
//!  how things stand ───────▶ Head ──────────────┘
//! ```
//!
//! Rows are kept as JSON, so that ten pages cost what one does, and a row is another one exactly where its text is.
//! States and reasons are numbers in it: [`words`] says which.

mod change;
mod fleet;
mod head;
mod node;
mod rows;
mod words;

pub use change::{Change, KEPT, changes};
pub use fleet::{Update, View};
pub use head::{Head, Table};
pub use node::NodeRow;
pub use rows::{LISTED, Rows};
pub use words::words;
