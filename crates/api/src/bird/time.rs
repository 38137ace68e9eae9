//! Times as this door writes them: RFC 3339 in UTC, without trailing zeros of the fraction (contract §2.1).

use model::Timestamp;

/// `2024-02-29T11:44:07.74Z`.
pub(crate) fn time(at: Timestamp) -> String {
    let text = at.to_rfc3339_millis();
    let bare = text.strip_suffix('Z').unwrap_or(&text);
    let bare = if bare.contains('.') { bare.trim_end_matches('0').trim_end_matches('.') } else { bare };
    format!("{bare}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(millis: u64, expected: &str) {
        assert_eq!(time(Timestamp::from_millis(millis)), expected);
    }

    #[test]
    fn trailing_zeros_are_dropped() {
        check(1_709_207_047_740, "2024-02-29T11:44:07.74Z");
        check(1_709_207_047_700, "2024-02-29T11:44:07.7Z");
        check(1_709_207_047_741, "2024-02-29T11:44:07.741Z");
        check(1_709_207_047_000, "2024-02-29T11:44:07Z");
        check(1_709_207_040_000, "2024-02-29T11:44:00Z");
    }
}
