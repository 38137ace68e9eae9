//! `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, which is read against the answer's own `Date`. Pure.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// How long the receiver asks to be left alone, in seconds.
pub(super) fn seconds(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let until = date(headers, RETRY_AFTER)?;
    let now = date(headers, DATE)?;
    u64::try_from(until.as_second() - now.as_second()).ok()
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(retry_after: &'static str, expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        headers.insert(DATE, "Sat, 02 May 2026 09:14:07 GMT".parse().unwrap());
        assert_eq!(seconds(&headers), expected, "{retry_after}");
    }

    #[test]
    fn seconds_and_dates() {
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Sat, 02 May 2026 09:15:07 GMT", Some(60));
        check("Sat, 02 May 2026 09:13:07 GMT", None);
        check("soon", None);
        check("-5", None);
    }
}
