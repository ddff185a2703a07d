//! Every line that the binaries log, and whether a person has said what it means.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};
use proc_macro2::{TokenStream, TokenTree};
use syn::LitStr;

use crate::{
    page, table,
    tree::{ROOT, read},
};

const LEVELS: [&str; 3] = ["error", "warn", "info"];
/// The tables, by the line they begin with, and the sources that they speak of.
const TABLES: [(&str, [&str; 2]); 2] = [
    ("<!-- checked: log of the operator -->", ["operator/src", "runtime/src"]),
    ("<!-- checked: log of the agent -->", ["node-agent/src", "runtime/src"]),
];

/// A level and a message, as it is in the source.
type Line = (String, String);

/// What is wrong with the tables of `page`, a line for each.
pub(crate) fn complaints(page: &str) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for (begin, directories) in TABLES {
        let section = page::section(page, begin).with_context(|| format!("no table {begin}"))?;
        let (documented, mut logged) = (documented(section), BTreeSet::new());
        for directory in directories {
            gather(&Path::new(ROOT).join(directory), &mut logged)?;
        }
        complaints.extend(compare(begin, &documented, &logged));
    }
    Ok(complaints)
}

fn compare(table: &str, documented: &BTreeSet<Line>, logged: &BTreeSet<Line>) -> Vec<String> {
    let missing = logged.difference(documented).map(|line| ("lacks a row for", line));
    let stale = documented.difference(logged).map(|line| ("has a row for what nobody logs:", line));
    let say = |(what, (level, message)): (&str, &Line)| format!("{table} {what} {level} `{message}`");
    missing.chain(stale).map(say).collect()
}

/// The lines that the rows of a table speak of.
fn documented(section: &str) -> BTreeSet<Line> {
    let line = |cells: Vec<String>| {
        let mut cells = cells.into_iter();
        Some((cells.next()?, cells.next()?.trim_matches('`').to_owned()))
    };
    table::rows(section).filter_map(line).collect()
}

/// The lines that sources below `directory` log.
fn gather(directory: &Path, lines: &mut BTreeSet<Line>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("failed to list {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, lines)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            logged(&read(&path)?, lines).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn logged(source: &str, lines: &mut BTreeSet<Line>) -> Result<()> {
    let tokens: TokenStream = source.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    calls(tokens, lines)
}

/// Finds `error!(…)`, `warn!(…)` and `info!(…)` wherever they are, also within other macros.
fn calls(tokens: TokenStream, lines: &mut BTreeSet<Line>) -> Result<()> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (position, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        match position.checked_sub(2).and_then(|start| level(&tokens[start..position])) {
            Some(level) => {
                let message = message(group.stream());
                ensure!(message.is_some(), "{level}!({}) has no message", group.stream());
                lines.extend(message.map(|message| (level, message)));
            }
            None => calls(group.stream(), lines)?,
        }
    }
    Ok(())
}

/// The level that is logged at, where these tokens before the parentheses are a call that logs.
fn level(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Ident(name), TokenTree::Punct(mark)] if mark.as_char() == '!' => {
            Some(name.to_string()).filter(|name| LEVELS.contains(&name.as_str()))
        }
        _ => None,
    }
}

/// The first argument that is nothing but a string: fields have names, and what follows is filled in.
fn message(arguments: TokenStream) -> Option<String> {
    let tokens: Vec<_> = arguments.into_iter().collect();
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
    let mut arguments = tokens.split(is_comma);
    arguments.find_map(|argument| match argument {
        [TokenTree::Literal(literal)] => {
            syn::parse2::<LitStr>(TokenTree::Literal(literal.clone()).into()).ok().map(|text| text.value())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Result<Vec<Line>> {
        let mut lines = BTreeSet::new();
        logged(source, &mut lines)?;
        Ok(lines.into_iter().collect())
    }

    fn line(level: &str, message: &str) -> Line {
        (level.to_owned(), message.to_owned())
    }

    #[test]
    fn a_message_is_found_among_fields_and_within_other_macros() {
        let source = r#"
            fn f() {
                tracing::info!(node = "n", %error, ?x, "it \
                    works: {}", fill("in"));
                select! { () = ready => { warn!("held") } }
                tracing::debug!("not for people");
                format!("{}", "no line");
            }
            // tracing::error!("a comment");
        "#;
        assert_eq!(found(source).unwrap(), [line("info", "it works: {}"), line("warn", "held")]);
    }

    #[test]
    fn a_line_without_a_message_is_an_error() {
        let error = found("fn f() { tracing::error!(reason = \"x\") }").unwrap_err();
        assert!(error.to_string().contains("no message"), "{error}");
    }

    #[test]
    fn a_line_without_a_row_and_a_row_without_a_line_are_told() {
        let rows =
            "| level | message | meaning |\n| --- | --- | --- |\n| warn | `a` | x |\n| info | `b` | y |\n";
        let logged = [line("warn", "a"), line("warn", "b")].into();
        assert_eq!(
            compare("t", &documented(rows), &logged),
            ["t lacks a row for warn `b`", "t has a row for what nobody logs: info `b`"]
        );
    }

    #[test]
    fn every_line_of_both_binaries_is_documented() {
        let complaints = complaints(&crate::log_page().unwrap()).unwrap();
        assert!(complaints.is_empty(), "mend docs/logs.md by hand:\n{}", complaints.join("\n"));
    }
}
