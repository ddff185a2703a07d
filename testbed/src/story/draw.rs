//! Choices that a seed decides.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// A source of inputs.
pub struct Draw {
    random: TestRng,
    /// By which all it gives can be had again.
    pub seed: u64,
    /// How many inputs are wanted.
    pub inputs: usize,
}

impl Draw {
    /// A source for `story`, which wants so many `inputs`. It says its seed. `MULTINIC_SOAK_INPUTS` has another number
    /// drawn, and `MULTINIC_SOAK_SEED` what an earlier run drew.
    pub fn new(story: &str, inputs: usize) -> Result<Self> {
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

    /// One of them.
    pub fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.up_to(choices.len() - 1)]
    }

    /// Between `least` and `most` of them.
    pub fn some<T: Copy>(&mut self, choices: &[T], least: usize, most: usize) -> Vec<T> {
        let count = least + self.up_to(most - least);
        (0..count).map(|_| self.one(choices)).collect()
    }

    /// Whether something happens that does so once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.up_to(times - 1) == 0
    }

    /// A number of at most `most`.
    pub fn up_to(&mut self, most: usize) -> usize {
        self.random.next_u32() as usize % (most + 1)
    }
}

fn variable(name: &str) -> Result<Option<u64>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    text.parse().map(Some).with_context(|| format!("{name} is no number: {text}"))
}
