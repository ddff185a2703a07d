//! Telling the running wicked of a name. It reads no file by itself, and remembers what it once read.

use multinic_agent_core::plan::Notice;

use super::check::{FILES, PROGRAM};
use crate::host::{
    backend::bus::{NoticeError, ask},
    root::HostRoot,
};

/// How it ends where its daemon does not answer. Whatever else it ends with says nothing of how the link is.
const FAILED: i32 = 1;

/// Tells the host's wicked.
///
/// A link that is there is forgotten by `ifdown`, and one that is away by taking away the policy of its name. Both do
/// nothing in the other case.
pub(crate) async fn tell(root: &HostRoot, notice: Notice) -> Result<(), NoticeError> {
    let run = async |args: &[&str]| ask(root, PROGRAM, args, |code| code != FAILED).await;
    match notice {
        Notice::Forget(name) => {
            run(&["ifdown", "--timeout", "5", &name]).await?;
            run(&["nanny", "delpolicy", &format!("policy__{name}")]).await
        }
        Notice::Adopt(name) => run(&["ifup", "--ifconfig", FILES, "--timeout", "5", &name.to_string()]).await,
    }
}
