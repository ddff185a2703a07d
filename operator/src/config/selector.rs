//! A label selector: which Nodes should have an agent.

/// `text` as it is, where the API server would take it: what is in the value comes back as advice, and not as its error.
/// The words are those of `matchExpressions`, which is what the chart makes a selector of.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let well_formed = text.is_empty() || requirements(text).all(is_requirement);
    well_formed.then(|| text.to_owned()).ok_or_else(|| {
        "write key=value, key, !key, key in (a,b) or key notin (a,b), with commas between them".to_owned()
    })
}

/// Split at the commas that are not between parentheses.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

fn is_requirement(text: &str) -> bool {
    if let Some((key, value)) = text.split_once('=') {
        return is_key(key) && is_value(value);
    }
    if let Some((key, rest)) = text.split_once(' ') {
        let values = rest
            .strip_prefix("in (")
            .or_else(|| rest.strip_prefix("notin ("))
            .and_then(|rest| rest.strip_suffix(')'));
        return is_key(key) && values.is_some_and(|values| values.split(',').all(is_value));
    }
    is_key(text.strip_prefix('!').unwrap_or(text))
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| plain(c) || c == '/')
}

fn is_value(text: &str) -> bool {
    text.chars().all(plain)
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_said_of_labels_is_taken_and_nothing_else() {
        for taken in [
            "",
            "kubernetes.io/os=linux",
            "role=worker,example.org/zone=",
            "zone in (a,b),tier notin (edge),gpu,!node-role.kubernetes.io/control-plane",
        ] {
            assert_eq!(parse(taken).as_deref(), Ok(taken));
        }
        for refused in [
            "a=b,",
            ",",
            "=a",
            "!",
            "a b",
            "a in b",
            "a in (b",
            "a in (b c)",
            "a in (b))",
            "a>1",
            "a in (b),",
            "a==b",
        ] {
            assert!(parse(refused).is_err(), "{refused}");
        }
    }
}
