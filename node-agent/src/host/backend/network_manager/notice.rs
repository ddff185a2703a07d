//! Telling the running `NetworkManager`: to leave a link alone, and to read one connection.
//!
//! It reads no file by itself. All of them are never read again: that would be everybody's.

use multinic_agent_core::{backend::network_manager::connection, plan::Notice};

use crate::host::{
    backend::bus::{NoticeError, ask},
    root::HostRoot,
};

const PROGRAM: &str = "/usr/bin/nmcli";
/// How it ends where there is no such link, so that nothing holds it.
const NO_SUCH_DEVICE: i32 = 10;

/// Tells the host's `NetworkManager`.
pub(crate) async fn tell(root: &HostRoot, notice: Notice) -> Result<(), NoticeError> {
    match notice {
        Notice::Forget(link) => {
            ask(root, PROGRAM, &["device", "set", &link, "managed", "no"], |code| {
                matches!(code, 0 | NO_SUCH_DEVICE)
            })
            .await
        }
        Notice::Adopt(name) => {
            ask(root, PROGRAM, &["connection", "load", &connection(name)], |code| code == 0).await
        }
    }
}
