//! The descriptions in the chart's `values.schema.json`, which editors show: the comments in `values.yaml`.
//!
//! Lines, and not a value of JSON: the order of keys is the author's.

use std::collections::BTreeMap;

use crate::values;

/// A value that the schema does not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("values.schema.json has no {0}, or not as `\"KEY\": {{` on a line of its own, indented by two")]
pub(crate) struct NotInSchema(String);

/// `schema`, with what `values.yaml` says of each value as its description.
pub(crate) fn describe(schema: &str, yaml: &str) -> Result<String, NotInSchema> {
    let mut meanings: BTreeMap<String, String> = values::meanings(yaml).collect();
    let (mut described, mut around) = (String::new(), Vec::<(usize, &str)>::new());
    let mut lines = schema.lines().peekable();
    while let Some(line) = lines.next() {
        described.extend([line, "\n"]);
        let text = line.trim_start();
        let indentation = line.len() - text.len();
        around.retain(|(outer, _)| *outer < indentation);
        let Some(key) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix("\": {")) else { continue };
        around.push((indentation, key));
        let Some(meaning) = path(&around).and_then(|path| meanings.remove(&path)) else { continue };
        lines.next_if(|next| next.trim_start().starts_with("\"description\": "));
        let meaning = serde_json::Value::from(meaning).to_string();
        described.extend([&" ".repeat(indentation + 2), "\"description\": ", &meaning, ",\n"]);
    }
    meanings.pop_first().map_or(Ok(described), |(path, _)| Err(NotInSchema(path)))
}

/// The value that a place in the schema is about: `properties`, a key, and so on; other places are about none.
fn path(around: &[(usize, &str)]) -> Option<String> {
    let (pairs, rest) = around.as_chunks::<2>();
    let is_value = rest.is_empty() && pairs.iter().all(|[(_, properties), _]| *properties == "properties");
    is_value.then(|| pairs.iter().map(|[_, (_, key)]| *key).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{
  "properties": {
    "image": {
      "type": "object",
      "properties": {
        "tag": {
          "type": "string"
        }
      }
    },
    "list": {
      "description": "of before",
      "items": {
        "properties": {
          "tag": {
            "type": "string"
          }
        }
      }
    }
  }
}
"#;

    #[test]
    fn each_value_is_described_by_its_comment_and_nothing_else_changes() {
        let yaml = "image:\n  # Its \"tag\".\n  tag: \"\"\n# A list.\nlist: []\n";
        let described = describe(SCHEMA, yaml).unwrap();
        let expected = SCHEMA
            .replacen(
                "        \"tag\": {\n",
                "        \"tag\": {\n          \"description\": \"Its \\\"tag\\\".\",\n",
                1,
            )
            .replace("of before", "A list.");
        assert_eq!(described, expected);
        assert_eq!(describe(&described, yaml).unwrap(), described);
    }

    #[test]
    fn a_value_that_is_not_in_the_schema_is_an_error() {
        let yaml = "list:\n  # Of an item.\n  tag: \"\"\n";
        assert_eq!(describe(SCHEMA, yaml), Err(NotInSchema("list.tag".to_owned())));
    }
}
