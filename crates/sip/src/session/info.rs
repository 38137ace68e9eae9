//! Digits by INFO: application/dtmf-relay and application/dtmf, as gateways have sent them since before RFC 6086.

use super::received::Received;
use crate::endpoint::order::CallKey;
use crate::endpoint::output::Event;
use crate::endpoint::wire::Wire;
use crate::message::fields::is_content_type;
use crate::message::validate::Refusal;
use crate::message::{HeaderName, Message};
use model::Timestamp;

/// A digit, and its length in ms if told.
type Digit = (char, Option<u32>);

/// Answers an INFO, and tells of its digit unless the call is ending.
pub(super) fn receive(
    key: CallKey,
    message: &Message<'_>,
    received: &Received,
    is_ending: bool,
    wire: &mut Wire,
    now: Timestamp,
) {
    match digit(message) {
        Ok(digit) => {
            received.reply(200, wire, now);
            if let Some((digit, duration_ms)) = digit.filter(|_| !is_ending) {
                wire.event(Event::InfoDigit { key, digit, duration_ms });
            }
        }
        Err(refusal) => received.refuse(&refusal, wire, now),
    }
}

/// The digit of an INFO; `None` for one without a body, which asks nothing. An INFO of a package is refused: we offer none
/// (RFC 6086 §4.2.2).
fn digit(message: &Message<'_>) -> Result<Option<Digit>, Refusal> {
    if message.other("Info-Package").is_some() {
        return Err(Refusal::code(469).with_header("Recv-Info", ""));
    }
    if message.body().is_empty() {
        return Ok(None);
    }
    let content_type = message.value(HeaderName::ContentType).unwrap_or_default();
    let text = String::from_utf8_lossy(message.body());
    let digit = if is_content_type(content_type, "application/dtmf-relay") {
        relay(&text)
    } else if is_content_type(content_type, "application/dtmf") {
        plain(text.trim()).map(|digit| (digit, None))
    } else {
        return Err(Refusal::code(415).with_header("Accept", "application/dtmf-relay, application/dtmf"));
    };
    digit.map(Some).ok_or(Refusal::bad("Malformed Digit"))
}

/// `Signal=5`, `Duration=160`, a line each.
fn relay(text: &str) -> Option<Digit> {
    let value = |wanted: &str| {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find_map(|(name, value)| name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim()))
    };
    let digit = plain(value("Signal")?)?;
    Some((digit, value("Duration").and_then(|duration| duration.parse().ok())))
}

/// A digit as itself or as its RFC 4733 event number.
fn plain(text: &str) -> Option<char> {
    let numbered = match text {
        "10" => Some('*'),
        "11" => Some('#'),
        _ => None,
    };
    let mut characters = text.chars();
    let single = characters.next().filter(|_| characters.next().is_none());
    let digit = numbered.or(single)?.to_ascii_uppercase();
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D').then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read() {
        let check = |content_type: &str, body: &str, wanted: Result<Option<Digit>, u16>| {
            let text = format!("INFO sip:a@b SIP/2.0\r\nContent-Type: {content_type}\r\n\r\n{body}");
            let message = Message::parse(text.as_bytes()).unwrap();
            assert_eq!(digit(&message).map_err(|refusal| refusal.code), wanted, "{content_type} {body:?}");
        };
        check("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Ok(Some(('5', Some(160)))));
        check("application/dtmf-relay", "signal= #\nduration= x", Ok(Some(('#', None))));
        check("application/dtmf-relay", "Signal=10", Ok(Some(('*', None))));
        check("application/dtmf", " d ", Ok(Some(('D', None))));
        check("application/dtmf", "55", Err(400));
        check("application/dtmf-relay", "Duration=1", Err(400));
        check("text/plain", "5", Err(415));
        check("text/plain", "", Ok(None));
    }
}
