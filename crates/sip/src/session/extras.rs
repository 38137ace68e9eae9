//! Headers that pass through: those of a message the application may want to see, and those it wants written.

use crate::endpoint::order::OrderError;
use crate::message::{HeaderName, Message, scan};

/// Headers given to the application, and taken from it, per message.
const HEADERS_MAX: usize = 32;

/// Beyond X-…: who calls, and for whom (RFC 3325, 5806, 7044, 3323, 8224, 7433).
const OF_INTEREST: [&str; 9] = [
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Diversion",
    "History-Info",
    "Privacy",
    "Identity",
    "User-to-User",
    "Subject",
];

/// The headers an application may want to see, in order.
pub(crate) fn headers_of_interest(message: &Message<'_>) -> Vec<(String, String)> {
    let wanted = message.fields().iter().filter(|field| {
        let starts = field.raw_name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"X-"));
        starts || OF_INTEREST.iter().any(|name| field.raw_name.eq_ignore_ascii_case(name.as_bytes()))
    });
    wanted.take(HEADERS_MAX).map(|field| (scan::unfold(field.raw_name), scan::unfold(field.value))).collect()
}

/// Headers an application may not write although [`HeaderName`] does not list them: they would change what the message
/// means to the peer's SIP stack.
const FORBIDDEN: [&str; 1] = ["MIME-Version"];

/// Checks further headers before they are written.
pub(crate) fn check_extra_headers(headers: &[(String, String)]) -> Result<(), OrderError> {
    for (index, (name, value)) in headers.iter().enumerate() {
        let allowed_known = matches!(
            HeaderName::from_bytes(name.as_bytes()),
            HeaderName::Other
                | HeaderName::ReferredBy
                | HeaderName::WwwAuthenticate
                | HeaderName::ProxyAuthenticate
        );
        let forbidden = FORBIDDEN.iter().any(|known| known.eq_ignore_ascii_case(name));
        let breaks = value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
        if index >= HEADERS_MAX || !allowed_known || forbidden || !scan::is_token(name.as_bytes()) || breaks {
            return Err(OrderError::BadHeader(name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interesting_headers_are_shown() {
        let text = b"INVITE sip:a@b SIP/2.0\r\nVia: v\r\nx-one: 1\r\nSubject: \xff\r\nDate: d\r\nX-Two:\r\n a\r\n  b\r\n\r\n";
        let message = Message::parse(text).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let wanted = [pair("x-one", "1"), pair("Subject", "\u{fffd}"), pair("X-Two", "a b")];
        assert_eq!(headers_of_interest(&message), wanted);
    }

    #[test]
    fn headers_that_would_do_harm_are_refused() {
        let check = |name: &str, value: &str, good: bool| {
            let headers = [(name.to_owned(), value.to_owned())];
            assert_eq!(check_extra_headers(&headers).is_ok(), good, "{name}: {value}");
        };
        check("X-Ok", "fine\tvalue ü", true);
        check("P-Asserted-Identity", "<sip:a@b>", true);
        check("WWW-Authenticate", "Digest", true);
        check("Via", "x", false);
        check("i", "x", false);
        check("Content-Length", "0", false);
        check("session-expires", "90", false);
        check("X-Bad Name", "x", false);
        check("X-Break", "a\r\nVia: b", false);
        check("", "x", false);
        let many: Vec<_> = (0..33).map(|n| (format!("X-{n}"), String::new())).collect();
        assert_eq!(check_extra_headers(&many), Err(OrderError::BadHeader("X-32".into())));
    }
}
