//! Names a built thing after everything that went into it, so that a changed recipe is built anew.

/// Of everything that goes into a thing.
///
/// FNV-1a: stable over releases of Rust, which `DefaultHasher` does not promise.
#[must_use]
pub fn fingerprint(ingredients: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for ingredient in ingredients {
        // The separator keeps ["ab", "c"] and ["a", "bc"] apart.
        for byte in ingredient.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn moving_text_from_one_ingredient_to_the_next_changes_the_fingerprint() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_eq!(fingerprint(&["ab", "c"]), fingerprint(&["ab", "c"]));
    }
}
