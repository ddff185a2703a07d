//! Running the host's own netplan generator, in a staging root.
//!
//! The live root is never generated into: that makes networkd reconfigure the node's own uplink.

use std::{collections::BTreeMap, process::Output};

use multinic_agent_core::backend::{
    Backend,
    netplan::{
        Netplan,
        next_boot::{Answer, Complaint, Files, Generator, Outputs},
    },
};

use crate::host::{
    backend::stage::{STAGE, Stage, StageError},
    root::HostRoot,
};

/// netplan's generators, newest layout first: 1.2, 0.106 to 1.1, older.
pub(super) const GENERATORS: [&str; 3] =
    ["/usr/libexec/netplan/configure", "/usr/libexec/netplan/generate", "/lib/netplan/generate"];

/// What of it runs at each boot before anything else, since 1.2 beside the first of those: it says which links the boot
/// waits for. It goes by its name, and ignores what it does not understand.
const EARLY: &str = "/usr/lib/systemd/system-generators/netplan";

/// The generator of one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostGenerator<'a> {
    root: &'a HostRoot,
    /// The path on the host.
    program: &'static str,
}

impl<'a> HostGenerator<'a> {
    /// The generator of the host, as it is now: an upgrade may move it.
    pub(super) fn of(root: &'a HostRoot) -> Option<Self> {
        let program = GENERATORS.into_iter().find(|path| root.is_file(path))?;
        Some(Self { root, program })
    }

    async fn run(&self, files: &Files) -> Result<(Output, Outputs), StageError> {
        let directories = Netplan.places().iter().map(|place| place.directory);
        let stage = Stage::new(self.root, directories, files)?;
        let mut output = stage.run(self.program, &["--root-dir", STAGE]).await?;
        if output.status.success() && self.program == GENERATORS[0] && self.root.is_file(EARLY) {
            let to = ["", ".early", ".late"].map(|when| format!("{STAGE}/run/systemd/generator{when}"));
            let [normal, early, late] = to.each_ref().map(String::as_str);
            output = stage.run(EARLY, &["--root-dir", STAGE, normal, early, late]).await?;
        }
        let text = |(path, bytes): (String, Vec<u8>)| {
            (format!("run/{path}"), String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut outputs: BTreeMap<_, _> = stage.tree("/run")?.into_iter().map(text).collect();
        // What was put there is no output.
        outputs.retain(|path, _| !files.contains_key(&format!("/{path}")));
        Ok((output, Outputs(outputs)))
    }
}

impl Generator for HostGenerator<'_> {
    type Error = StageError;

    async fn ask(&mut self, files: &Files) -> Result<Answer, StageError> {
        let (Output { status, stderr, .. }, outputs) = self.run(files).await?;
        if status.success() {
            return Ok(Answer::Makes(outputs));
        }
        // One that fails without any file says nothing about files.
        let (Output { status, stderr: words, .. }, _) = self.run(&Files::new()).await?;
        if status.success() {
            return Ok(Answer::Refuses(Complaint::parse(&String::from_utf8_lossy(&stderr), STAGE)));
        }
        let words = String::from_utf8_lossy(&words);
        let words = words.lines().next().unwrap_or_default().trim().to_owned();
        Err(StageError::Broken { program: self.program.to_owned(), status, words })
    }
}
