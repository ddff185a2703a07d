//! The chart's values, from the comments in `values.yaml`.
//!
//! A comment directly above a key says what that key is, with everything below it. So every
//! value has exactly one comment above it: its own, or that of a key around it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::table;

/// Values that are not documented as they must be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValuesError {
    /// Not YAML at all.
    #[error("values.yaml cannot be read: {0}")]
    Yaml(#[from] serde_saphyr::Error),
    /// Nothing says what it is.
    #[error("values.yaml: {0} has no comment directly above it")]
    Undocumented(String),
    /// Two comments would have to be read together.
    #[error("values.yaml: {0} has a comment, and so has a key around it")]
    Twice(String),
    /// The lines were not understood.
    #[error("values.yaml: {0} was read from the lines, and YAML knows no such key")]
    NoSuchKey(String),
}

/// A key with a comment.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    path: Vec<String>,
    meaning: String,
}

/// A table of every value.
pub(crate) fn table(yaml: &str) -> Result<String, ValuesError> {
    let root: Value = serde_saphyr::from_str(yaml)?;
    let entries = entries(yaml);
    check(&root, &entries)?;
    let mut rows = Vec::new();
    for Entry { path, meaning } in entries {
        let key = path.join(".");
        let value = find(&root, &path).ok_or_else(|| ValuesError::NoSuchKey(key.clone()))?;
        rows.push([format!("`{key}`"), format!("`{}`", flow(value)), meaning]);
    }
    Ok(table::render(["value", "default", "meaning"], rows))
}

/// What the comments say, by the paths of the values.
pub(crate) fn meanings(yaml: &str) -> impl Iterator<Item = (String, String)> {
    entries(yaml).into_iter().map(|entry| (entry.path.join("."), entry.meaning))
}

/// The paths of every value in `values.yaml` that has a comment.
#[cfg(test)]
pub(crate) fn documented(yaml: &str) -> BTreeSet<String> {
    entries(yaml).into_iter().map(|entry| entry.path.join(".")).collect()
}

/// Reads the lines: comments, and keys of block mappings by their indentation.
fn entries(yaml: &str) -> Vec<Entry> {
    let (mut entries, mut comment, mut around) = (Vec::new(), Vec::new(), Vec::<(usize, String)>::new());
    for line in yaml.lines() {
        let text = line.trim_start();
        if let Some(words) = text.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        if let Some(key) = key(text) {
            let indentation = line.len() - text.len();
            around.retain(|(outer, _)| *outer < indentation);
            around.push((indentation, key.to_owned()));
            if !comment.is_empty() {
                let path = around.iter().map(|(_, key)| key.clone()).collect();
                entries.push(Entry { path, meaning: comment.join(" ") });
            }
        }
        // Neither a blank line nor an item of a list may stand between a comment and its key.
        comment.clear();
    }
    entries
}

/// The key at the beginning of a line; items of lists have none.
fn key(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let plain =
        key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') && !key.starts_with('-');
    (plain && (rest.is_empty() || rest.starts_with(' '))).then_some(key)
}

/// Every value has one comment above it, and every comment a value below it.
fn check(root: &Value, entries: &[Entry]) -> Result<(), ValuesError> {
    for leaf in leaves(root) {
        match entries.iter().filter(|entry| leaf.starts_with(&entry.path)).count() {
            0 => return Err(ValuesError::Undocumented(leaf.join("."))),
            1 => {}
            _ => return Err(ValuesError::Twice(leaf.join("."))),
        }
    }
    Ok(())
}

fn find<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, key| value.get(key))
}

/// The paths of everything that is no mapping, or an empty one.
fn leaves(value: &Value) -> Vec<Vec<String>> {
    match value.as_object().filter(|mapping| !mapping.is_empty()) {
        None => vec![Vec::new()],
        Some(mapping) => mapping.iter().flat_map(|(key, value)| below(key, leaves(value))).collect(),
    }
}

fn below(key: &str, paths: Vec<Vec<String>>) -> impl Iterator<Item = Vec<String>> {
    paths.into_iter().map(move |path| [vec![key.to_owned()], path].concat())
}

/// The value on one line, as YAML, in an order that does not depend on how the map is made.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(mapping) => {
            let pairs: BTreeSet<_> =
                mapping.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", pairs.into_iter().collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        // What YAML would take for something else stays in its quotes.
        Value::String(text) if !text.is_empty() && serde_json::from_str::<Value>(text).is_err() => {
            text.clone()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_its_path_its_default_and_the_comment_directly_above() {
        let yaml = "# Of the file.\n\nimage:\n  # Its\n  # tag.\n  tag: \"\"\nlevels:\n  deep:\n    # A number.\n    port: 80\n\
            # A list.\nlist:\n  - operator: Exists\n# A whole mapping.\nresources:\n  requests: {cpu: 5m}\n  limits: {memory: 1Mi, cpu: 1}\n";
        assert_eq!(
            table(yaml).unwrap(),
            "| value | default | meaning |\n| --- | --- | --- |\n\
             | `image.tag` | `\"\"` | Its tag. |\n\
             | `levels.deep.port` | `80` | A number. |\n\
             | `list` | `[{operator: Exists}]` | A list. |\n\
             | `resources` | `{limits: {cpu: 1, memory: 1Mi}, requests: {cpu: 5m}}` | A whole mapping. |\n"
        );
    }

    #[test]
    fn a_value_without_a_comment_or_with_two_is_an_error() {
        for (yaml, error) in [
            ("a:\n  # B.\n  b: 1\n  c: 2\n", "a.c has no comment"),
            ("# A.\n\na: 1\n", "a has no comment"),
            ("# A.\na:\n  # B.\n  b: 1\n", "a.b has a comment, and so has"),
            ("# Item.\n- a\n", " has no comment"),
        ] {
            let told = table(yaml).unwrap_err().to_string();
            assert!(told.contains(error), "{told}");
        }
    }
}
