//! A value of a table, as text.

use std::str;

use multinic_crds::{Explanation, Reason};

/// The value without surrounding space; `None` when nothing is left.
pub(crate) fn text<'a>(
    value: Option<&'a [u8]>,
    column: &str,
    longest: usize,
    reason: Reason,
) -> Result<Option<&'a str>, Explanation> {
    let Some(bytes) = value else { return Ok(None) };
    if bytes.len() > longest {
        let length = bytes.len();
        let message = format!("{column} is {length} bytes long; write at most {longest}");
        return Err(Explanation::new(reason, message));
    }
    let text = str::from_utf8(bytes)
        .map_err(|_| Explanation::new(reason, format!("{column} is not text in UTF-8; write it again")))?
        .trim();
    Ok((!text.is_empty()).then_some(text))
}
