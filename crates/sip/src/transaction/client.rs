//! The client machines of RFC 3261 §17.1 with RFC 6026 §7.2: what a response or a timer means. Holds no bytes, sets no
//! timer itself; the table does what it says.

use crate::endpoint::config::TimerLengths;
use std::time::Duration;

/// Which machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientKind {
    /// §17.1.1.
    Invite,
    /// §17.1.2.
    NonInvite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Calling or Trying: nothing came yet.
    Waiting,
    Proceeding,
    /// 2xx to an INVITE (RFC 6026).
    Accepted,
    Completed,
}

/// A client transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientMachine {
    kind: ClientKind,
    state: State,
    reliable: bool,
    lengths: TimerLengths,
    interval: Duration,
}

/// What a response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnResponse {
    /// Give it to the owner.
    Provisional {
        /// Nothing is to be sent again, nor to be given up.
        stop_timers: bool,
    },
    /// Give it to the owner, who acknowledges; take further 2xx for so long.
    Accepted(Duration),
    /// Another 2xx to an INVITE: give it to the owner.
    AcceptedAgain,
    /// Give it to the owner; linger for so long. An INVITE's failure is acknowledged.
    Final(Duration),
    /// A failure of an INVITE came again: acknowledge again.
    AcknowledgeAgain,
    /// Nothing new.
    Absorb,
}

impl ClientMachine {
    pub(crate) fn new(kind: ClientKind, reliable: bool, lengths: TimerLengths) -> Self {
        Self { kind, state: State::Waiting, reliable, lengths, interval: lengths.t1 }
    }

    pub(crate) fn kind(&self) -> ClientKind {
        self.kind
    }

    /// Whether nothing came yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// Timer A or E to start with; none over a reliable transport.
    pub(crate) fn first_retransmission(&self) -> Option<Duration> {
        (!self.reliable).then_some(self.interval)
    }

    /// Timer B or F.
    pub(crate) fn give_up_after(&self) -> Duration {
        self.lengths.t1 * 64
    }

    /// A response came.
    pub(crate) fn on_response(&mut self, code: u16) -> OnResponse {
        let is_invite = self.kind == ClientKind::Invite;
        match (self.state, code) {
            (State::Waiting | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                OnResponse::Provisional { stop_timers: is_invite }
            }
            (State::Waiting | State::Proceeding, 200..=299) if is_invite => {
                self.state = State::Accepted;
                OnResponse::Accepted(self.give_up_after())
            }
            (State::Waiting | State::Proceeding, _) => {
                self.state = State::Completed;
                OnResponse::Final(self.linger())
            }
            (State::Accepted, 200..=299) => OnResponse::AcceptedAgain,
            (State::Completed, 300..=699) if is_invite => OnResponse::AcknowledgeAgain,
            _ => OnResponse::Absorb,
        }
    }

    /// Timer D or K.
    fn linger(&self) -> Duration {
        match (self.reliable, self.kind) {
            (true, _) => Duration::ZERO,
            // At least 32 s (§17.1.1.2), as long as the server may repeat itself (timer H).
            (false, ClientKind::Invite) => self.lengths.t1 * 64,
            (false, ClientKind::NonInvite) => self.lengths.t4,
        }
    }

    /// Timer A or E fired: send again, and after how long once more. `None`: no more.
    pub(crate) fn on_retransmit(&mut self) -> Option<Duration> {
        match (self.kind, self.state) {
            (ClientKind::Invite, State::Waiting) => self.interval *= 2,
            (ClientKind::NonInvite, State::Waiting) => {
                self.interval = (self.interval * 2).min(self.lengths.t2)
            }
            (ClientKind::NonInvite, State::Proceeding) => self.interval = self.lengths.t2,
            _ => return None,
        }
        Some(self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(kind: ClientKind) -> ClientMachine {
        ClientMachine::new(kind, false, TimerLengths::default())
    }

    const LONG: Duration = Duration::from_secs(32);

    #[test]
    fn invite_responses_mean_what_rfc_6026_says() {
        let check = |codes: &[u16], wanted: &[OnResponse]| {
            let mut machine = machine(ClientKind::Invite);
            let got: Vec<_> = codes.iter().map(|code| machine.on_response(*code)).collect();
            assert_eq!(got, wanted, "{codes:?}");
        };
        let ringing = OnResponse::Provisional { stop_timers: true };
        check(
            &[100, 180, 200, 200],
            &[ringing, ringing, OnResponse::Accepted(LONG), OnResponse::AcceptedAgain],
        );
        check(&[200, 180, 486], &[OnResponse::Accepted(LONG), OnResponse::Absorb, OnResponse::Absorb]);
        check(&[486, 486, 180], &[OnResponse::Final(LONG), OnResponse::AcknowledgeAgain, OnResponse::Absorb]);
        check(&[486, 200], &[OnResponse::Final(LONG), OnResponse::Absorb]);
    }

    #[test]
    fn other_responses_mean_what_rfc_3261_says() {
        let mut machine = machine(ClientKind::NonInvite);
        assert_eq!(machine.on_response(100), OnResponse::Provisional { stop_timers: false });
        assert_eq!(machine.on_response(200), OnResponse::Final(Duration::from_secs(5)));
        assert_eq!(machine.on_response(200), OnResponse::Absorb);
    }

    #[test]
    fn retransmissions_double_and_bend_at_t2() {
        let intervals = |kind, provisional: bool| -> Vec<u128> {
            let mut machine = machine(kind);
            if provisional {
                machine.on_response(100);
            }
            (0..6).map_while(|_| machine.on_retransmit()).map(|interval| interval.as_millis()).collect()
        };
        assert_eq!(intervals(ClientKind::Invite, false), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000]);
        assert_eq!(intervals(ClientKind::Invite, true), [0u128; 0]);
        assert_eq!(intervals(ClientKind::NonInvite, false), [1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
        assert_eq!(intervals(ClientKind::NonInvite, true), [4_000; 6]);
    }

    #[test]
    fn a_reliable_transport_needs_no_retransmission_and_no_lingering() {
        let mut machine = ClientMachine::new(ClientKind::Invite, true, TimerLengths::default());
        assert_eq!(machine.first_retransmission(), None);
        assert_eq!(machine.on_response(500), OnResponse::Final(Duration::ZERO));
    }
}
