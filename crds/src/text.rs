//! What a type that is written as text needs beside its parser and its meaning.

/// Shows `$name` as what it wraps, reads it by its parser, and has the API server take what `$pattern` and the CEL rule
/// `$rule` allow, of at most `$longest` characters.
macro_rules! text {
    ($name:ident, $error:ident, $longest:literal, $pattern:expr, $rule:expr, $message:literal) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl TryFrom<std::borrow::Cow<'_, str>> for $name {
            type Error = $error;

            fn try_from(text: std::borrow::Cow<'_, str>) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "maxLength": $longest,
                    "pattern": $pattern,
                    "x-kubernetes-validations": [{ "rule": $rule, "message": $message }],
                })
            }
        }
    };
}

pub(crate) use text;
