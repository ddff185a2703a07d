//! Every word that says why, from the enum that both binaries take it from.

use multinic_crds::{Reason, Scope};

use crate::table;

/// One row for each reason.
pub(crate) fn table() -> String {
    let row = |reason: &Reason| {
        let places: Vec<_> = reason.scopes().iter().copied().map(Scope::as_str).collect();
        [format!("`{reason}`"), places.join("; "), reason.meaning().to_owned(), reason.remedy().to_owned()]
    };
    table::render(["reason", "where", "what it says", "what to do"], Reason::ALL.iter().map(row))
}
