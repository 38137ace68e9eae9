//! What the application may ask of the endpoint: one flat enum on one page, and the plain types it carries.
//! Knows nothing of how an order is carried out.

use super::config::SessionTimers;
pub use super::hop::{Hop, Transport};
use super::register::{RegisterOutcome, RegisterRequestId, Registration, RegistrationKey};
use super::transfer::{Refer, ReferId, Replaces};
use crate::digest::Credentials;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use thiserror::Error;

/// Names one call at this endpoint. The application chooses the keys of the calls it places (below
/// [`CallKey::FIRST_INCOMING`]); the endpoint chooses the keys of the calls it receives (from there on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallKey(pub u64);

impl CallKey {
    /// The first key the endpoint itself gives to an incoming call; the application's own keys stay below it.
    pub const FIRST_INCOMING: Self = Self(1 << 63);

    /// Whether the endpoint chose this key, for a call it received.
    pub const fn is_incoming(self) -> bool {
        self.0 >= Self::FIRST_INCOMING.0
    }
}

/// Who calls: the From of an outgoing call. `Debug` shows neither name nor number.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// The name shown, unquoted.
    pub display: Option<String>,
    /// The user part, unescaped, mostly a number like `+15550100`.
    pub user: String,
    /// Host, with a port if it needs one.
    pub host: String,
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Party(…@{})", self.host)
    }
}

/// Why a call ended, in the telephone network's words: a Reason header of protocol Q.850 (RFC 3326).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Q850 {
    /// The cause, 1..=127: 16 is normal clearing, 17 user busy, 1 unallocated number.
    pub cause: u8,
    /// The text beside it.
    pub text: Option<String>,
}

/// A call to place. `Debug` shows no number and no credentials.
#[derive(Clone)]
pub struct OutgoingCall {
    /// Request-URI and To, e.g. `sip:+15550101@sip.example.com` (sip, sips or tel).
    pub to_uri: String,
    /// From, and the user part of Contact.
    pub from: Party,
    /// Where the INVITE goes.
    pub destination: Hop,
    /// The offer (RFC 3264). Empty: the peer makes the offer, and AnswerWanted asks for the answer.
    pub sdp: Vec<u8>,
    /// What to answer a 401 or 407 to this INVITE with, and later ones of the same realm if nobody but the machine the
    /// INVITE went to can read the answer.
    pub credentials: Option<Credentials>,
    /// A call that this one takes the place of (RFC 3891).
    pub replaces: Option<Replaces>,
    /// Further headers (name, value), at most 32. Headers the endpoint writes itself are refused.
    pub extra_headers: Vec<(String, String)>,
    /// From the INVITE until it is cancelled unanswered.
    pub ring_timeout: Duration,
    /// Route of the INVITE, in order, as in `<sip:edge.example;lr>`: the Path that a phone registered by (RFC 3327). At most
    /// 16; its first machine is the destination.
    pub route: Vec<String>,
    /// How long its session lives unrefreshed; none: as the endpoint is set.
    pub session_timers: Option<SessionTimers>,
    /// Whether the INVITE may go over TCP to the same address where it is too large for UDP (RFC 3261 §18.1.1); if TCP
    /// fails there, it goes over UDP all the same.
    pub large_over_tcp: bool,
}

impl fmt::Debug for OutgoingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.destination.address;
        write!(f, "OutgoingCall(to {to}, {} bytes of SDP, {:?})", self.sdp.len(), self.ring_timeout)
    }
}

/// A final answer that is not 2xx to an INVITE; a redirection is one with contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// 300..=699.
    pub code: u16,
    /// Reason phrase; the standard one of the code if none is given.
    pub reason: Option<String>,
    /// Goes out as `Reason: Q.850;cause=…`.
    pub q850: Option<Q850>,
    /// Goes out as Retry-After, in seconds.
    pub retry_after_secs: Option<u32>,
    /// URIs of the Contacts of a 3xx.
    pub contacts: Vec<String>,
    /// Further headers (name, value), e.g. WWW-Authenticate; at most 32.
    pub extra_headers: Vec<(String, String)>,
}

impl Rejection {
    /// A rejection by code alone.
    pub fn with_code(code: u16) -> Self {
        Self { code, ..Self::default() }
    }
}

/// Which message an answer goes out in, when the peer's response to our INVITE made the offer (RFC 3261 §13.2.1, RFC 3262
/// §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerPlace {
    /// The PRACK to a reliable provisional response of this early dialog.
    Prack {
        /// As in Provisional.
        fork: u16,
    },
    /// The ACK to the 2xx of our INVITE or re-INVITE.
    Ack,
}

/// What the application asks for.
#[derive(Clone, Debug)]
pub enum Order {
    /// Place a call. Answered by Trying, Provisional…, then Answered, Failed or Canceled.
    Invite {
        /// A key not in use, below [`CallKey::FIRST_INCOMING`].
        key: CallKey,
        /// The call.
        call: Box<OutgoingCall>,
    },
    /// Say 180, 183 or another 101..=199 to an incoming call; `sdp` brings early media. 100 is said once, for those
    /// who have switched off [`super::EndpointConfig::automatic_trying`].
    Ring {
        /// The call.
        key: CallKey,
        /// 180 if in doubt.
        code: u16,
        /// Early answer.
        sdp: Option<Vec<u8>>,
    },
    /// Answer an incoming call with 200. `sdp` is the answer, or the offer if the INVITE had none.
    Answer {
        /// The call.
        key: CallKey,
        /// The session description.
        sdp: Vec<u8>,
    },
    /// Refuse or redirect an incoming call that is not answered yet.
    Reject {
        /// The call.
        key: CallKey,
        /// How.
        rejection: Rejection,
    },
    /// Ask the caller of an incoming call who it is: 401. The call ends with Canceled; what the caller sends next, with
    /// credentials, is a new Incoming.
    Challenge {
        /// The call.
        key: CallKey,
        /// WWW-Authenticate values, best first, at most 4 ([`crate::digest::Authenticator::challenges`]).
        challenges: Vec<String>,
    },
    /// End a call in whatever state it is: CANCEL, BYE, or 603 to an incoming call that still rings.
    HangUp {
        /// The call.
        key: CallKey,
        /// Goes out as a Reason header.
        q850: Option<Q850>,
    },
    /// End a call we placed and that another one of ours, to another place of the same callee, was answered instead of:
    /// CANCEL with that reason (RFC 3326), or BYE if its answer crosses.
    AnsweredElsewhere {
        /// The call.
        key: CallKey,
    },
    /// Offer a changed session in an answered call. Answered by ReinviteAnswered or ReinviteFailed; glare (491) is waited
    /// out by the endpoint.
    Reinvite {
        /// The call.
        key: CallKey,
        /// The offer. Empty: the peer makes the offer, and AnswerWanted asks for the answer.
        sdp: Vec<u8>,
    },
    /// Give the answer that AnswerWanted asks for.
    GiveAnswer {
        /// The call.
        key: CallKey,
        /// As in the event.
        place: AnswerPlace,
        /// The answer.
        sdp: Vec<u8>,
    },
    /// Ask the peer of an answered call to call somebody else (RFC 3515). Answered by ReferProgress; one at a time.
    Refer {
        /// The call.
        key: CallKey,
        /// Whom, and how.
        refer: Refer,
    },
    /// Answer a REFER received: 202 accepts it, and NotifyRefer tells how it goes.
    AnswerRefer {
        /// The call.
        key: CallKey,
        /// As in the event.
        refer: ReferId,
        /// 202, or 300..=699: 603 in most cases.
        code: u16,
    },
    /// Tell the peer how its REFER goes. Nothing is sent if it does not want to hear.
    NotifyRefer {
        /// The call.
        key: CallKey,
        /// As in the event.
        refer: ReferId,
        /// The status code of the new call, 100..=699; from 200 on it is the last word.
        code: u16,
        /// Its phrase; the standard one if none is given.
        reason: Option<String>,
    },
    /// Answer a re-INVITE, UPDATE or PRACK with an offer.
    AnswerReinvite {
        /// The call.
        key: CallKey,
        /// The answer, or our offer if the re-INVITE had none.
        sdp: Vec<u8>,
    },
    /// Refuse the offer of a re-INVITE, UPDATE or PRACK (488 in most cases); the call goes on as it was.
    RejectReinvite {
        /// The call.
        key: CallKey,
        /// 400..=699.
        code: u16,
    },
    /// Ask a peer whether it is alive. Answered by OptionsAnswered.
    Options {
        /// The application's name for this question.
        ping: u64,
        /// Request-URI, e.g. `sip:sip.example.com`.
        uri: String,
        /// Where it goes.
        destination: Hop,
    },
    /// Keep a registration: now, and again before it expires, until Unregister. A key in use takes the new data over and
    /// registers at once, by the same Call-ID. Answered by Registered or RegistrationFailed, each time anew.
    Register {
        /// The application's name for it.
        key: RegistrationKey,
        /// The registration.
        registration: Box<Registration>,
    },
    /// End a registration: it is taken back at the registrar, then Unregistered comes.
    Unregister {
        /// The registration.
        key: RegistrationKey,
    },
    /// Answer a REGISTER received.
    AnswerRegister {
        /// As in RegisterReceived.
        request: RegisterRequestId,
        /// The answer.
        outcome: RegisterOutcome,
    },
}

/// Why an order was not carried out; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OrderError {
    /// No such call (it may just have ended).
    #[error("no call with this key")]
    UnknownCall,
    /// No registration with this key, or no REGISTER waits under this name (it may just have been given up).
    #[error("no registration with this name")]
    UnknownRegistration,
    /// The key names another call that lives.
    #[error("the key is in use")]
    KeyInUse,
    /// Keys from [`CallKey::FIRST_INCOMING`] on are the endpoint's own.
    #[error("the key is reserved for incoming calls")]
    KeyReserved,
    /// The call is not in a state where the order makes sense.
    #[error("the call's state does not allow this")]
    WrongState,
    /// As many calls or transactions as the limits allow.
    #[error("the endpoint is full")]
    Full,
    /// The URI does not parse or its scheme is not sip, sips or tel.
    #[error("not a usable URI")]
    BadUri,
    /// A header name or value that may not be written: it is not a token, holds a line break, is the endpoint's own,
    /// or there are too many.
    #[error("header {0:?} may not be given")]
    BadHeader(String),
    /// A status code outside the range the order allows.
    #[error("status code {0} is out of range")]
    BadCode(u16),
    /// The message would be larger than the limit.
    #[error("the message would be too large")]
    TooLarge,
}
