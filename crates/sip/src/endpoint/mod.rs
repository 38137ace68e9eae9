//! The one public machine: datagrams, orders and time in, [`Output`] out. Keeps the sessions and routes to them; what is to
//! be done stands in their rooms.

pub mod config;
pub mod hop;
pub(crate) mod names;
mod offers;
pub mod order;
mod orders;
pub mod output;
pub mod register;
mod registers;
mod registrations;
mod replacing;
mod requests;
mod responses;
pub(crate) mod sink;
mod timeouts;
pub(crate) mod tokens;
pub mod transfer;
pub(crate) mod wire;

use crate::dialog::snapshot::{DialogSnapshot, SNAPSHOT_VERSION};
use crate::digest::Credentials;
use crate::endpoint::config::{EndpointConfig, SessionTimers};
use crate::endpoint::order::{CallKey, Hop, OrderError};
use crate::endpoint::output::Output;
use crate::endpoint::register::RegistrationKey;
use crate::message::{Message, Method, ParseError, Refusal, StartLine};
use crate::registration::Registering;
use crate::session::{Next, Session, Talking};
use crate::stream::StreamFault;
use model::Timestamp;
use registers::Registers;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use tokens::{KeyedHasher, Tokens};
use wire::Wire;

/// A SIP user agent without sockets: both roles, any number of calls.
///
/// After each `handle_*` drain [`Endpoint::poll`], then sleep until [`Endpoint::deadline`].
pub struct Endpoint {
    wire: Wire,
    sessions: BTreeMap<CallKey, Session>,
    /// Sessions by our tag.
    tags: HashMap<Box<str>, CallKey, KeyedHasher>,
    next_incoming: CallKey,
    /// Sessions that are no calls any more: their BYE is under way.
    leaving: usize,
    registrations: BTreeMap<RegistrationKey, Registering>,
    registers: Registers,
}

impl Endpoint {
    /// A new endpoint; branches, tags and Call-IDs are drawn from `seed`, which must be secret and never used twice.
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let mut tokens = Tokens::new(seed);
        let tags = HashMap::with_hasher(tokens.hasher());
        let wire = Wire::new(config, tokens);
        Self {
            wire,
            sessions: BTreeMap::new(),
            tags,
            next_incoming: CallKey::FIRST_INCOMING,
            leaving: 0,
            registrations: BTreeMap::new(),
            registers: Registers::default(),
        }
    }

    /// A datagram arrived. What is not SIP is dropped; a malformed request is answered as far as it can be.
    pub fn handle_datagram(&mut self, source: SocketAddr, bytes: &[u8], now: Timestamp) {
        self.handle_message(Hop::udp(source), bytes, now);
    }

    /// A message arrived from a hop: a datagram, or what [`crate::stream::Framer`] cut out of a stream. What is not SIP is
    /// dropped; a malformed request is answered as far as it can be. Answers go to the same hop, over a stream exactly.
    pub fn handle_message(&mut self, source: Hop, bytes: &[u8], now: Timestamp) {
        match Message::parse(bytes) {
            Ok(message) => match message.start {
                StartLine::Request { .. } => self.on_request(&message, source, now),
                StartLine::Response { .. } => self.on_response(&message, source, now),
            },
            Err(ParseError::KeepAlive) => {}
            Err(_) => self.wire.sink.received(None, source, bytes, false),
        }
    }

    /// A stream cannot be followed any further: its last request is told why, as far as it is known. Close the stream when
    /// that is sent.
    pub fn handle_stream_fault(&mut self, source: Hop, fault: StreamFault, head: &[u8]) {
        self.wire.sink.received(None, source, head, false);
        let refusal = match fault {
            StreamFault::NotSip | StreamFault::HeadTooLarge => return,
            StreamFault::ContentLength => Refusal::bad("Missing Or Malformed Content-Length"),
            StreamFault::BodyTooLarge => Refusal::code(513),
        };
        let Ok(message) = Message::parse(head) else { return };
        if message.method().is_some_and(|method| method != Method::Ack) {
            self.wire.refuse(None, &message, source, &refusal);
        }
    }

    /// Whether REGISTER is taken from now on; see [`EndpointConfig::registrar`].
    pub const fn set_registrar(&mut self, registrar: bool) {
        self.wire.config.registrar = registrar;
    }

    /// How long sessions of calls that arrive from now on live unrefreshed; see [`EndpointConfig::session_timers`].
    pub const fn set_session_timers(&mut self, timers: SessionTimers) {
        self.wire.config.session_timers = timers;
    }

    /// What this peer reaches us at, where that is not [`EndpointConfig::host_port`]: for machines with several addresses.
    /// Over TLS its host with our port of TLS. Stands in all that is sent to it from now on. Kept for a bounded number of peers.
    pub fn set_name_towards(&mut self, peer: IpAddr, host_port: &str) {
        self.wire.names.set(peer, host_port);
    }

    /// Whether [`Self::set_name_towards`] is in effect for this peer.
    pub fn has_name_towards(&self, peer: IpAddr) -> bool {
        self.wire.names.is_set(peer)
    }

    /// The next thing to do; drain it after every `handle_*`.
    pub fn poll(&mut self) -> Option<Output> {
        self.wire.sink.pop()
    }

    /// When to call [`Endpoint::handle_timeout`] next.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.wire.timers.deadline()
    }

    /// What lives: all zero when nothing is left to do.
    pub fn load(&self) -> Load {
        let transactions = self.wire.clients.len() + self.wire.servers.len();
        let names = self.tags.len() + self.wire.servers.names();
        Load {
            calls: self.sessions.len() - self.leaving,
            leaving: self.leaving,
            transactions,
            timers: self.wire.timers.len(),
            names,
            registrations: self.registrations.len(),
            registers_waiting: self.registers.len(),
        }
    }

    /// Whether a call lives under this key.
    pub fn has_call(&self, key: CallKey) -> bool {
        self.sessions.get(&key).is_some_and(|session| !matches!(session, Session::Leaving(_)))
    }

    /// Changes how many calls there may be at one time; calls beyond a lower limit go on.
    pub fn set_calls_max(&mut self, calls_max: usize) {
        self.wire.config.limits.calls_max = calls_max;
    }

    /// Whether the limits leave no room for a new call.
    fn is_full(&self) -> bool {
        self.sessions.len() - self.leaving >= self.wire.config.limits.calls_max || !self.wire.has_room()
    }

    /// What to keep of an answered call; none before the answer, and none once the peer has confirmed the end. Take it anew
    /// when Answered, AnswerAcknowledged, SessionRefreshed, Ended or a re-INVITE's event came.
    pub fn dialog_snapshot(&self, key: CallKey) -> Option<DialogSnapshot> {
        match self.sessions.get(&key)? {
            Session::Talking(talking) => Some(talking.snapshot()),
            Session::Leaving(leaving) => Some(leaving.snapshot()),
            Session::Calling(_) | Session::Ringing(_) => None,
        }
    }

    /// Takes an answered call up again, in a fresh endpoint or this one: our answer that was not acknowledged goes out again,
    /// so does our BYE, and the session timer goes on from where it was. `credentials` are those of the trunk, for a call
    /// we placed.
    pub fn restore(
        &mut self,
        key: CallKey,
        snapshot: DialogSnapshot,
        credentials: Option<Credentials>,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let tag = snapshot.dialog.local_tag.clone();
        if self.sessions.contains_key(&key) || self.tags.contains_key(tag.as_str()) {
            return Err(OrderError::KeyInUse);
        }
        if self.is_full() {
            return Err(OrderError::Full);
        }
        if snapshot.version != SNAPSHOT_VERSION {
            return Err(OrderError::WrongState);
        }
        let next = Talking::restore(key, snapshot, credentials, &mut self.wire, now);
        self.tags.insert(tag.into(), key);
        self.follow(key, next, now);
        Ok(())
    }

    fn insert(&mut self, key: CallKey, session: Session) {
        self.tags.insert(session.local_tag().into(), key);
        self.sessions.insert(key, session);
    }

    /// A key no call has.
    fn incoming_key(&mut self) -> CallKey {
        while self.sessions.contains_key(&self.next_incoming) {
            self.next_incoming = CallKey(self.next_incoming.0.wrapping_add(1).max(CallKey::FIRST_INCOMING.0));
        }
        let key = self.next_incoming;
        self.next_incoming = CallKey(key.0.wrapping_add(1).max(CallKey::FIRST_INCOMING.0));
        key
    }

    /// Does to a session what its last step decided.
    fn follow(&mut self, key: CallKey, next: Next, now: Timestamp) {
        match next {
            Next::Stay => {}
            // The tag stays the same.
            Next::Talk(mut talking) => {
                let replaced = talking.replaces.take();
                self.sessions.insert(key, Session::Talking(talking));
                if let Some(replaced) = replaced {
                    self.end_replaced(replaced, now);
                }
            }
            Next::Leave(leaving) => {
                self.leaving += 1;
                self.sessions.insert(key, Session::Leaving(leaving));
            }
            Next::Gone => {
                if let Some(session) = self.sessions.remove(&key) {
                    self.leaving -= usize::from(matches!(session, Session::Leaving(_)));
                    self.tags.remove(session.local_tag());
                }
            }
        }
    }
}

/// Shows how much it holds, and nothing of what.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.load()).finish()
    }
}

/// How much an endpoint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Load {
    /// Calls, those included that were hung up and only wait for an ACK.
    pub calls: usize,
    /// Calls that were hung up and whose BYE is under way or lingers; their keys are still in use.
    pub leaving: usize,
    /// Transactions; they linger for up to 32 s after their last message.
    pub transactions: usize,
    /// Timers.
    pub timers: usize,
    /// Entries in the tables that calls and transactions are found by.
    pub names: usize,
    /// Registrations kept at registrars.
    pub registrations: usize,
    /// REGISTERs that wait for their answer.
    pub registers_waiting: usize,
}
