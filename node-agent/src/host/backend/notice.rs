//! Telling what configures the host of a change.

use multinic_agent_core::{
    backend::{Backend, Memory},
    plan::Notice,
};

use super::{bus::NoticeError, network_manager, wicked};
use crate::host::root::HostRoot;

/// Tells what is at work on the host, where that keeps anything in mind.
pub(crate) async fn tell(root: &HostRoot, backend: &dyn Backend, notice: Notice) -> Result<(), NoticeError> {
    match backend.memory() {
        Memory::None => Ok(()),
        Memory::OfNames => wicked::tell(root, notice).await,
        Memory::OfLinks => network_manager::tell(root, notice).await,
    }
}
