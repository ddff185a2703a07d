//! Tables of Markdown.

/// A table with this head and these rows.
pub(crate) fn render<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: [&str; N]| format!("| {} |\n", cells.join(" | "));
    let mut table = line(head) + &line(["---"; N]);
    for row in rows {
        let cells = row.map(|cell| cell.replace('|', "\\|"));
        table += &line(cells.each_ref().map(String::as_str));
    }
    table
}

/// The cells of every row of the table in `text`, without its head.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")).skip(1);
    lines.filter(|line| !line.chars().all(|c| "-|: ".contains(c))).map(cells)
}

fn cells(row: &str) -> Vec<String> {
    let bar = "\u{0}";
    row.replace("\\|", bar).split(" | ").map(|cell| cell.replace(bar, "|")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let written = [["a|b".to_owned(), "`c`".to_owned()], ["d".to_owned(), String::new()]];
        let text = render(["one", "two"], written.clone());
        assert!(text.starts_with("| one | two |\n| --- | --- |\n| a\\|b | `c` |\n"), "{text}");
        assert_eq!(rows(&text).collect::<Vec<_>>(), written);
    }
}
