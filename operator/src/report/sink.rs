//! Whoever is told what changes.

use multinic_operator_core::transition::Transition;

/// Is told each thing that changes, once.
pub(crate) trait Sink {
    /// Takes in what changed together; what is alike stands together.
    fn take(&self, transitions: &[Transition]);
}
