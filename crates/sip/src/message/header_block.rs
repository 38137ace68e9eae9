//! What a stream must know of a message before it is whole: whether it is SIP, and how long its body is (RFC 3261 §18.3).
//! Reads lines as the parser does; knows nothing else of them.

use super::name::HeaderName;
use super::parse::{parse_start_line, take_folded_line, take_line};
use super::scan;

/// What the headers say of the body's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// So many bytes.
    Bytes(u64),
    /// Nothing.
    Missing,
    /// No number, or twice.
    Malformed,
}

/// Whether a line, its end included, may start a message.
pub(crate) fn is_start_line(line: &[u8]) -> bool {
    take_line(line).is_some_and(|(line, _)| parse_start_line(line).is_ok())
}

/// Content-Length of a start line and headers.
pub(crate) fn content_length(head: &[u8]) -> Length {
    let mut found = Length::Missing;
    let mut rest = take_line(head).map_or(&[][..], |(_, rest)| rest);
    while let Some((line, after)) = take_folded_line(rest) {
        rest = after;
        let Some((name, value)) = scan::split_once(line, b':') else { continue };
        if HeaderName::from_bytes(scan::trim(name)) != HeaderName::ContentLength {
            continue;
        }
        found = match (found, scan::number(value)) {
            (Length::Missing, Some(length)) => Length::Bytes(length),
            _ => return Length::Malformed,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_stands_once_or_not_at_all() {
        let check = |headers: &str, wanted| {
            let head = format!("BYE sip:a SIP/2.0\r\n{headers}\r\n");
            assert_eq!(content_length(head.as_bytes()), wanted, "{headers:?}");
        };
        check("", Length::Missing);
        check("Content-Length: 5\r\n", Length::Bytes(5));
        check("To: x\r\nl :\r\n  7\r\nTo: y\r\n", Length::Bytes(7));
        check("l: 5\r\nContent-Length: 5\r\n", Length::Malformed);
        check("Content-Length: -1\r\n", Length::Malformed);
        check("Content-Length: \r\n", Length::Malformed);
        check("X-Content-Length: 5\r\nX: a\r\n l: 3\r\n", Length::Missing);
    }
}
