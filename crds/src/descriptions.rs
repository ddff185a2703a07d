//! The words of the schema, as `kubectl explain` prints them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};

/// What the fields of a condition say here. Kubernetes' own words leave open what each is in this object.
const OF_A_CONDITION: [(&str, &str); 6] = [
    ("type", "Which condition: `Ready`, `Degraded`, `Progressing`, `NodeAddressLeaked` or `Synced`."),
    ("status", "Whether the condition holds: `True`, `False` or `Unknown`."),
    ("reason", "Why, in one word. docs/troubleshooting.md lists all of them. Example: `InterfaceRefused`."),
    ("message", "Why, in a sentence for people that says what to do. Empty when all is well."),
    ("lastTransitionTime", "Time at which `status` last changed, in UTC. Example: `2026-01-31T12:00:00Z`."),
    ("observedGeneration", "The `metadata.generation` of the object that the condition is about."),
];

/// Puts every paragraph on one line, and says what conditions are here.
pub(crate) fn for_kubectl(crd: &mut CustomResourceDefinition) {
    let schemas = crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut());
    for root in schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut()) {
        describe_conditions(root);
        unwrap_all(root);
    }
}

fn describe_conditions(root: &mut JSONSchemaProps) {
    let status = root.properties.as_mut().and_then(|fields| fields.get_mut("status"));
    let conditions = status.and_then(|status| status.properties.as_mut()?.get_mut("conditions"));
    let Some(JSONSchemaPropsOrArray::Schema(condition)) = conditions.and_then(|list| list.items.as_mut())
    else {
        return;
    };
    condition.description = Some("One condition, by the conventions of the Kubernetes API.".to_owned());
    for (name, words) in OF_A_CONDITION {
        if let Some(field) = condition.properties.as_mut().and_then(|fields| fields.get_mut(name)) {
            field.description = Some(words.to_owned());
        }
    }
}

fn unwrap_all(schema: &mut JSONSchemaProps) {
    schema.description = schema.description.as_deref().map(unwrap);
    schema.properties.iter_mut().flat_map(|fields| fields.values_mut()).for_each(unwrap_all);
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &mut schema.items {
        unwrap_all(item);
    }
}

/// kubectl wraps each line by itself, so one that the source breaks in the middle would be broken twice.
fn unwrap(text: &str) -> String {
    let mut unwrapped = String::new();
    for line in text.lines() {
        let separator = match line.starts_with("- ") {
            _ if unwrapped.is_empty() => "",
            true => "\n",
            false => " ",
        };
        unwrapped.extend([separator, line.trim()]);
    }
    unwrapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd;

    /// The path of every field, with its schema.
    fn fields(path: &str, schema: &JSONSchemaProps) -> Vec<(String, JSONSchemaProps)> {
        let below = schema.properties.iter().flatten().flat_map(|(name, field)| {
            let path = format!("{path}.{name}");
            let mut all = vec![(path.clone(), field.clone())];
            all.extend(fields(&path, field));
            all
        });
        let items = match &schema.items {
            Some(JSONSchemaPropsOrArray::Schema(item)) => fields(&format!("{path}[]"), item),
            _ => Vec::new(),
        };
        below.chain(items).collect()
    }

    fn all() -> Vec<(String, JSONSchemaProps)> {
        let schema = crd().spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
        fields("", &schema)
    }

    #[test]
    fn every_field_is_described_in_at_least_eight_words() {
        let all = all();
        assert!(all.iter().any(|(path, _)| path == ".spec.interfaces[].routes[].onLink"), "{all:?}");
        for (path, schema) in all {
            let description = schema.description.unwrap_or_default();
            assert!(description.split_whitespace().count() >= 8, "{path}: {description:?}");
        }
    }

    #[test]
    fn every_value_of_an_enum_is_named_in_the_description_of_its_field() {
        let mut values = 0;
        for (path, schema) in all() {
            let description = schema.description.unwrap_or_default();
            for value in schema.enum_.unwrap_or_default() {
                let name = value.0.as_str().unwrap().to_owned();
                assert!(
                    description.contains(&format!("\n- `{name}`")),
                    "{path}: {name} is not in {description:?}"
                );
                values += 1;
            }
        }
        assert_eq!(values, 3 + 5 + 2 + 6);
    }

    #[test]
    fn a_paragraph_is_one_line_and_so_is_each_item_of_a_list() {
        assert_eq!(unwrap("One\ntwo.\n- `a`: x\n  y\n- `b`"), "One two.\n- `a`: x y\n- `b`");
    }
}
