//! The server machines of RFC 3261 §17.2 with RFC 6026 §7.1: what a response of ours, a retransmission, an ACK or a timer
//! means. Holds no bytes, sets no timer itself; the table does what it says.

use crate::endpoint::config::TimerLengths;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Trying or Proceeding: no final response yet.
    Proceeding,
    /// 2xx to an INVITE (RFC 6026).
    Accepted,
    Completed,
    Confirmed,
}

/// A server transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerMachine {
    is_invite: bool,
    state: State,
    reliable: bool,
    lengths: TimerLengths,
    interval: Duration,
}

/// What a response of ours means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnReply {
    /// Send it.
    Provisional,
    /// Send it; the session repeats it; take retransmissions of the INVITE for so long (timer L).
    Accepted(Duration),
    /// Send it, again after the first interval if there is one (timer G), and give up on the ACK after the second
    /// (timer H).
    Failed(Option<Duration>, Duration),
    /// Send it and linger (timer J).
    Completed(Duration),
    /// There was a final response already.
    Refused,
}

impl ServerMachine {
    pub(crate) fn new(is_invite: bool, reliable: bool, lengths: TimerLengths) -> Self {
        Self { is_invite, state: State::Proceeding, reliable, lengths, interval: lengths.t1 }
    }

    /// We respond.
    pub(crate) fn on_reply(&mut self, code: u16) -> OnReply {
        let long = self.lengths.t1 * 64;
        match (self.state, self.is_invite, code) {
            (State::Proceeding, _, 100..=199) => OnReply::Provisional,
            (State::Proceeding, true, 200..=299) => {
                self.state = State::Accepted;
                OnReply::Accepted(long)
            }
            (State::Proceeding, true, _) => {
                self.state = State::Completed;
                OnReply::Failed((!self.reliable).then_some(self.interval), long)
            }
            (State::Proceeding, false, _) => {
                self.state = State::Completed;
                OnReply::Completed(if self.reliable { Duration::ZERO } else { long })
            }
            _ => OnReply::Refused,
        }
    }

    /// The request came again: whether to repeat the last response.
    pub(crate) fn repeats_reply(&self) -> bool {
        matches!(self.state, State::Proceeding | State::Completed)
    }

    /// An ACK came: how long to take further ones (timer I); `None` if it changes nothing.
    pub(crate) fn on_ack(&mut self) -> Option<Duration> {
        if self.state != State::Completed || !self.is_invite {
            return None;
        }
        self.state = State::Confirmed;
        Some(if self.reliable { Duration::ZERO } else { self.lengths.t4 })
    }

    /// Timer G fired: send again, and after how long once more. `None`: no more.
    pub(crate) fn on_retransmit(&mut self) -> Option<Duration> {
        if self.state != State::Completed {
            return None;
        }
        self.interval = (self.interval * 2).min(self.lengths.t2);
        Some(self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(32);

    fn machine(is_invite: bool) -> ServerMachine {
        ServerMachine::new(is_invite, false, TimerLengths::default())
    }

    #[test]
    fn replies_to_an_invite_mean_what_rfc_6026_says() {
        let check = |codes: &[u16], wanted: &[OnReply]| {
            let mut machine = machine(true);
            let got: Vec<_> = codes.iter().map(|code| machine.on_reply(*code)).collect();
            assert_eq!(got, wanted, "{codes:?}");
        };
        check(&[100, 180, 200], &[OnReply::Provisional, OnReply::Provisional, OnReply::Accepted(LONG)]);
        check(&[486, 200], &[OnReply::Failed(Some(Duration::from_millis(500)), LONG), OnReply::Refused]);
        check(&[200, 486, 180], &[OnReply::Accepted(LONG), OnReply::Refused, OnReply::Refused]);
    }

    #[test]
    fn a_failure_is_repeated_until_acknowledged() {
        let mut machine = machine(true);
        machine.on_reply(486);
        let intervals: Vec<_> =
            (0..4).filter_map(|_| machine.on_retransmit()).map(|i| i.as_millis()).collect();
        assert_eq!(intervals, [1_000, 2_000, 4_000, 4_000]);
        assert!(machine.repeats_reply());
        assert_eq!(machine.on_ack(), Some(Duration::from_secs(5)));
        assert_eq!(machine.on_ack(), None);
        assert_eq!(machine.on_retransmit(), None);
        assert!(!machine.repeats_reply());
    }

    #[test]
    fn an_accepted_invite_is_not_answered_again_by_the_transaction() {
        let mut machine = machine(true);
        machine.on_reply(200);
        assert!(!machine.repeats_reply());
        assert_eq!(machine.on_ack(), None);
    }

    #[test]
    fn other_requests_linger_for_timer_j() {
        let mut machine = machine(false);
        assert_eq!(machine.on_reply(200), OnReply::Completed(LONG));
        assert!(machine.repeats_reply());
    }
}
