//! Variables of a call: their names and limits. Templates name them as `{{name}}`.

use crate::secret::Pii;
use std::collections::BTreeMap;

/// Variables with their values, in the alphabet's order.
pub type Variables = BTreeMap<String, Pii<String>>;

/// Most variables of one call, besides those that are always there.
pub const COUNT_MAX: usize = 64;
/// Longest name.
pub const NAME_MAX: usize = 64;
/// Longest value, in characters.
pub const VALUE_MAX: usize = 1_024;
/// Variables that are always there and that no step sets: what the last gather took, the call's parties, its id, and
/// who answered as far as answering-machine detection has told.
pub const BUILT_IN: &[&str] = &["keys", "speech", "from", "to", "call_id", "amd"];

/// Letters, digits and `_`, not starting with a digit.
pub fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && text.len() <= NAME_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, expected) in [
            ("a", true),
            ("_a9", true),
            ("A_b", true),
            ("9a", false),
            ("a-b", false),
            ("", false),
            ("ä", false),
        ] {
            assert_eq!(is_name(text), expected, "{text}");
        }
        assert!(is_name(&"a".repeat(64)) && !is_name(&"a".repeat(65)));
        assert!(BUILT_IN.iter().all(|name| is_name(name)));
    }
}
