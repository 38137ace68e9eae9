//! Carries out the application's orders: finds the session, checks what it is given, lets the session act.

use super::Endpoint;
use super::order::{CallKey, Hop, Order, OrderError, OutgoingCall, Q850, Rejection};
use super::output::EndedBy;
use crate::message::address::quote_display;
use crate::message::uri::{Scheme, Uri};
use crate::message::{HeaderName, Writer};
use crate::session::{Calling, Next, Ringing, Session, Talking, check_extra_headers};
use crate::transaction::Owner;
use model::Timestamp;

/// Contacts of a redirection.
const CONTACTS_MAX: usize = 8;

impl Endpoint {
    /// The application wants something. On an error nothing was sent and nothing changed.
    pub fn handle_order(&mut self, order: Order, now: Timestamp) -> Result<(), OrderError> {
        match order {
            Order::Invite { key, call } => self.place(key, &call, now),
            Order::Ring { key, code, sdp } => self.ring(key, code, sdp, now),
            Order::Answer { key, sdp } => {
                let next = self.with_ringing(key, |ringing, wire| ringing.answer(&sdp, wire, now))??;
                self.follow(key, next, now);
                Ok(())
            }
            Order::Reject { key, rejection } => self.reject(key, &rejection, now),
            Order::Challenge { key, challenges } => self.challenge(key, challenges, now),
            Order::HangUp { key, q850 } => self.hang_up(key, q850, now),
            Order::AnsweredElsewhere { key } => self.answered_elsewhere(key, now),
            Order::Reinvite { key, sdp } => {
                self.with_talking(key, |talking, wire| talking.reinvite(&sdp, wire, now))?
            }
            Order::AnswerReinvite { key, sdp } => self.answer_offer(key, &sdp, now),
            Order::RejectReinvite { key, code } => self.reject_offer(key, code, now),
            Order::GiveAnswer { key, place, sdp } => self.give_answer(key, place, &sdp, now),
            Order::Refer { key, refer } => self.refer(key, &refer, now),
            Order::AnswerRefer { key, refer, code } => {
                if code != 202 {
                    check_code(code, 300)?;
                }
                self.with_talking(key, |talking, wire| talking.answer_refer(refer, code, wire, now))?
            }
            Order::NotifyRefer { key, refer, code, reason } => {
                check_code(code, 100)?;
                self.with_talking(key, |talking, wire| talking.notify_refer(refer, code, reason, wire, now))?
            }
            Order::Options { ping, uri, destination } => self.ping(ping, &uri, destination, now),
            Order::Register { key, registration } => self.register(key, *registration, now),
            Order::Unregister { key } => self.unregister(key, now),
            Order::AnswerRegister { request, outcome } => self.answer_register(request, &outcome, now),
        }
    }

    fn place(&mut self, key: CallKey, call: &OutgoingCall, now: Timestamp) -> Result<(), OrderError> {
        if key.is_incoming() {
            return Err(OrderError::KeyReserved);
        }
        if self.sessions.contains_key(&key) {
            return Err(OrderError::KeyInUse);
        }
        if self.is_full() {
            return Err(OrderError::Full);
        }
        let calling = Calling::start(key, call, &mut self.wire, now)?;
        self.insert(key, Session::Calling(Box::new(calling)));
        Ok(())
    }

    fn with_ringing<T>(
        &mut self,
        key: CallKey,
        act: impl FnOnce(&mut Ringing, &mut super::Wire) -> T,
    ) -> Result<T, OrderError> {
        match self.sessions.get_mut(&key) {
            Some(Session::Ringing(ringing)) => Ok(act(ringing, &mut self.wire)),
            Some(Session::Talking(talking)) if talking.is_closing() => Err(OrderError::UnknownCall),
            Some(Session::Talking(_) | Session::Calling(_)) => Err(OrderError::WrongState),
            Some(Session::Leaving(_)) | None => Err(OrderError::UnknownCall),
        }
    }

    pub(super) fn with_talking<T>(
        &mut self,
        key: CallKey,
        act: impl FnOnce(&mut Talking, &mut super::Wire) -> T,
    ) -> Result<T, OrderError> {
        match self.sessions.get_mut(&key) {
            Some(Session::Talking(talking)) if !talking.is_closing() => Ok(act(talking, &mut self.wire)),
            Some(Session::Calling(_) | Session::Ringing(_)) => Err(OrderError::WrongState),
            Some(Session::Talking(_) | Session::Leaving(_)) | None => Err(OrderError::UnknownCall),
        }
    }

    fn ring(
        &mut self,
        key: CallKey,
        code: u16,
        sdp: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        match code {
            100 => self.with_ringing(key, |ringing, wire| ringing.try_it(wire, now)),
            101..=199 => self.with_ringing(key, |ringing, wire| ringing.ring(code, sdp, wire, now))?,
            _ => Err(OrderError::BadCode(code)),
        }
    }

    fn reject(&mut self, key: CallKey, rejection: &Rejection, now: Timestamp) -> Result<(), OrderError> {
        check_code(rejection.code, 300)?;
        check_extra_headers(&rejection.extra_headers)?;
        let bad = |uri: &String| Uri::parse(uri).is_err();
        if rejection.contacts.len() > CONTACTS_MAX || rejection.contacts.iter().any(bad) {
            return Err(OrderError::BadUri);
        }
        let next =
            self.with_ringing(key, |ringing, wire| ringing.reject(rejection, EndedBy::Local, wire, now))?;
        self.follow(key, next, now);
        Ok(())
    }

    fn challenge(&mut self, key: CallKey, challenges: Vec<String>, now: Timestamp) -> Result<(), OrderError> {
        let name = HeaderName::WwwAuthenticate.as_str();
        let extra_headers = challenges.into_iter().map(|value| (name.to_owned(), value)).collect();
        self.reject(key, &Rejection { extra_headers, ..Rejection::with_code(401) }, now)
    }

    fn hang_up(&mut self, key: CallKey, q850: Option<Q850>, now: Timestamp) -> Result<(), OrderError> {
        let wire = &mut self.wire;
        let next = match self.sessions.get_mut(&key).ok_or(OrderError::UnknownCall)? {
            Session::Calling(calling) => {
                calling.cancel(q850, wire, now);
                Next::Stay
            }
            Session::Ringing(ringing) => {
                let rejection = Rejection { q850, ..Rejection::with_code(603) };
                ringing.reject(&rejection, EndedBy::Local, wire, now)
            }
            Session::Talking(talking) if !talking.is_closing() => {
                talking.hang_up(q850.as_ref(), EndedBy::Local, wire, now)
            }
            Session::Talking(_) | Session::Leaving(_) => return Err(OrderError::UnknownCall),
        };
        self.follow(key, next, now);
        Ok(())
    }

    fn answered_elsewhere(&mut self, key: CallKey, now: Timestamp) -> Result<(), OrderError> {
        match self.sessions.get_mut(&key) {
            Some(Session::Calling(calling)) => {
                calling.answered_elsewhere(&mut self.wire, now);
                Ok(())
            }
            _ => self.hang_up(key, None, now),
        }
    }

    fn ping(&mut self, ping: u64, uri: &str, destination: Hop, now: Timestamp) -> Result<(), OrderError> {
        let parsed = Uri::parse(uri).map_err(|_| OrderError::BadUri)?;
        if parsed.scheme == Scheme::Other || !parsed.headers.is_empty() || !uri.is_ascii() {
            return Err(OrderError::BadUri);
        }
        let wire = &mut self.wire;
        if !wire.has_room() {
            return Err(OrderError::Full);
        }
        let (call_id, tag) = (wire.tokens.call_id(), wire.tokens.tag());
        let draft = wire.draft(destination);
        let contact = wire.names.contact(destination, "", parsed.scheme == Scheme::Sips);
        let us = wire.names.towards(destination).to_owned();
        let bytes = wire.write(|out, config| {
            let name = quote_display(&config.user_agent);
            let mut writer = Writer::request(out, "OPTIONS", uri);
            writer.header(HeaderName::Via, &draft.via).header(HeaderName::MaxForwards, 70);
            writer.header(HeaderName::From, format_args!("{name} <sip:{us}>;tag={tag}"));
            writer.header(HeaderName::To, format_args!("<{uri}>")).header(HeaderName::CallId, &call_id);
            writer
                .header(HeaderName::CSeq, "1 OPTIONS")
                .header(HeaderName::Contact, format_args!("<{contact}>"));
            writer.named("Accept", "application/sdp").header(HeaderName::UserAgent, &config.user_agent).end();
        });
        wire.start(draft, "OPTIONS", Owner::Ping(ping), bytes, now);
        Ok(())
    }
}

pub(super) fn check_code(code: u16, least: u16) -> Result<(), OrderError> {
    if (least..=699).contains(&code) { Ok(()) } else { Err(OrderError::BadCode(code)) }
}
