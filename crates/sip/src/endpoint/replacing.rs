//! A call that takes the place of another (RFC 3891): which one an INVITE names, and how that one ends when the new one is
//! answered. Whether it may is for the application to say.

use super::Endpoint;
use super::order::CallKey;
use super::output::EndedBy;
use crate::message::replaces::parse_replaces;
use crate::message::{HeaderName, Message, Refusal};
use crate::session::{Next, Session};
use model::Timestamp;

impl Endpoint {
    /// The call an INVITE is to take the place of; none if it names none (§3).
    pub(super) fn replaced_by(&self, invite: &Message<'_>) -> Result<Option<CallKey>, Refusal> {
        let mut values = invite.values(HeaderName::Replaces);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Refusal::bad("Multiple Replaces"));
        }
        let replaces = parse_replaces(value).ok_or(Refusal::bad("Malformed Replaces"))?;
        let key = self.tags.get(replaces.to_tag.as_str()).copied();
        let session = key.and_then(|key| self.sessions.get(&key));
        let from_tag = (replaces.from_tag != "0").then_some(replaces.from_tag.as_str());
        let matches = |session: &&Session| {
            session.matches(&replaces.call_id, Some(replaces.from_tag.as_str()))
                || session.matches(&replaces.call_id, from_tag)
        };
        match session.filter(matches) {
            Some(Session::Talking(talking)) if talking.is_closing() => Err(Refusal::code(603)),
            Some(Session::Leaving(_)) => Err(Refusal::code(603)),
            Some(Session::Talking(_)) if replaces.early_only => Err(Refusal::code(486)),
            Some(Session::Talking(_) | Session::Calling(_)) => Ok(key),
            // An early dialog that we did not begin is not ours to give away.
            Some(Session::Ringing(_)) | None => Err(Refusal::code(481)),
        }
    }

    /// Another call was answered in this one's place.
    pub(super) fn end_replaced(&mut self, key: CallKey, now: Timestamp) {
        let wire = &mut self.wire;
        let next = match self.sessions.get_mut(&key) {
            Some(Session::Talking(talking)) if !talking.is_closing() => {
                talking.hang_up(None, EndedBy::Replaced, wire, now)
            }
            Some(Session::Calling(calling)) => {
                calling.replace(wire, now);
                Next::Stay
            }
            _ => Next::Stay,
        };
        self.follow(key, next, now);
    }
}
