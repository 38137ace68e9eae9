//! Sessions: what one call is to SIP, from the INVITE to the BYE. Four states, a room each, that hand over to one
//! another. Must not know other calls, datagrams or what the call is for.

mod access;
mod body;
mod calling;
mod clock;
mod dialog_request;
mod extras;
mod info;
mod leaving;
mod offer;
mod received;
mod reliable;
mod ringing;
mod talking;

pub(crate) use body::session_description;
pub(crate) use calling::Calling;
pub(crate) use clock::{Agreed, SessionClock};
pub(crate) use extras::{check_extra_headers, headers_of_interest};
pub(crate) use leaving::Leaving;
pub(crate) use ringing::{Arrival, Ringing};
pub(crate) use talking::Talking;

use crate::endpoint::order::{CallKey, Hop};
use crate::endpoint::wire::Wire;
use crate::message::validate::Response;
use crate::transaction::{ClientId, Owner};
use model::Timestamp;

/// What follows for a session.
pub(crate) enum Next {
    /// It goes on.
    Stay,
    /// It is answered.
    Talk(Box<Talking>),
    /// It is over and the application was told; our BYE is under way.
    Leave(Box<Leaving>),
    /// It is over; the application was told.
    Gone,
}

/// A session in one of its states.
pub(crate) enum Session {
    /// We called and wait for a final response.
    Calling(Box<Calling>),
    /// We are called and have not answered.
    Ringing(Box<Ringing>),
    /// Answered.
    Talking(Box<Talking>),
    /// We hung up; for the application it is no more.
    Leaving(Box<Leaving>),
}

impl Session {
    /// Our tag, which peers find the session by.
    pub(crate) fn local_tag(&self) -> &str {
        match self {
            Self::Calling(calling) => calling.local_tag(),
            Self::Ringing(ringing) => ringing.local_tag(),
            Self::Talking(talking) => talking.local_tag(),
            Self::Leaving(leaving) => leaving.local_tag(),
        }
    }

    /// Whether a request with our tag belongs to it.
    pub(crate) fn matches(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        match self {
            Self::Calling(calling) => calling.matches(call_id, remote_tag),
            Self::Ringing(ringing) => ringing.matches(call_id, remote_tag),
            Self::Talking(talking) => talking.matches(call_id, remote_tag),
            Self::Leaving(leaving) => leaving.matches(call_id, remote_tag),
        }
    }
}

/// A further fork answered our INVITE, or an answer came after the session was gone: it is acknowledged, and unless it
/// belongs to a re-INVITE, ended (RFC 3261 §13.2.2.4). All that is needed stands in the response.
pub(crate) fn farewell_to_fork(
    transaction: ClientId,
    owner: Owner,
    response: &Response<'_, '_>,
    hop: Hop,
    wire: &mut Wire,
    now: Timestamp,
) {
    let from = response.message.text_lossy(crate::message::HeaderName::From).unwrap_or_default();
    let caller = crate::dialog::CallerSide {
        from: &from,
        local_tag: response.from.tag().unwrap_or_default(),
        contact: "",
        target: response.to.uri_text,
        cseq: response.cseq.number,
        hop,
    };
    let mut dialog = crate::dialog::Dialog::of_caller(&caller, response);
    wire.acknowledge(transaction, &dialog, response.cseq.number, &[], &[], now);
    if let Owner::Invite(key) = owner {
        dialog.skip_cseq();
        say_goodbye(&mut dialog, key, wire, now);
    }
}

/// A BYE whose fate changes nothing.
fn say_goodbye(dialog: &mut crate::dialog::Dialog, key: CallKey, wire: &mut Wire, now: Timestamp) {
    wire.request(dialog, "BYE", Owner::Farewell(Some(key)), now, |writer| writer.end());
}
