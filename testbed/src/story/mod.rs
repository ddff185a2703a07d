//! Stories, and what they begin with.

pub(crate) mod draw;
pub(crate) mod harness;
pub(crate) mod world;
