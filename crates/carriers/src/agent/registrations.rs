//! What becomes of registrations that were ordered, in words for whoever ordered them. Keeps nothing.

use sip::{Event, RegistrationKey};
use std::net::SocketAddr;
use std::time::Duration;

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegistrationNews {
    /// It holds for so long; the registrar saw us at this address, if it told.
    Holds { expires: Duration, seen: Option<SocketAddr> },
    /// It does not hold; it is tried again after so long.
    Failed { code: u16, reason: String, retry_after: Duration },
    /// It was taken back.
    Ended,
}

/// The news in an event of the endpoint; none if it is about something else.
pub(super) fn news(event: &Event) -> Option<(RegistrationKey, RegistrationNews)> {
    match event {
        Event::Registered { key, expires, seen } => {
            Some((*key, RegistrationNews::Holds { expires: *expires, seen: *seen }))
        }
        Event::RegistrationFailed { key, code, reason, retry_after } => {
            let (code, reason, retry_after) = (*code, reason.clone(), *retry_after);
            Some((*key, RegistrationNews::Failed { code, reason, retry_after }))
        }
        Event::Unregistered { key, .. } => Some((*key, RegistrationNews::Ended)),
        _ => None,
    }
}
