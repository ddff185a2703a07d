//! Stories that cannot be told here.

/// Makes a story count as skipped; return it as the story's error.
#[must_use]
pub fn skip(reason: &'static str) -> anyhow::Error {
    anyhow::Error::new(Skip(reason))
}

#[derive(Debug)]
pub(crate) struct Skip(&'static str);

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Skip {}
