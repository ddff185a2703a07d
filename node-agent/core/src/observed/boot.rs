//! Boots of the node, by the ids that the kernel gives them. One that cannot be read is empty.

/// Whether `now` is certainly another boot than `then`.
#[must_use]
pub fn is_another(then: &str, now: &str) -> bool {
    ![then, now].contains(&"") && then != now
}
