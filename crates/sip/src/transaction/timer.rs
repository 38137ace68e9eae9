//! Every timer of the endpoint: one enum, one queue ordered by deadline. Bounded by what holds timers: a transaction has
//! two at most, a call six, a registration or a REGISTER that waits one. Equal deadlines fire in the order they were set.

use super::client_table::ClientId;
use super::server_table::ServerId;
use crate::endpoint::order::CallKey;
use crate::endpoint::register::{RegisterRequestId, RegistrationKey};
use model::Timestamp;
use std::collections::BTreeMap;

/// What a deadline is for. The letters are those of RFC 3261 §17 table 4 and RFC 6026 §8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Send the INVITE again.
    A(ClientId),
    /// No response to the INVITE.
    B(ClientId),
    /// The INVITE's failure has settled.
    D(ClientId),
    /// Send the request again.
    E(ClientId),
    /// No final response to the request.
    F(ClientId),
    /// Send the failure of the INVITE again.
    G(ServerId),
    /// Nobody acknowledged the failure.
    H(ServerId),
    /// The acknowledgement has settled.
    I(ServerId),
    /// The response has settled.
    J(ServerId),
    /// The response received has settled.
    K(ClientId),
    /// No more retransmissions of an INVITE we answered with 2xx.
    L(ServerId),
    /// No more 2xx to our INVITE.
    M(ClientId),
    /// Our INVITE has rung long enough.
    RingTimeout(CallKey),
    /// The INVITE we cancelled got no final response.
    CancelGiveUp(CallKey),
    /// An incoming call was neither answered nor refused.
    AnswerTimeout(CallKey),
    /// Repeat the provisional response, so that no proxy on the way gives up (§13.3.1.1).
    RingAgain(CallKey),
    /// Send our 2xx again (§13.3.1.4).
    AnswerAgain(CallKey),
    /// Nobody acknowledged our 2xx.
    AnswerGiveUp(CallKey),
    /// Send our reliable provisional response again (RFC 3262 §3).
    ProvisionalAgain(CallKey),
    /// Nobody acknowledged our reliable provisional response.
    ProvisionalGiveUp(CallKey),
    /// The application gave no answer for an ACK.
    AckTimeout(CallKey),
    /// Glare is over (§14.1).
    OfferAgain(CallKey),
    /// It is ours to refresh the session (RFC 4028 §7.4).
    SessionRefresh(CallKey),
    /// The session was not refreshed (RFC 4028 §10).
    SessionEnd(CallKey),
    /// The peer does not tell how our REFER goes.
    ReferTimeout(CallKey),
    /// Refresh a registration, or try it again.
    RegisterAgain(RegistrationKey),
    /// The application did not answer a REGISTER.
    RegisterUnanswered(RegisterRequestId),
}

/// Names a timer that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerId {
    at: Timestamp,
    serial: u64,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeMap<TimerId, Timer>,
    serial: u64,
}

impl Timers {
    /// Sets a timer.
    pub(crate) fn set(&mut self, at: Timestamp, timer: Timer) -> TimerId {
        self.serial += 1;
        let id = TimerId { at, serial: self.serial };
        self.queue.insert(id, timer);
        id
    }

    /// Takes a timer back; one that fired already is passed over.
    pub(crate) fn cancel(&mut self, id: Option<TimerId>) {
        if let Some(id) = id {
            self.queue.remove(&id);
        }
    }

    /// The next timer due by `now`.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<Timer> {
        let first = self.queue.first_entry()?;
        (first.key().at <= now).then(|| first.remove())
    }

    /// When the next one is due.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|(id, _)| id.at)
    }

    /// How many are set.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_unless_taken_back() {
        let mut timers = Timers::default();
        let at = Timestamp::from_millis;
        let key = CallKey;
        timers.set(at(20), Timer::RingTimeout(key(1)));
        let gone = timers.set(at(5), Timer::RingTimeout(key(2)));
        timers.set(at(10), Timer::RingTimeout(key(3)));
        timers.set(at(10), Timer::RingTimeout(key(4)));
        timers.cancel(Some(gone));
        assert_eq!(timers.deadline(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(15)), Some(Timer::RingTimeout(key(3))));
        assert_eq!(timers.pop_due(at(15)), Some(Timer::RingTimeout(key(4))));
        assert_eq!(timers.pop_due(at(15)), None);
        assert_eq!(timers.len(), 1);
    }
}
