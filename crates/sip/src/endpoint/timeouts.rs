//! Time and a failing transport: every timer leads to the machine it belongs to.

use super::Endpoint;
use super::order::{CallKey, Hop};
use super::output::{EndedBy, Event, FailedBy};
use super::wire::Wire;
use crate::session::{Next, Ringing, Session, Talking};
use crate::transaction::{ClientId, Expiry, Owner, ServerId, Timer};
use model::Timestamp;

impl Endpoint {
    /// Time passed; fires every timer due by `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(timer) = self.wire.timers.pop_due(now) {
            self.on_timer(timer, now);
        }
    }

    /// The transport could not deliver to this hop (ICMP unreachable, connection refused). Requests that got no response
    /// yet fail; what was answered already goes on.
    pub fn handle_transport_error(&mut self, hop: Hop, now: Timestamp) {
        for id in self.wire.clients.waiting_for(hop) {
            self.expire(id, FailedBy::Transport, now);
        }
    }

    fn on_timer(&mut self, timer: Timer, now: Timestamp) {
        match timer {
            Timer::A(id) | Timer::E(id) => {
                let (clients, mut effects) = self.wire.clients(now);
                clients.on_retransmit(id, timer, &mut effects);
            }
            Timer::B(id) | Timer::F(id) => self.expire(id, FailedBy::NoResponse, now),
            Timer::D(id) | Timer::K(id) | Timer::M(id) => {
                let (clients, mut effects) = self.wire.clients(now);
                if let Some(Expiry { id, owner: Owner::Bye(key) }) = clients.remove(id, &mut effects) {
                    self.on_bye_settled(key, id, now);
                }
            }
            Timer::G(id) => {
                let (servers, mut effects) = self.wire.servers(now);
                servers.on_retransmit(id, &mut effects);
            }
            Timer::H(id) | Timer::I(id) | Timer::J(id) | Timer::L(id) => self.close(id, now),
            Timer::RegisterAgain(key) => self.on_register_again(key, now),
            Timer::RegisterUnanswered(request) => self.on_register_unanswered(request, now),
            Timer::RingTimeout(key)
            | Timer::CancelGiveUp(key)
            | Timer::AnswerTimeout(key)
            | Timer::RingAgain(key)
            | Timer::AnswerAgain(key)
            | Timer::AnswerGiveUp(key)
            | Timer::ProvisionalAgain(key)
            | Timer::ProvisionalGiveUp(key)
            | Timer::AckTimeout(key)
            | Timer::OfferAgain(key)
            | Timer::SessionRefresh(key)
            | Timer::SessionEnd(key)
            | Timer::ReferTimeout(key) => self.on_session_timer(key, timer, now),
        }
    }

    fn close(&mut self, id: ServerId, now: Timestamp) {
        let (servers, mut effects) = self.wire.servers(now);
        servers.remove(id, &mut effects);
    }

    /// A request stays without response.
    fn expire(&mut self, id: ClientId, by: FailedBy, now: Timestamp) {
        let (clients, mut effects) = self.wire.clients(now);
        let Some(Expiry { id, owner }) = clients.remove(id, &mut effects) else { return };
        match owner {
            Owner::Register(key) => return self.on_register_silence(key, id, by, now),
            Owner::Bye(key) => return self.on_bye_settled(key, id, now),
            _ => {}
        }
        let session = owner.key().and_then(|key| self.sessions.get_mut(&key));
        let next = match (owner, session) {
            (Owner::Ping(ping), _) => {
                self.wire.event(Event::OptionsAnswered { ping, code: None });
                Next::Stay
            }
            (Owner::Invite(_), Some(Session::Calling(calling))) if calling.waits_for(id) => {
                calling.on_silence(by, &mut self.wire, now)
            }
            (Owner::Reinvite(_) | Owner::Within(_), Some(Session::Talking(talking))) => {
                let by = if by == FailedBy::Transport { EndedBy::Transport } else { EndedBy::Timeout };
                talking.on_silence(id, by, &mut self.wire, now)
            }
            _ => Next::Stay,
        };
        if let Some(key) = owner.key() {
            self.follow(key, next, now);
        }
    }

    /// The transaction of a BYE is no more.
    fn on_bye_settled(&mut self, key: CallKey, id: ClientId, now: Timestamp) {
        if let Some(Session::Leaving(leaving)) = self.sessions.get(&key) {
            let next = leaving.on_settled(id);
            self.follow(key, next, now);
        }
    }

    fn on_session_timer(&mut self, key: CallKey, timer: Timer, now: Timestamp) {
        let wire = &mut self.wire;
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let next = match session {
            Session::Calling(calling) => match timer {
                Timer::RingTimeout(_) => {
                    calling.on_ring_timeout(wire, now);
                    Next::Stay
                }
                Timer::CancelGiveUp(_) => calling.on_cancel_give_up(wire, now),
                _ => Next::Stay,
            },
            Session::Ringing(ringing) => on_ringing_timer(ringing, timer, wire, now),
            Session::Talking(talking) => on_talking_timer(talking, timer, wire, now),
            Session::Leaving(_) => Next::Stay,
        };
        self.follow(key, next, now);
    }
}

fn on_ringing_timer(ringing: &mut Ringing, timer: Timer, wire: &mut Wire, now: Timestamp) -> Next {
    match timer {
        Timer::AnswerTimeout(_) => return ringing.on_answer_timeout(wire, now),
        Timer::ProvisionalGiveUp(_) => return ringing.on_provisional_give_up(wire, now),
        Timer::RingAgain(_) => ringing.on_ring_again(wire, now),
        Timer::ProvisionalAgain(_) => ringing.on_provisional_again(wire, now),
        _ => {}
    }
    Next::Stay
}

fn on_talking_timer(talking: &mut Talking, timer: Timer, wire: &mut Wire, now: Timestamp) -> Next {
    match timer {
        Timer::AnswerGiveUp(_) => return talking.on_answer_give_up(wire, now),
        Timer::AckTimeout(_) => return talking.on_ack_timeout(wire, now),
        Timer::SessionEnd(_) => return talking.on_session_end(wire, now),
        Timer::AnswerAgain(_) => talking.on_answer_again(wire, now),
        Timer::OfferAgain(_) => talking.on_offer_again(wire, now),
        Timer::SessionRefresh(_) => talking.on_session_refresh(wire, now),
        Timer::ReferTimeout(_) => talking.on_refer_timeout(wire),
        _ => {}
    }
    Next::Stay
}
