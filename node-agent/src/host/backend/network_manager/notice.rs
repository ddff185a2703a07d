//! Telling the running `NetworkManager`: to leave a link alone, and to read one connection.
//!
//! It reads no file by itself. All of them are never read again: that would be everybody's.

use multinic_agent_core::{backend::network_manager::connection, plan::Notice};

use crate::host::{
    backend::bus::{Answer, NoticeError, ask},
    root::HostRoot,
};

pub(super) const PROGRAM: &str = "/usr/bin/nmcli";
/// How it ends where there is no such link, so that nothing holds it.
const NO_SUCH_DEVICE: i32 = 10;
/// What it prints of a file that it does not take, and ends well. So it does of one that is gone, as it should be.
const NOT_TAKEN: &str = "Could not load";

/// Tells the host's `NetworkManager`.
pub(crate) async fn tell(root: &HostRoot, notice: Notice) -> Result<(), NoticeError> {
    match notice {
        Notice::Ready => ask(root, PROGRAM, &["general", "status"], |answer: &Answer| answer.code == 0).await,
        Notice::Forget(link) => {
            let args = ["device", "set", &link, "managed", "no"];
            ask(root, PROGRAM, &args, |answer: &Answer| matches!(answer.code, 0 | NO_SUCH_DEVICE)).await
        }
        // It knows links, not names.
        Notice::ForgetName(_) => Ok(()),
        Notice::Adopt(name) => {
            let path = connection(name);
            let is_there = root.is_file(&path);
            ask(root, PROGRAM, &["connection", "load", &path], |answer: &Answer| {
                answer.code == 0 && !(is_there && answer.words.contains(NOT_TAKEN))
            })
            .await
        }
    }
}
