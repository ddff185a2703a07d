//! What a NIC is called.

use anyhow::{Context, Result};
use serde::Deserialize;

/// The names of a link.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Names {
    /// The present one.
    #[serde(rename = "ifname")]
    pub name: String,
    /// By which it is found as well, sorted.
    #[serde(default, rename = "altnames")]
    pub others: Vec<String>,
}

#[derive(Deserialize)]
struct Reported {
    #[serde(flatten)]
    names: Names,
    address: Option<String>,
}

impl Names {
    /// Those of the link with this MAC, from what `ip -json link show` prints.
    pub(crate) fn parse(json: &str, mac: &str) -> Result<Self> {
        let links: Vec<Reported> = serde_json::from_str(json).context("cannot decode what ip says")?;
        let found = links.into_iter().find(|link| link.address.as_deref() == Some(mac));
        let mut names = found.with_context(|| format!("no link {mac}"))?.names;
        names.others.sort_unstable();
        Ok(names)
    }
}

impl std::fmt::Display for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if !self.others.is_empty() {
            write!(f, " (also {})", self.others.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn a_link_is_found_by_its_mac_with_all_its_names() {
        let json = r#"[{"ifname":"lo","address":"00:00:00:00:00:00"},
            {"ifname":"multinic0","address":"fa:16:3e:00:00:01","altnames":["ens4","enp0s4"]}]"#;
        let names = Names::parse(json, "fa:16:3e:00:00:01").unwrap();
        assert_eq!(names.to_string(), "multinic0 (also enp0s4, ens4)");
        assert!(Names::parse(json, "fa:16:3e:00:00:02").is_err());
    }
}
