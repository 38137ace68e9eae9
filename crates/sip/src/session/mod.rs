//! Sessions: what one call is to SIP, from the INVITE to the BYE. Three states, a file each, that hand over to one
//! another. Must not know other calls, datagrams or what the call is for.

mod body;
mod calling;
mod extras;
mod info;
mod invite;
mod ringing;
mod talking;

pub(crate) use body::session_description;
pub(crate) use calling::Calling;
pub(crate) use extras::{check_extra_headers, headers_of_interest};
pub(crate) use ringing::{Arrival, Ringing};
pub(crate) use talking::{Talking, farewell_to_fork};

/// What follows for a session.
pub(crate) enum Next {
    /// It goes on.
    Stay,
    /// It is answered.
    Talk(Box<Talking>),
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
}

impl Session {
    /// Our tag, which peers find the session by.
    pub(crate) fn local_tag(&self) -> &str {
        match self {
            Self::Calling(calling) => calling.local_tag(),
            Self::Ringing(ringing) => ringing.local_tag(),
            Self::Talking(talking) => talking.local_tag(),
        }
    }
}
