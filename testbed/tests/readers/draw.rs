//! Inputs that a seed decides.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Files below a root, by their paths there.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// A source of inputs.
pub(crate) struct Draw {
    random: TestRng,
    seed: u64,
    /// How many inputs are wanted.
    pub(crate) inputs: usize,
}

impl Draw {
    /// A source that says its seed, by which all it gives can be had again.
    pub(crate) fn new(story: &str, inputs: usize) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let seed = variable("MULTINIC_SOAK_SEED")?.unwrap_or_else(|| now.subsec_nanos().into());
        let wanted = variable("MULTINIC_SOAK_INPUTS")?;
        let inputs = wanted.map_or(Ok(inputs), usize::try_from)?;
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        eprintln!("{story}: {inputs} inputs, MULTINIC_SOAK_SEED={seed}");
        Ok(Self { random, seed, inputs })
    }

    /// What is said where input `number` shows something wrong.
    pub(crate) fn evidence(&self, number: usize, files: &Files) -> String {
        let text = |(path, bytes): &(String, Vec<u8>)| format!("--- {path}\n{}", bytes.escape_ascii());
        let files: Vec<_> = files.iter().map(text).collect();
        format!("input {number} of MULTINIC_SOAK_SEED={}:\n{}", self.seed, files.join("\n"))
    }

    pub(crate) fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.up_to(choices.len() - 1)]
    }

    /// Between `least` and `most` of them.
    pub(crate) fn some<T: Copy>(&mut self, choices: &[T], least: usize, most: usize) -> Vec<T> {
        let count = least + self.up_to(most - least);
        (0..count).map(|_| self.one(choices)).collect()
    }

    /// Whether something happens that does so once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.up_to(times - 1) == 0
    }

    pub(crate) fn up_to(&mut self, most: usize) -> usize {
        self.random.next_u32() as usize % (most + 1)
    }
}

fn variable(name: &str) -> Result<Option<u64>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    text.parse().map(Some).with_context(|| format!("{name} is no number: {text}"))
}

/// Writes `files` below `root`.
pub(crate) fn write(root: &Path, files: &Files) -> Result<()> {
    for (path, bytes) in files {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().context("no directory")?)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Removes `files`, and the directories of drop-ins that they were in.
pub(crate) fn remove(root: &Path, files: &Files) -> Result<()> {
    for (path, _) in files {
        let path = root.join(path.trim_start_matches('/'));
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let directory = path.parent().context("no directory")?;
        if directory.extension().is_some_and(|extension| extension == "d") {
            // Not empty where others are in there.
            let _ = fs::remove_dir(directory);
        }
    }
    Ok(())
}
