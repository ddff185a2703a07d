//! The reference of the API, from the schema that the API server enforces.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::table;

/// Who writes a field: the longest of these that its path begins with says it.
const WRITERS: [(&str, &str); 5] = [
    ("spec", "operator"),
    ("spec.mode", "people"),
    ("status", "agent"),
    ("status.conditions", "agent; operator (`Synced`)"),
    ("metadata", "operator"),
];

/// The definition's only version.
fn version() -> Result<Value> {
    let definition = serde_json::to_value(multinic_crds::crd())?;
    definition.pointer("/spec/versions/0").cloned().context("the definition has no version")
}

/// The whole object's schema.
pub(crate) fn schema() -> Result<Value> {
    version()?.pointer("/schema/openAPIV3Schema").cloned().context("the definition has no schema")
}

/// One row for each field below `root`, which is `spec` or `status`.
pub(crate) fn fields(root: &str) -> Result<String> {
    let schema = schema()?;
    let top = schema.pointer(&format!("/properties/{root}")).context("no such field")?;
    let rows = paths(root, top).into_iter().map(|(path, field)| {
        let writer = writer(&path).to_owned();
        [format!("`{path}`"), kind(&field), writer, limits(&field), meaning(&field)]
    });
    Ok(table::render(["field", "type", "written by", "limits", "meaning"], rows))
}

/// What `kubectl get` shows.
pub(crate) fn columns() -> Result<String> {
    let version = version()?;
    let columns = version["additionalPrinterColumns"].as_array().context("no columns")?;
    let rows = columns.iter().map(|column| {
        let text = |field: &str| column[field].as_str().unwrap_or_default();
        let wide = if column["priority"] == 1 { "with `-o wide`" } else { "always" };
        [text("name").to_uppercase(), wide.to_owned(), format!("`{}`", text("jsonPath"))]
    });
    Ok(table::render(["column", "shown", "taken from"], rows))
}

/// Every field below `schema`, by its path; `[]` stands for every item of a list.
pub(crate) fn paths(path: &str, schema: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        all.extend(paths(&path, field));
        let is_required =
            schema["required"].as_array().is_some_and(|names| names.contains(&Value::from(name.as_str())));
        let mut field = field.clone();
        field["required here"] = is_required.into();
        all.insert(path, field);
    }
    if schema["items"].is_object() {
        all.extend(paths(&format!("{path}[]"), &schema["items"]));
    }
    all
}

fn writer(path: &str) -> &'static str {
    let of = WRITERS.iter().filter(|(prefix, _)| path.starts_with(prefix));
    of.max_by_key(|(prefix, _)| prefix.len()).map_or("", |(_, writer)| writer)
}

fn kind(field: &Value) -> String {
    let kind = |schema: &Value| schema["type"].as_str().unwrap_or_default().to_owned();
    match kind(field).as_str() {
        "array" => format!("list of {}s", kind(&field["items"])),
        "string" if field["format"] == "date-time" => "time".to_owned(),
        other => other.to_owned(),
    }
}

/// What the API server holds a field to; of patterns only the description speaks.
fn limits(field: &Value) -> String {
    let item = &field["items"];
    let mut limits = Vec::new();
    if field["required here"] == true {
        limits.push("required".to_owned());
    }
    for (keyword, schema, words) in [
        ("minItems", field, "at least # items"),
        ("maxItems", field, "at most # items"),
        ("minimum", field, "at least #"),
        ("maximum", field, "at most #"),
        ("maxLength", field, "at most # characters"),
        ("maxLength", item, "each at most # characters"),
    ] {
        if let Some(number) = schema[keyword].as_f64() {
            limits.push(words.replace('#', &number.to_string()));
        }
    }
    if let Some(default) = field.get("default") {
        limits.push(format!(
            "default `{}`",
            default.as_str().map_or_else(|| default.to_string(), str::to_owned)
        ));
    }
    limits.extend([field, item].into_iter().flat_map(rules));
    limits.join("; ")
}

/// The messages of the rules that fields have to meet together.
fn rules(schema: &Value) -> impl Iterator<Item = String> {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    let mut messages: Vec<_> = rules.filter_map(|rule| rule["message"].as_str()).map(str::to_owned).collect();
    messages.dedup();
    messages.into_iter()
}

fn meaning(field: &Value) -> String {
    field["description"].as_str().unwrap_or_default().replace('\n', "<br>")
}

/// The schema by which an editor completes and checks a manifest.
pub(crate) fn for_editors() -> Result<String> {
    let mut schema = plain(&schema()?);
    let kind = |pointer: &str| -> Result<Value> {
        let definition = serde_json::to_value(multinic_crds::crd())?;
        definition.pointer(pointer).cloned().context("the definition is not whole")
    };
    let group = kind("/spec/group")?;
    let api_version =
        format!("{}/{}", group.as_str().unwrap_or_default(), version()?["name"].as_str().unwrap_or_default());
    let root = schema.as_object_mut().context("the schema is no object")?;
    root.insert("$schema".to_owned(), "http://json-schema.org/draft-07/schema#".into());
    root.insert("required".to_owned(), ["apiVersion", "kind", "metadata", "spec"].into_iter().collect());
    let properties = root.get_mut("properties").and_then(Value::as_object_mut).context("no properties")?;
    properties.insert("apiVersion".to_owned(), serde_json::json!({ "const": api_version }));
    properties.insert("kind".to_owned(), serde_json::json!({ "const": kind("/spec/names/kind")? }));
    let name = serde_json::json!({ "type": "string", "description": "The name of the Node." });
    properties.insert(
        "metadata".to_owned(),
        serde_json::json!({ "type": "object", "required": ["name"], "properties": { "name": name } }),
    );
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// Without what only Kubernetes knows. What it says by `nullable` is a type here, and unknown fields are errors.
fn plain(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let kept = keywords
        .iter()
        .filter(|(keyword, _)| !keyword.starts_with("x-kubernetes-") && *keyword != "nullable");
    // Formats of numbers are Kubernetes' own.
    let kept = kept.filter(|(keyword, value)| *keyword != "format" || *value == "date-time");
    let mut plain: Map<_, _> = kept
        .map(|(keyword, value)| {
            let value = match keyword.as_str() {
                "properties" => value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, field)| (name.clone(), self::plain(field)))
                    .collect(),
                "items" => self::plain(value),
                _ => value.clone(),
            };
            (keyword.clone(), value)
        })
        .collect();
    if keywords.get("nullable") == Some(&Value::Bool(true)) {
        plain.insert("type".to_owned(), [schema["type"].clone(), "null".into()].into_iter().collect());
        if let Some(Value::Array(values)) = plain.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    if plain.contains_key("properties") {
        plain.insert("additionalProperties".to_owned(), false.into());
    }
    Value::Object(plain)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::examples::examples;

    #[test]
    fn a_field_is_told_with_its_type_its_writer_and_its_limits() {
        let spec = fields("spec").unwrap();
        for row in [
            "| `spec.mode` | string | people | default `Enforce` | What the agent is allowed",
            "| `spec.interfaces` | list of objects | operator | at most 20 items; default `[]`; every interface needs a name of its own; ",
            "| `spec.interfaces[].mtu` | integer | operator | at least 68; at most 65535 | MTU in bytes",
            "| `spec.interfaces[].macAddress` | string | operator | required; at most 17 characters; the all-zero",
        ] {
            assert!(spec.contains(row), "{row}\n{spec}");
        }
        let status = fields("status").unwrap();
        assert!(
            status.contains(
                "| `status.conditions[].status` | string | agent; operator (`Synced`) | required |"
            ),
            "{status}"
        );
        assert!(status.contains("| `status.interfaces[].lastTransitionTime` | time | agent |"), "{status}");
    }

    #[test]
    fn an_editor_is_told_what_json_schema_knows_and_nothing_else() {
        let kubernetes = json!({
            "type": "object", "required": ["a"], "x-kubernetes-validations": [], "properties": {
                "a": { "type": "integer", "format": "int32", "nullable": true },
                "b": { "type": "array", "items": { "type": "string", "enum": ["c"], "nullable": true } },
                "t": { "type": "string", "format": "date-time" },
            },
        });
        assert_eq!(
            plain(&kubernetes),
            json!({
                "type": "object", "required": ["a"], "additionalProperties": false, "properties": {
                    "a": { "type": ["integer", "null"] },
                    "b": { "type": "array", "items": { "type": ["string", "null"], "enum": ["c", null] } },
                    "t": { "type": "string", "format": "date-time" },
                },
            })
        );
    }

    /// The path of everything in a manifest, as [`paths`] writes it.
    fn used(path: &str, value: &Value, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, field)| used(&format!("{path}.{name}"), field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| used(&format!("{path}[]"), item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_field_of_a_spec_and_every_value_of_an_enum_is_in_an_example() {
        let (mut found, mut texts) = (BTreeSet::new(), String::new());
        for (_, text) in examples().unwrap() {
            let manifest: Value = serde_saphyr::from_str(&text).unwrap();
            used("spec", &manifest["spec"], &mut found);
            texts += &text;
        }
        for (path, field) in paths("spec", &schema().unwrap()["properties"]["spec"]) {
            assert!(found.contains(&path), "{path} is in no example");
            for value in field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                // What is the default is what all others have.
                assert!(
                    value == "Enforce" || texts.contains(&format!(": {value}")),
                    "{path}: {value} is in no example"
                );
            }
        }
    }
}
