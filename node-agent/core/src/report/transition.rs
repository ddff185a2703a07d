//! What changed from one status to the next, as data: whoever tells it decides how.

use multinic_crds::{InterfaceStatus, NodeNetworkConfigStatus};

/// A NIC that is now in another state, or in it for another reason.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition<'a> {
    /// The NIC as it is now.
    pub nic: &'a InterfaceStatus,
}

/// Every NIC of `after` that `before` did not have so.
pub fn transitions<'a>(
    before: &NodeNetworkConfigStatus,
    after: &'a NodeNetworkConfigStatus,
) -> impl Iterator<Item = Transition<'a>> {
    let is_new = |nic: &&InterfaceStatus| {
        let known = before.interfaces.iter().find(|known| known.mac_address == nic.mac_address);
        known.is_none_or(|known| (known.state, &known.reason) != (nic.state, &nic.reason))
    };
    after.interfaces.iter().filter(is_new).map(|nic| Transition { nic })
}

#[cfg(test)]
mod tests {
    use multinic_crds::InterfaceState;
    use serde_json::json;

    use super::*;

    fn status(nics: &[(&str, InterfaceState, &str, &str)]) -> NodeNetworkConfigStatus {
        let nic = |(mac, state, reason, message): &(&str, InterfaceState, &str, &str)| json!({ "macAddress": mac, "name": "multinic0", "state": state, "reason": reason, "message": message });
        serde_json::from_value(json!({ "interfaces": nics.iter().map(nic).collect::<Vec<_>>() })).unwrap()
    }

    #[test]
    fn a_new_state_and_a_new_reason_are_news_and_new_words_are_none() {
        let before = status(&[
            ("fa:16:3e:00:00:01", InterfaceState::Configured, "Configured", ""),
            ("fa:16:3e:00:00:02", InterfaceState::Failed, "ApplyFailed", "once"),
            ("fa:16:3e:00:00:03", InterfaceState::Failed, "ApplyFailed", "once"),
        ]);
        let after = status(&[
            ("fa:16:3e:00:00:01", InterfaceState::Failed, "Contended", ""),
            ("fa:16:3e:00:00:02", InterfaceState::Failed, "VerifyFailed", ""),
            ("fa:16:3e:00:00:03", InterfaceState::Failed, "ApplyFailed", "twice"),
            ("fa:16:3e:00:00:04", InterfaceState::Pending, "Applying", ""),
        ]);
        let news: Vec<_> = transitions(&before, &after).map(|news| &news.nic.mac_address[15..]).collect();
        assert_eq!(news, ["01", "02", "04"]);
        assert_eq!(transitions(&after, &after).count(), 0);
    }
}
