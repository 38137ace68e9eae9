//! A leg that rings at several places at once (RFC 3261 §16.7, as a forking proxy would): the first answer wins and the
//! others hear that the call was completed elsewhere; if none answers, the most telling refusal is the leg's end.

use super::attempts::Target;
use super::{Fate, Leg, Stage};
use model::Timestamp;
use serde_json::json;
use sip::{CallKey, Event, FailedBy, Failure, Order, OutgoingCall, leg_end};

/// A further call of a leg, while it rings.
pub(super) struct Beside {
    /// The endpoint's call.
    call: CallKey,
    /// Where it rings.
    target: Target,
}

impl Beside {
    pub(super) const fn call(&self) -> CallKey {
        self.call
    }
}

impl Leg {
    /// The endpoint's calls that are this leg's now.
    pub(crate) fn calls(&self) -> impl Iterator<Item = CallKey> {
        std::iter::once(self.call).chain(self.beside.iter().map(|beside| beside.call))
    }

    /// Whether this call of the endpoint is this leg's now.
    pub(crate) fn has_call(&self, call: CallKey) -> bool {
        self.calls().any(|own| own == call)
    }

    /// The first call of the present round.
    pub(crate) const fn round(&self) -> CallKey {
        self.round
    }

    /// The next call to place beside the present one, if any, and the name its host has to prove.
    pub(crate) fn next_beside(&mut self) -> Option<(OutgoingCall, Target)> {
        if self.stage != Stage::Dialling {
            return None;
        }
        let attempts = self.attempts.as_mut()?;
        let target = attempts.take_beside()?;
        let mut call = attempts.call_to(&target);
        self.aim(&mut call);
        Some((call, target))
    }

    /// It rings there too.
    pub(crate) fn rings_beside(&mut self, call: CallKey, target: Target, now: Timestamp) {
        let to = target.hop;
        self.beside.push(Beside { call, target });
        let places = 1 + self.beside.len();
        let detail = json!({ "to": to.address.to_string(), "transport": to.transport.via_word() });
        self.story.signalling(&format!("Rings at {places} places at once: {} too", to.address), detail, now);
    }

    /// What an event of one of several calls means for the others; the leg's fate, if that was all.
    pub(super) fn among_others(&mut self, event: &Event, orders: &mut Vec<Order>) -> Option<Fate> {
        if self.beside.is_empty() || self.stage != Stage::Dialling {
            return None;
        }
        match event {
            Event::Answered { key, .. } => {
                let others = self.calls().filter(|call| call != key);
                orders.extend(others.map(|key| Order::AnsweredElsewhere { key }));
                self.keep(*key);
                self.beside = Vec::new();
                None
            }
            // Somebody who may speak for all places does not want the call (§16.7 step 5).
            Event::Failed { key, failure } if is_for_all(failure) => {
                orders.extend(
                    self.calls().filter(|call| call != key).map(|key| Order::HangUp { key, q850: None }),
                );
                Some(self.over(leg_end::of_failure(failure)))
            }
            Event::Failed { key, failure } => {
                let next = self.calls().find(|call| call != key)?;
                self.keep_failure(failure);
                if self.call == *key {
                    self.keep(next);
                }
                self.beside.retain(|beside| ![*key, self.call].contains(&beside.call));
                Some(Fate::Lives)
            }
            _ => None,
        }
    }

    /// The leg is this one of its calls, should it go on.
    fn keep(&mut self, call: CallKey) {
        let Some(beside) = self.beside.iter().find(|beside| beside.call == call) else { return };
        self.call = call;
        if let Some(attempts) = &mut self.attempts {
            attempts.target = beside.target.clone();
        }
    }

    /// Turns the sound to where this one of its calls is.
    pub(super) fn aim_at(&mut self, call: CallKey) {
        let beside = self.beside.iter().find(|beside| beside.call == call).map(|beside| &beside.target);
        let target = beside.or(self.attempts.as_ref().map(|attempts| &attempts.target));
        if let (Some(target), Some(body)) = (target, &mut self.body) {
            body.sound.aim(target.hop.address.ip());
        }
    }

    fn keep_failure(&mut self, failure: &Failure) {
        if self.refusal.as_ref().is_none_or(|known| weight(failure) > weight(known)) {
            self.refusal = Some(Box::new(failure.clone()));
        }
    }

    /// The most telling refusal of the places that rang at once, this last one among them.
    pub(super) fn most_telling(&mut self, failure: Failure) -> Failure {
        match self.refusal.take() {
            Some(known) if weight(&known) > weight(&failure) => *known,
            _ => failure,
        }
    }
}

fn is_for_all(failure: &Failure) -> bool {
    failure.by == FailedBy::Remote && failure.code >= 600
}

/// How much a refusal tells about whoever was called.
const fn weight(failure: &Failure) -> u8 {
    match (failure.by, failure.code) {
        (FailedBy::Remote, 600..) => 5,
        (FailedBy::Remote, 486) => 4,
        (FailedBy::RingTimeout, _) | (FailedBy::Remote, 408 | 480 | 487) => 3,
        (FailedBy::Remote, 400..500) => 2,
        (FailedBy::Remote, _) => 1,
        _ => 0,
    }
}
