//! What is said of a NIC that is left alone.

use multinic_crds::{Explanation, MAX_INTERFACE_MESSAGE_BYTES, RETRY, Reason, truncate_message};

use super::limits::{CONTENTION_LIMIT, CONTENTION_WINDOW, FENCE_LIMIT};

pub(super) fn contended() -> Explanation {
    Explanation::new(
        Reason::Contended,
        format!(
            "something else changed the NIC, or took it away, {CONTENTION_LIMIT} times within {} minutes, so it is left alone for now; find out what does that",
            CONTENTION_WINDOW.as_secs() / 60
        ),
    )
}

pub(super) fn self_fenced(node: &str) -> Explanation {
    Explanation::new(
        Reason::SelfFenced,
        format!(
            "a link that the node lives by changed in each of {FENCE_LIMIT} attempts to change this NIC; nothing was kept, and it is not tried again before its object changes, or you find out how the two depend on each other and run: {}",
            command(node)
        ),
    )
}

/// What could not be taken back, and that nothing is done about it.
pub(super) fn stuck(failure: &Explanation, node: &str) -> Explanation {
    let rest = format!(
        "; the NIC is not touched before its object changes, or you put right what is left and run: {}",
        command(node)
    );
    with(failure, &rest)
}

/// What went wrong each time, and what makes the agent try again.
pub(super) fn exhausted(failure: &Explanation, attempts: u32, node: &str) -> Explanation {
    let rest = format!(
        "; tried {attempts} times, and no more before its object, its link or the backend changes, or you run: {}",
        command(node)
    );
    with(failure, &rest)
}

fn command(node: &str) -> String {
    format!("kubectl annotate nnc {node} --overwrite {RETRY}=\"$(date)\"")
}

/// The remedy is read whole, however long the cause is.
fn with(failure: &Explanation, rest: &str) -> Explanation {
    let room = MAX_INTERFACE_MESSAGE_BYTES.saturating_sub(rest.len());
    let cause = truncate_message(&failure.message, room);
    Explanation::new(failure.reason, format!("{cause}{rest}"))
}
