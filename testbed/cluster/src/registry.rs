//! A registry of images, as a company has one: over TLS, with a certificate that the nodes trust.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use multinic_testbed::{Authority, GATEWAY, Process, SOON, Testbed, eventually};

const PORT: u16 = 5000;

/// A running registry, at first empty.
pub struct Registry {
    process: Process,
}

impl Registry {
    pub(crate) async fn start(bed: &Testbed, program: &Path, authority: &Authority) -> Result<Self> {
        let directory = bed.part("registry")?;
        let (certificate, key) = (directory.join("server.crt"), directory.join("server.key"));
        let credentials = authority.issue_to_server(GATEWAY.into())?;
        fs::write(&certificate, &credentials.certificate)?;
        fs::write(&key, &credentials.key)?;
        let configuration = directory.join("config.json");
        let settings = serde_json::json!({
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": directory.join("images")}},
            "http": {"addr": Self::address(), "tls": {"certificate": certificate, "key": key}},
        });
        fs::write(&configuration, settings.to_string())?;
        let mut command = Command::new(program);
        command.arg("serve").arg(configuration).env("OTEL_TRACES_EXPORTER", "none");
        let mut process = bed.start("registry", command)?;
        eventually("the registry to listen", SOON, async || {
            process.check()?;
            ensure!(tokio::net::TcpStream::connect((GATEWAY, PORT)).await.is_ok(), "it does not answer");
            Ok(())
        })
        .await?;
        Ok(Self { process })
    }

    /// What the names of its images begin with.
    #[must_use]
    pub fn address() -> String {
        format!("{GATEWAY}:{PORT}")
    }

    /// Ends it; its images are gone for everybody.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.stop().await.map(drop)
    }
}
