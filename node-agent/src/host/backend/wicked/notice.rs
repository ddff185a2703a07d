//! Telling the running wicked of a name. It reads no file by itself, and remembers what it once read.

use std::time::Duration;

use multinic_agent_core::plan::Notice;
use tokio::time::sleep;

use super::check::{FILES, PROGRAM};
use crate::host::{
    backend::bus::{Answer, NoticeError, ask},
    root::HostRoot,
};

/// Well, without a file, without such a link, still at it, without a carrier: of all these the kernel tells more.
const HEARD: [i32; 5] = [0, 3, 157, 162, 168];
/// How often it is looked whether a policy is gone.
const LOOKS: u32 = 20;
const INTERVAL: Duration = Duration::from_millis(50);

/// Tells the host's wicked.
///
/// A link is forgotten by `ifdown`, and its name by taking away the policy, which says nothing of whether that worked.
pub(crate) async fn tell(root: &HostRoot, notice: Notice) -> Result<(), NoticeError> {
    match notice {
        Notice::Ready => run(root, &["ifstatus", "--ifconfig", FILES, "--brief", "lo"]).await,
        Notice::Forget(link) => {
            run(root, &["ifdown", "--timeout", "5", &link]).await?;
            forget_name(root, &link).await
        }
        Notice::ForgetName(name) => forget_name(root, &name).await,
        Notice::Adopt(name) => {
            run(root, &["ifup", "--ifconfig", FILES, "--timeout", "5", &name.to_string()]).await
        }
    }
}

async fn forget_name(root: &HostRoot, name: &str) -> Result<(), NoticeError> {
    run(root, &["nanny", "delpolicy", &format!("policy__{name}")]).await?;
    let policy = format!("/run/wicked/nanny/policy__{name}.xml");
    for _ in 0..LOOKS {
        if !root.is_file(&policy) {
            return Ok(());
        }
        sleep(INTERVAL).await;
    }
    Err(NoticeError::Remembered { policy })
}

async fn run(root: &HostRoot, args: &[&str]) -> Result<(), NoticeError> {
    ask(root, PROGRAM, args, |answer: &Answer| HEARD.contains(&answer.code)).await
}
