//! Where to send, in order, and what to try when one does not serve (RFC 3263 §4.3). Knows no DNS.

use crate::endpoint::order::Hop;
use crate::endpoint::output::{FailedBy, Failure};

/// One machine that serves a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where and how.
    pub hop: Hop,
    /// The host's name (or address) as DNS gave it. What a TLS certificate must name is the URI's host, not this
    /// (RFC 5922 §4).
    pub host: String,
}

/// The machines that serve a URI, each to be tried once.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Places {
    places: Vec<Place>,
    next: usize,
}

impl Places {
    pub(super) fn new(places: Vec<Place>) -> Self {
        Self { places, next: 0 }
    }

    /// All of them, in order.
    pub fn all(&self) -> &[Place] {
        &self.places
    }

    /// Puts those that failed lately behind the others.
    pub fn put_last(&mut self, failed_lately: impl Fn(Hop) -> bool) {
        if let Some(rest) = self.places.get_mut(self.next..) {
            rest.sort_by_key(|place| failed_lately(place.hop));
        }
    }
}

/// The next one to try.
impl Iterator for Places {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let place = self.places.get(self.next)?;
        self.next += 1;
        Some(place.clone())
    }
}

/// Whether a call that failed so is to be tried at the next place (RFC 3263 §4.3): nobody was there, or a 503. Any other
/// answer, and a ring timeout, is the callee's.
pub fn is_worth_another_place(failure: &Failure) -> bool {
    match failure.by {
        FailedBy::NoResponse | FailedBy::Transport => true,
        FailedBy::Remote => failure.code == 503,
        FailedBy::RingTimeout => false,
    }
}
