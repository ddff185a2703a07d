//! What a seed decides.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Decides what happens next.
pub(crate) struct Chance {
    random: TestRng,
    pub(crate) seed: u64,
}

impl Chance {
    pub(crate) fn new() -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let seed = variable("MULTINIC_SOAK_SEED")?.unwrap_or_else(|| now.subsec_nanos().into());
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Ok(Self { random: TestRng::from_seed(RngAlgorithm::ChaCha, &bytes), seed })
    }

    /// A number from 0 up to, but without, `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.random.next_u32() as usize % end
    }

    pub(crate) fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A number from the environment.
pub(crate) fn variable(name: &str) -> Result<Option<u64>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    text.parse().map(Some).with_context(|| format!("{name} is no number: {text}"))
}
