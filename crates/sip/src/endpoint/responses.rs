//! Whose a response received is (RFC 3261 §17.1.3), and what to do with one whose session is gone.

use super::Endpoint;
use super::order::{CallKey, Hop};
use super::output::Event;
use crate::message::Message;
use crate::message::validate::{self, Response};
use crate::session::{Next, Session, farewell_to_fork};
use crate::transaction::{ClientId, Heard, Owner};
use model::Timestamp;

impl Endpoint {
    pub(super) fn on_response(&mut self, message: &Message<'_>, source: Hop, now: Timestamp) {
        let response = validate::response(message);
        let found = response.as_ref().and_then(|response| self.wire.clients.find(response));
        let key = found.and_then(|(_, owner)| owner.key());
        self.wire.sink.received(key, source, message.raw, false);
        let (Some(response), Some((id, _))) = (response, found) else { return };
        let (clients, mut effects) = self.wire.clients(now);
        match clients.on_response(id, &response, &mut effects) {
            Heard::Nothing => {}
            Heard::Response(owner) => self.on_heard(id, owner, &response, source, now),
            Heard::FurtherAnswer(owner) => {
                let session = owner.key().and_then(|key| self.sessions.get(&key));
                // Its ACK waits for the application.
                let is_owed = matches!(session, Some(Session::Talking(talking)) if talking.owes_ack(id, response.to.tag()));
                if !is_owed {
                    farewell_to_fork(id, owner, &response, source, &mut self.wire, now);
                }
            }
        }
    }

    fn on_heard(
        &mut self,
        id: ClientId,
        owner: Owner,
        response: &Response<'_, '_>,
        source: Hop,
        now: Timestamp,
    ) {
        let code = response.code;
        let (key, next) = match owner {
            Owner::Invite(key) => (key, self.on_invite_response(id, owner, response, source, now)),
            Owner::Reinvite(key) => (key, self.on_reinvite_response(id, owner, response, source, now)),
            Owner::Within(key) | Owner::Bye(key) => {
                (key, self.on_response_within(id, key, response, source, now))
            }
            Owner::Ping(ping) if code >= 200 => {
                return self.wire.event(Event::OptionsAnswered { ping, code: Some(code) });
            }
            Owner::Register(key) => return self.on_register_response(key, id, response, source, now),
            Owner::Ping(_) | Owner::Farewell(_) => return,
        };
        self.follow(key, next, now);
    }

    fn on_invite_response(
        &mut self,
        id: ClientId,
        owner: Owner,
        response: &Response<'_, '_>,
        source: Hop,
        now: Timestamp,
    ) -> Next {
        let session = owner.key().and_then(|key| self.sessions.get_mut(&key));
        match session {
            Some(Session::Calling(calling)) if calling.waits_for(id) => {
                return calling.on_response(response, source, &mut self.wire, now);
            }
            _ if (200..300).contains(&response.code) => {
                farewell_to_fork(id, owner, response, source, &mut self.wire, now);
            }
            _ => {}
        }
        Next::Stay
    }

    fn on_response_within(
        &mut self,
        id: ClientId,
        key: CallKey,
        response: &Response<'_, '_>,
        source: Hop,
        now: Timestamp,
    ) -> Next {
        let wire = &mut self.wire;
        match self.sessions.get_mut(&key) {
            Some(Session::Talking(talking)) => return talking.on_response(id, response, source, wire, now),
            Some(Session::Calling(calling)) => calling.on_response_within(id, response, source, wire, now),
            Some(Session::Leaving(leaving)) => leaving.on_response(id, response, source, wire, now),
            Some(Session::Ringing(_)) | None => {}
        }
        Next::Stay
    }

    fn on_reinvite_response(
        &mut self,
        id: ClientId,
        owner: Owner,
        response: &Response<'_, '_>,
        source: Hop,
        now: Timestamp,
    ) -> Next {
        let session = owner.key().and_then(|key| self.sessions.get_mut(&key));
        match session {
            Some(Session::Talking(talking)) => {
                return talking.on_response(id, response, source, &mut self.wire, now);
            }
            _ if (200..300).contains(&response.code) => {
                farewell_to_fork(id, owner, response, source, &mut self.wire, now);
            }
            _ => {}
        }
        Next::Stay
    }
}
