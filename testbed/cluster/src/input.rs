//! What programs read.

use std::fs::File;
use std::io::{Seek, Write};

use anyhow::Result;

/// A file to read `text` from. Unlike with a pipe, nobody has to go on writing while a process reads it.
pub(crate) fn text_file(text: &str) -> Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}
