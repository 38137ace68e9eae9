//! Everything the endpoint does: bytes to send, events for the application, and (when asked for) a trace of each
//! message. One flat enum each. Knows nothing of how it came about.

use super::hop::Hop;
use super::order::{AnswerPlace, CallKey, Q850};
use super::register::{IncomingRegister, RegisterRequestId, RegistrationKey};
use super::transfer::{IncomingRefer, ReferId, ReferProgress};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The endpoint's whole outward power. `Debug` shows no message: they hold numbers and credentials.
#[derive(Clone)]
pub enum Output {
    /// Put these bytes on the wire.
    Send {
        /// For whom: over TLS it says whom the far side has to prove to be.
        subject: Subject,
        /// Where to.
        hop: Hop,
        /// The message. Holds credentials when it answers a challenge: log only [`Output::Trace`].
        bytes: Arc<[u8]>,
        /// Whether a transaction repeats itself.
        retransmission: bool,
    },
    /// Tell the application.
    Event(Event),
    /// A message that went out or came in, credentials masked; only if [`super::EndpointConfig::trace`].
    Trace {
        /// The call it belongs to, if any.
        key: Option<CallKey>,
        /// Sent or received.
        direction: Direction,
        /// The other machine.
        hop: Hop,
        /// The message, the values of Authorization and Proxy-Authorization replaced by `***`.
        bytes: Arc<[u8]>,
        /// Whether the same message was sent, or received, before. Received: known for requests we still remember.
        retransmission: bool,
    },
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { hop, bytes, .. } => write!(f, "Send({} bytes to {})", bytes.len(), hop.address),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Trace { key, direction, bytes, .. } => {
                write!(f, "Trace({key:?}, {direction:?}, {} bytes)", bytes.len())
            }
        }
    }
}

/// For whom a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// For a call.
    Call(CallKey),
    /// For a registration that we keep.
    Registration(RegistrationKey),
    /// For neither.
    Nobody,
}

impl Subject {
    /// The call it belongs to.
    pub const fn call(self) -> Option<CallKey> {
        match self {
            Self::Call(key) => Some(key),
            Self::Registration(_) | Self::Nobody => None,
        }
    }
}

impl From<Option<CallKey>> for Subject {
    fn from(key: Option<CallKey>) -> Self {
        key.map_or(Self::Nobody, Self::Call)
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Received.
    In,
    /// Sent.
    Out,
}

/// A call that reached us. `Debug` shows no number and no credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// From as received: URI text.
    pub from_uri: String,
    /// The user part of From, unescaped, empty if there is none.
    pub from_user: String,
    /// The display name of From, unquoted; bytes that are not UTF-8 replaced.
    pub from_display: Option<String>,
    /// To as received: URI text.
    pub to_uri: String,
    /// Request-URI as received, with all its parameters.
    pub request_uri: String,
    /// The user part of the Request-URI, unescaped, its parameters cut off: the number called.
    pub request_user: String,
    /// Contact URI of the caller.
    pub contact: Option<String>,
    /// Call-ID.
    pub call_id: String,
    /// The offer; none means that our answer carries the offer.
    pub sdp: Option<Vec<u8>>,
    /// User-Agent.
    pub user_agent: Option<String>,
    /// All Authorization values, for [`crate::digest::Authenticator::check`].
    pub authorizations: Vec<String>,
    /// X-… headers and those about identity and diversion, in order; at most 32.
    pub headers: Vec<(String, String)>,
    /// The call of ours that this one is to take the place of (RFC 3891): it is ended once this one is answered. Whether
    /// the caller may do so is for the application to decide; it named tags that only the two parties should know.
    pub replaces: Option<CallKey>,
    /// Referred-By as received (RFC 3892).
    pub referred_by: Option<String>,
    /// Where the INVITE came from.
    pub source: Hop,
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IncomingCall({}, from {})", self.call_id, self.source.address)
    }
}

/// The 2xx to our INVITE. `Debug` shows no number.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code, 200 in all likelihood.
    pub code: u16,
    /// The early dialog that answered; numbers as in Provisional.
    pub fork: u16,
    /// The answer; none if the peer left it at the one of a provisional response.
    pub sdp: Option<Vec<u8>>,
    /// User-Agent or Server.
    pub user_agent: Option<String>,
    /// Contact URI of the callee.
    pub contact: Option<String>,
    /// X-… headers and those about identity, in order; at most 32.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, fork {}, {:?})", self.code, self.fork, self.user_agent)
    }
}

/// Who or what made an outgoing call fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedBy {
    /// A final response that is not 2xx: `code` and `reason` are the peer's.
    Remote,
    /// Nobody answered within the ring timeout: the call was cancelled (`code` 408).
    RingTimeout,
    /// The peer sent no response at all within the ring timeout or 64·T1 (`code` 408).
    NoResponse,
    /// The transport could not deliver the INVITE (`code` 503).
    Transport,
}

/// How an outgoing call failed. `Debug` shows no redirection target.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// SIP status code.
    pub code: u16,
    /// Reason phrase.
    pub reason: String,
    /// Q.850 cause, if the peer told it.
    pub q850: Option<Q850>,
    /// Retry-After in seconds.
    pub retry_after_secs: Option<u32>,
    /// Contact URIs of a 3xx, by falling `q`, equal ones in the order given; at most 8.
    pub contacts: Vec<String>,
    /// Which side.
    pub by: FailedBy,
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({} {:?}, {:?}, {:?})", self.code, self.reason, self.q850, self.by)
    }
}

/// Which side ended an answered call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The peer's BYE, or its 481 to a request of ours.
    Remote,
    /// Our HangUp.
    Local,
    /// The peer never acknowledged our answer, or a re-INVITE stayed without response.
    Timeout,
    /// The transport could not deliver.
    Transport,
    /// The session was not refreshed in time (RFC 4028 §10).
    SessionExpired,
    /// Another call took its place (RFC 3891).
    Replaced,
}

/// Which request of the peer carries an offer within a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferRequest {
    /// A re-INVITE.
    Reinvite,
    /// An UPDATE (RFC 3311) in an answered call, or in one we received.
    Update,
    /// An UPDATE in an early dialog of a call we placed.
    EarlyUpdate {
        /// As in Provisional.
        fork: u16,
    },
    /// A PRACK (RFC 3262 §5).
    Prack,
}

/// What the application hears. Each call ends with exactly one of Failed, Canceled or Ended; its key is free
/// once our BYE, if there was one, is settled too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A call reached us and waits for Ring, Answer, Reject or HangUp.
    Incoming {
        /// Chosen by the endpoint.
        key: CallKey,
        /// The call.
        call: Box<IncomingCall>,
    },
    /// 100: somebody works on our INVITE.
    Trying {
        /// The call.
        key: CallKey,
    },
    /// 101..=199 to our INVITE.
    Provisional {
        /// The call.
        key: CallKey,
        /// The status code.
        code: u16,
        /// Its phrase.
        reason: String,
        /// Which early dialog, in order of appearance from 0: a forked call rings at several places.
        fork: u16,
        /// Early media. If the INVITE had no offer, what is offered comes by AnswerWanted and not here.
        sdp: Option<Vec<u8>>,
        /// Sent reliably (RFC 3262), and acknowledged by us.
        reliable: bool,
    },
    /// The peer's response to an INVITE or re-INVITE of ours without offer made one: it waits for GiveAnswer. In a 2xx the
    /// event follows Answered or ReinviteAnswered, and the call is ended if the answer does not come within 32·T1.
    AnswerWanted {
        /// The call.
        key: CallKey,
        /// To be given back.
        place: AnswerPlace,
        /// The offer.
        sdp: Vec<u8>,
    },
    /// The caller acknowledged our reliable provisional response (RFC 3262).
    ProvisionalAcknowledged {
        /// The call.
        key: CallKey,
        /// The answer to the offer in our response, if the INVITE had none.
        sdp: Option<Vec<u8>>,
    },
    /// Our INVITE was answered, and acknowledged unless AnswerWanted follows.
    Answered {
        /// The call.
        key: CallKey,
        /// The answer.
        answer: Box<Answer>,
    },
    /// The peer acknowledged our 200 to its INVITE or re-INVITE.
    AnswerAcknowledged {
        /// The call.
        key: CallKey,
        /// The answer to the offer in our 200, if the (re-)INVITE had none.
        sdp: Option<Vec<u8>>,
    },
    /// An outgoing call was not answered. Final.
    Failed {
        /// The call.
        key: CallKey,
        /// How.
        failure: Box<Failure>,
    },
    /// An unanswered call was cancelled: by our HangUp, or by the caller's CANCEL; also after our Reject. Final.
    Canceled {
        /// The call.
        key: CallKey,
        /// Who cancelled.
        by: EndedBy,
        /// Reason given by the caller.
        q850: Option<Q850>,
        /// Our CANCEL crossed with the peer's 200, which was acknowledged and ended by BYE at once.
        crossed_answer: bool,
    },
    /// An answered call ended. Final.
    Ended {
        /// The call.
        key: CallKey,
        /// Who.
        by: EndedBy,
        /// Reason given by the peer.
        q850: Option<Q850>,
    },
    /// The peer offers a changed session (re-INVITE, UPDATE or PRACK) and waits for AnswerReinvite or RejectReinvite.
    ReinviteReceived {
        /// The call.
        key: CallKey,
        /// The offer; none means that our answer carries the offer.
        sdp: Option<Vec<u8>>,
        /// What carries it.
        request: OfferRequest,
    },
    /// The peer took its re-INVITE back before it was answered.
    ReinviteCanceled {
        /// The call.
        key: CallKey,
    },
    /// Our re-INVITE was answered, and acknowledged unless AnswerWanted follows.
    ReinviteAnswered {
        /// The call.
        key: CallKey,
        /// The answer.
        sdp: Option<Vec<u8>>,
    },
    /// Our re-INVITE was refused; the session stays as it was.
    ReinviteFailed {
        /// The call.
        key: CallKey,
        /// The status code; 491 if the peer's own offer came first, or glare did not end.
        code: u16,
        /// When the peer may take it (Retry-After).
        retry_after: Option<Duration>,
    },
    /// The session timer started anew (RFC 4028), by us or by the peer, without a word of the application.
    SessionRefreshed {
        /// The call.
        key: CallKey,
        /// The peer's answer, if we repeated our session description to it.
        sdp: Option<Vec<u8>>,
    },
    /// The peer asks us to call somebody else, and waits for AnswerRefer.
    ReferReceived {
        /// The call.
        key: CallKey,
        /// The name of this request.
        refer: ReferId,
        /// Whom.
        request: Box<IncomingRefer>,
    },
    /// How our REFER goes.
    ReferProgress {
        /// The call.
        key: CallKey,
        /// How.
        progress: ReferProgress,
    },
    /// A digit by INFO (application/dtmf-relay or application/dtmf).
    InfoDigit {
        /// The call.
        key: CallKey,
        /// 0-9, *, #, A-D.
        digit: char,
        /// Its length, if told.
        duration_ms: Option<u32>,
    },
    /// The answer to our OPTIONS.
    OptionsAnswered {
        /// As in the order.
        ping: u64,
        /// The status code; none if nothing came within 64·T1 or the transport failed.
        code: Option<u16>,
    },
    /// A registration holds; it is refreshed before it expires.
    Registered {
        /// As in the order.
        key: RegistrationKey,
        /// How long it holds from now on.
        expires: Duration,
        /// Where the registrar saw us (`received` and `rport` of our Via), if it told.
        seen: Option<SocketAddr>,
    },
    /// A registration does not hold: refused, or no answer. Tried again by itself.
    RegistrationFailed {
        /// As in the order.
        key: RegistrationKey,
        /// The status code; 408 if nothing came, 503 if the transport failed.
        code: u16,
        /// The phrase.
        reason: String,
        /// Where the REGISTER went.
        destination: Hop,
        /// When it is tried again there, of itself: never sooner than the registrar asks for, within a day.
        retry_after: Duration,
    },
    /// A registration ended by Unregister; `code` is what the registrar said, none if it said nothing. Its key is free.
    Unregistered {
        /// As in the order.
        key: RegistrationKey,
        /// The status code.
        code: Option<u16>,
    },
    /// A phone wants to register; waits for AnswerRegister. Only if [`super::EndpointConfig::registrar`].
    RegisterReceived {
        /// Chosen by the endpoint.
        request: RegisterRequestId,
        /// What it asks.
        register: Box<IncomingRegister>,
    },
}

impl Event {
    /// The call it is about; none if it is about no call.
    pub const fn key(&self) -> Option<CallKey> {
        match self {
            Self::Incoming { key, .. }
            | Self::Trying { key }
            | Self::Provisional { key, .. }
            | Self::Answered { key, .. }
            | Self::AnswerAcknowledged { key, .. }
            | Self::Failed { key, .. }
            | Self::Canceled { key, .. }
            | Self::Ended { key, .. }
            | Self::ReinviteReceived { key, .. }
            | Self::ReinviteCanceled { key }
            | Self::ReinviteAnswered { key, .. }
            | Self::ReinviteFailed { key, .. }
            | Self::AnswerWanted { key, .. }
            | Self::ProvisionalAcknowledged { key, .. }
            | Self::SessionRefreshed { key, .. }
            | Self::ReferReceived { key, .. }
            | Self::ReferProgress { key, .. }
            | Self::InfoDigit { key, .. } => Some(*key),
            Self::OptionsAnswered { .. }
            | Self::Registered { .. }
            | Self::RegistrationFailed { .. }
            | Self::Unregistered { .. }
            | Self::RegisterReceived { .. } => None,
        }
    }
}
