//! `scripts/deploy.sh` for real.

use anyhow::Result;
use multinic_testbed::Testbed;

use crate::scene::Scene;

pub(crate) async fn tell(bed: &Testbed) -> Result<()> {
    let _scene = Scene::set("deploy", bed).await?;
    Ok(())
}
