//! Lists in messages: however long, a message names only the first few of what it is about.

use std::fmt::Display;

/// How many are named.
pub const NAMED: usize = 3;

/// The first of `items`, and how many more of `total` there are.
pub fn few<T: Display>(items: impl IntoIterator<Item = T>, total: usize) -> String {
    let named: Vec<_> = items.into_iter().take(NAMED).map(|item| item.to_string()).collect();
    let more = total.saturating_sub(named.len());
    let named = named.join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_are_named_and_the_rest_is_counted() {
        assert_eq!(few([1, 2, 3], 3), "1, 2, 3");
        assert_eq!(few(1..=5, 5), "1, 2, 3 and 2 more");
        assert_eq!(few([1], 7), "1 and 6 more");
    }
}
