//! What becomes of registrations that were ordered, in words for whoever ordered them. Keeps nothing.

use sip::{Event, Hop, Order, OrderError, RegistrationKey};
use std::net::SocketAddr;
use std::time::Duration;

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegistrationNews {
    /// It holds for so long; the registrar saw us at this address, if it told.
    Holds { expires: Duration, seen: Option<SocketAddr> },
    /// It does not hold: this host does not grant it. It is tried again there after so long, never sooner than the host
    /// asks for.
    Failed { code: u16, reason: String, hop: Hop, retry_after: Duration },
    /// The endpoint did not take the order; nothing was sent.
    Refused { why: String },
    /// It was taken back, or is not known.
    Ended,
}

/// The news in an event of the endpoint; none if it is about something else.
pub(super) fn news(event: &Event) -> Option<(RegistrationKey, RegistrationNews)> {
    match event {
        Event::Registered { key, expires, seen } => {
            Some((*key, RegistrationNews::Holds { expires: *expires, seen: *seen }))
        }
        Event::RegistrationFailed { key, code, reason, destination, retry_after } => {
            let (code, reason, hop, retry_after) = (*code, reason.clone(), *destination, *retry_after);
            Some((*key, RegistrationNews::Failed { code, reason, hop, retry_after }))
        }
        Event::Unregistered { key, .. } => Some((*key, RegistrationNews::Ended)),
        _ => None,
    }
}

/// The registration that an order is about, and what the order is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ordered {
    Register(RegistrationKey),
    Unregister(RegistrationKey),
}

impl Ordered {
    /// None: the order is about something else.
    pub(super) const fn of(order: &Order) -> Option<Self> {
        match order {
            Order::Register { key, .. } => Some(Self::Register(*key)),
            Order::Unregister { key } => Some(Self::Unregister(*key)),
            _ => None,
        }
    }

    /// What it means that the endpoint did not take the order.
    pub(super) fn refused(self, error: &OrderError) -> (RegistrationKey, RegistrationNews) {
        match self {
            Self::Register(key) => (key, RegistrationNews::Refused { why: error.to_string() }),
            Self::Unregister(key) => (key, RegistrationNews::Ended),
        }
    }
}
