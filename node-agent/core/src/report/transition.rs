//! What changed from one status to the next, as data: whoever tells it decides how.

use multinic_crds::{InterfaceStatus, NodeNetworkConfigStatus};

/// The NICs that are in another state after than before, or in it for another reason.
pub fn transitions<'a>(
    before: &NodeNetworkConfigStatus,
    after: &'a NodeNetworkConfigStatus,
) -> impl Iterator<Item = &'a InterfaceStatus> {
    let is_new = |nic: &&InterfaceStatus| {
        let known = before.interfaces.iter().find(|known| known.mac_address == nic.mac_address);
        known.is_none_or(|known| (known.state, &known.reason) != (nic.state, &nic.reason))
    };
    after.interfaces.iter().filter(is_new)
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
        let news: Vec<_> = transitions(&before, &after).map(|nic| &nic.mac_address[15..]).collect();
        assert_eq!(news, ["01", "02", "04"]);
        assert_eq!(transitions(&after, &after).count(), 0);
    }
}
