//! NICs that are right in the kernel, and of which netplan would make something else at the next boot.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, MacAddress};

use crate::{
    backend::{
        asked::Asked,
        netplan::next_boot::{
            Answer, Boot, Files, Generator,
            judge::{as_alone, host_invalid},
        },
    },
    parse::bootfile::BootFile,
};

/// What was found, and of which files.
pub type Doubts = Asked<(Boot, BTreeMap<MacAddress, Vec<BootFile>>)>;

impl Doubts {
    /// Why NICs that are `right` by these files will not be at the next boot.
    pub async fn about<G: Generator>(
        &mut self,
        generator: &mut G,
        boot: Boot,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, G::Error> {
        self.or_ask((boot, right), async |(boot, right)| found(generator, boot, right).await).await
    }
}

async fn found<G: Generator>(
    generator: &mut G,
    boot: &Boot,
    right: &BTreeMap<MacAddress, Vec<BootFile>>,
) -> Result<BTreeMap<MacAddress, Explanation>, G::Error> {
    if right.is_empty() {
        return Ok(BTreeMap::new());
    }
    let after = match generator.ask(&boot.files).await? {
        Answer::Makes(after) => after,
        Answer::Refuses(complaint) => {
            return Ok(right.keys().map(|mac| (*mac, host_invalid(&complaint))).collect());
        }
    };
    let ours: Files = right.values().flatten().map(|file| (file.path.clone(), file.text.clone())).collect();
    // Our files were taken with all others, so they are without them.
    let Answer::Makes(alone) = generator.ask(&ours).await? else { return Ok(BTreeMap::new()) };
    let doubt = |(mac, files): (&MacAddress, &Vec<BootFile>)| {
        let mut doubts =
            files.iter().filter_map(|file| as_alone(&file.path, &file.text, &alone, &after, boot).err());
        Some((*mac, doubts.next()?))
    };
    Ok(right.iter().filter_map(doubt).collect())
}
