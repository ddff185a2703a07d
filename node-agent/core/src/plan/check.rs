//! What a plan asks the host about its next boot.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, MacAddress};

use super::Transaction;
use crate::parse::bootfile::BootFile;

/// The host, asked about its next boot. Nothing that is asked changes anything.
pub trait BootCheck {
    /// The host could not be asked.
    type Error;

    /// The NICs of `transactions` whose files this host would not take, and why. All others' changes, made together,
    /// have been tried as they will lie on the disk.
    fn unfit(
        &mut self,
        transactions: &[Transaction],
    ) -> impl Future<Output = Result<BTreeMap<MacAddress, Explanation>, Self::Error>>;

    /// Why NICs that are `right` by these files will not be at the next boot.
    fn doubts(
        &mut self,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> impl Future<Output = Result<BTreeMap<MacAddress, Explanation>, Self::Error>>;
}
