//! How a call failed, in the words of the application: what the peer said, or what we noticed ourselves.

use crate::endpoint::output::{FailedBy, Failure};
use crate::message::fields::{parse_q_thousandths, parse_q850, parse_retry_after};
use crate::message::{HeaderName, Message, NameAddr};

/// Contacts of a redirection.
const CONTACTS_MAX: usize = 8;
/// Contacts looked at, to find those of the highest `q`.
const CONTACTS_READ_MAX: usize = 32;

pub(super) fn local_failure(code: u16, reason: &str, by: FailedBy) -> Failure {
    let (q850, retry_after_secs, contacts) = (None, None, Vec::new());
    Failure { code, reason: reason.to_owned(), q850, retry_after_secs, contacts, by }
}

pub(super) fn remote_failure(message: &Message<'_>, code: u16, reason: String) -> Failure {
    Failure {
        code,
        reason,
        q850: message.elements(HeaderName::Reason).find_map(parse_q850),
        retry_after_secs: message.value(HeaderName::RetryAfter).and_then(parse_retry_after),
        contacts: if code < 400 { contacts(message) } else { Vec::new() },
        by: FailedBy::Remote,
    }
}

/// Contact URIs by falling `q` (RFC 3261 §20.10); without one it is 1.
fn contacts(message: &Message<'_>) -> Vec<String> {
    let elements = message.elements(HeaderName::Contact).take(CONTACTS_READ_MAX);
    let mut contacts: Vec<(u16, &str)> = elements
        .filter_map(NameAddr::parse)
        .map(|contact| {
            (contact.params.text("q").and_then(parse_q_thousandths).unwrap_or(1_000), contact.uri_text)
        })
        .collect();
    contacts.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
    contacts.into_iter().take(CONTACTS_MAX).map(|(_, uri)| uri.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_come_by_falling_q() {
        let text = "SIP/2.0 300 Many\r\nContact: <sip:low@h>;q=0.2, <sip:none@h>, <sip:half@h>;q=0.5\r\n\
            m: <sip:none2@h>;x, <sip:tiny@h>;q=0.001, <sip:one@h>;q=1.0, not a uri\r\n\r\n";
        let message = Message::parse(text.as_bytes()).unwrap();
        let names = ["none", "none2", "one", "half", "low", "tiny"].map(|name| format!("sip:{name}@h"));
        assert_eq!(contacts(&message), names);
    }
}
