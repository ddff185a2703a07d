//! A selector of Nodes.

/// A selector that means nothing but labels and their values.
pub(super) fn labels(text: &str) -> Result<String, String> {
    let complete = |label: &str| label.split_once('=').is_some_and(|(key, value)| is_label(key, value));
    let well_formed = text.is_empty() || text.split(',').all(complete);
    well_formed.then(|| text.to_owned()).ok_or_else(|| "write key=value, or key=value,key=value".to_owned())
}

/// Whether the API server could take it; whatever else its query language has is not ours to pass on.
fn is_label(key: &str, value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !key.is_empty() && key.chars().all(|c| plain(c) || c == '/') && value.chars().all(plain)
}
