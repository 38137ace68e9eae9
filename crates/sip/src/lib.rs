//! SIP without sockets, clocks or tokio: messages, digest, transactions (RFC 3261 §17, RFC 6026), dialogs and
//! sessions, and SDP offer/answer (RFC 3264). One machine, [`Endpoint`]: datagrams, orders and time go in by
//! `handle_*`, everything it does comes out of [`Endpoint::poll`]; the caller sleeps until [`Endpoint::deadline`].
//! Must not know what a call is for, nor where time, randomness and packets come from.

pub mod dialog;
pub mod digest;
pub mod endpoint;
pub mod leg_end;
pub mod locate;
pub mod message;
pub mod registrar;
mod registration;
pub mod sdp;
mod session;
pub mod stream;
mod transaction;

pub use dialog::snapshot::{AnswerSnapshot, DialogSnapshot, DialogState, SessionSnapshot, SnapshotPhase};
pub use digest::Credentials;
pub use endpoint::config::{EndpointConfig, Limits, SessionRefresher, SessionTimers, TimerLengths};
pub use endpoint::order::{
    AnswerPlace, CallKey, Hop, Order, OrderError, OutgoingCall, Party, Q850, Rejection, Transport,
};
pub use endpoint::output::{
    Answer, Direction, EndedBy, Event, FailedBy, Failure, IncomingCall, OfferRequest, Output, Subject,
};
pub use endpoint::register::{
    BoundContact, IncomingRegister, RegisterContact, RegisterOutcome, RegisterRequestId, Registration,
    RegistrationKey,
};
pub use endpoint::transfer::{IncomingRefer, Refer, ReferId, ReferProgress, ReferTarget, Replaces};
pub use endpoint::{Endpoint, Load};
pub use transaction::way_without_connection;
