//! Orders about offers and transfers within calls, in whatever state the call is. Decides nothing beyond that.

use super::Endpoint;
use super::order::{AnswerPlace, CallKey, OrderError};
use super::orders::check_code;
use super::transfer::{Refer, ReferTarget, Replaces};
use crate::dialog::Dialog;
use crate::message::replaces::uri_with_replaces;
use crate::message::uri::{Scheme, Uri};
use crate::session::Session;
use model::Timestamp;

impl Endpoint {
    pub(super) fn answer_offer(
        &mut self,
        key: CallKey,
        sdp: &[u8],
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let wire = &mut self.wire;
        let next = match self.sessions.get_mut(&key) {
            Some(Session::Talking(talking)) if !talking.is_closing() => {
                return talking.answer_reinvite(sdp, wire, now);
            }
            Some(Session::Calling(calling)) => return calling.answer_offer(sdp, wire, now),
            Some(Session::Ringing(ringing)) => ringing.answer_offer(sdp, wire, now)?,
            Some(Session::Talking(_) | Session::Leaving(_)) | None => return Err(OrderError::UnknownCall),
        };
        self.follow(key, next, now);
        Ok(())
    }

    pub(super) fn reject_offer(&mut self, key: CallKey, code: u16, now: Timestamp) -> Result<(), OrderError> {
        check_code(code, 400)?;
        let wire = &mut self.wire;
        let next = match self.sessions.get_mut(&key) {
            Some(Session::Talking(talking)) if !talking.is_closing() => {
                return talking.reject_reinvite(code, wire, now);
            }
            Some(Session::Calling(calling)) => return calling.reject_offer(code, wire, now),
            Some(Session::Ringing(ringing)) => ringing.reject_offer(code, wire, now)?,
            Some(Session::Talking(_) | Session::Leaving(_)) | None => return Err(OrderError::UnknownCall),
        };
        self.follow(key, next, now);
        Ok(())
    }

    pub(super) fn give_answer(
        &mut self,
        key: CallKey,
        place: AnswerPlace,
        sdp: &[u8],
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let wire = &mut self.wire;
        match self.sessions.get_mut(&key) {
            Some(Session::Talking(talking)) if !talking.is_closing() => {
                talking.give_answer(place, sdp, wire, now)
            }
            Some(Session::Calling(calling)) => calling.give_answer(place, sdp, wire, now),
            Some(Session::Ringing(_)) => Err(OrderError::WrongState),
            Some(Session::Talking(_) | Session::Leaving(_)) | None => Err(OrderError::UnknownCall),
        }
    }

    pub(super) fn refer(&mut self, key: CallKey, refer: &Refer, now: Timestamp) -> Result<(), OrderError> {
        let target = match &refer.target {
            ReferTarget::Uri(uri) => checked_target(uri)?,
            ReferTarget::Call(other) if *other == key => return Err(OrderError::WrongState),
            ReferTarget::Call(other) => self.uri_of_call(*other)?,
        };
        let Refer { referred_by, wants_progress, .. } = *refer;
        self.with_talking(key, |talking, wire| {
            talking.refer(&target, referred_by, wants_progress, wire, now)
        })?
    }

    /// The URI that leads into the place of a call of ours. A call we placed and that rings has no place yet: the party it
    /// rings at would refuse (RFC 3891 §3).
    fn uri_of_call(&self, key: CallKey) -> Result<String, OrderError> {
        match self.sessions.get(&key) {
            Some(Session::Talking(talking)) if !talking.is_closing() => {
                Ok(in_place_of(talking.dialog(), false))
            }
            Some(Session::Ringing(ringing)) => Ok(in_place_of(ringing.dialog(), true)),
            Some(Session::Calling(_)) => Err(OrderError::WrongState),
            Some(Session::Talking(_) | Session::Leaving(_)) | None => Err(OrderError::UnknownCall),
        }
    }
}

fn in_place_of(dialog: &Dialog, early_only: bool) -> String {
    let state = dialog.state();
    let replaces = Replaces {
        call_id: state.call_id.clone(),
        to_tag: state.remote_tag.clone(),
        from_tag: state.local_tag.clone(),
        early_only,
    };
    uri_with_replaces(&state.remote_target, &replaces)
}

fn checked_target(uri: &str) -> Result<String, OrderError> {
    let parsed = Uri::parse(uri).map_err(|_| OrderError::BadUri)?;
    if parsed.scheme == Scheme::Other || !parsed.headers.is_empty() || !uri.is_ascii() {
        return Err(OrderError::BadUri);
    }
    Ok(uri.to_owned())
}
