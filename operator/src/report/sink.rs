//! Whoever is told what changes.

use multinic_operator_core::{
    cluster::{Index, Object},
    transition::Transition,
};

/// Is told each thing that changes, once.
pub(crate) trait Sink {
    /// Takes in what changed together, and the objects as they are now; what is alike stands together.
    fn take(&self, transitions: &[Transition], objects: &Index<Object>);
}
