//! The rows of the table that lead to no NIC.

use std::collections::BTreeMap;

use multinic_crds::MacAddress;
use serde::Serialize;

use super::words::reason_number;
use crate::table::Rejection;

/// The most rejected rows, and the most servers, that are listed; there may be as many as the table has.
pub const LISTED: usize = 500;

/// The rows that cannot be used, and the servers that are no Nodes here.
#[derive(Debug, Serialize)]
pub struct Rows<'a> {
    /// So many rows are rejected.
    rejected_total: usize,
    rejected: Vec<Rejected<'a>>,
    /// The servers, with how many rows each has.
    unmatched: &'a BTreeMap<String, usize>,
}

#[derive(Debug, Serialize)]
struct Rejected<'a> {
    node: Option<&'a str>,
    /// The Nodes that it may be about, where that is not certain.
    candidates: Vec<&'a str>,
    port: Option<&'a str>,
    mac: Option<MacAddress>,
    reason: u8,
    message: &'a str,
}

impl<'a> Rows<'a> {
    /// The first of the rejected rows, and all of the servers.
    #[must_use]
    pub fn new(rejected: &'a [Rejection], unmatched: &'a BTreeMap<String, usize>) -> Self {
        let listed = rejected.iter().take(LISTED).map(|rejection| Rejected {
            node: rejection.node.as_deref(),
            candidates: rejection
                .candidates
                .iter()
                .flat_map(|nodes| nodes.iter())
                .map(|name| &**name)
                .collect(),
            port: rejection.port_id.as_deref(),
            mac: rejection.mac,
            reason: reason_number(rejection.fault.reason),
            message: &rejection.fault.message,
        });
        Self { rejected_total: rejected.len(), rejected: listed.collect(), unmatched }
    }
}

#[cfg(test)]
mod tests {
    use multinic_crds::{Explanation, Reason};
    use serde_json::json;

    use super::*;
    use crate::fixtures::mac;

    #[test]
    fn of_many_rejected_rows_the_first_are_listed_and_all_are_counted() {
        let rejection = Rejection {
            node: Some("a".into()),
            port_id: None,
            mac: Some(mac(1)),
            fault: Explanation::new(Reason::InvalidMtu, "why"),
            candidates: None,
        };
        let (rejected, unmatched) =
            (vec![rejection; LISTED + 1], BTreeMap::from([("elsewhere".to_owned(), 2)]));
        let shown = serde_json::to_value(Rows::new(&rejected, &unmatched)).unwrap();
        assert_eq!(shown["rejected_total"], LISTED + 1);
        assert_eq!(shown["rejected"].as_array().unwrap().len(), LISTED);
        assert_eq!(
            shown["rejected"][0],
            json!({ "node": "a", "candidates": [], "port": null, "mac": mac(1), "reason": Reason::InvalidMtu as u8,
                "message": "why" })
        );
        assert_eq!(shown["unmatched"], json!({ "elsewhere": 2 }));
    }
}
