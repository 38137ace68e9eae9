//! Carriers: whoever can ring a phone. A carrier answers no policy question; it opens the leg's sound on the
//! media plane, agrees codecs with the far side, and reports facts.

use crate::speech::HeardSpeech;
use model::call::Mode;
use model::endpoint::PhoneEndpoint;
use model::leg::{LegFact, LegOrder, Refusal};
use model::sound::MediaFact;
use model::trunk::{RegistrationStatus, Trunk};
use model::{CallId, EndpointId, LegId, Pii, Timestamp, TrunkId};
use std::net::SocketAddr;
use std::sync::Arc;

/// Takes the facts of one call's legs: the call actor's mailbox. Never waits and never blocks; when the mailbox
/// is full, or the call is gone, the fact is dropped and counted.
pub trait LegSink: Send + Sync {
    /// A leg changed.
    fn leg(&self, leg: LegId, fact: LegFact);
    /// Something about a leg's sound.
    fn media(&self, leg: LegId, fact: MediaFact);
    /// Something that was listened for was said.
    fn heard(&self, _leg: LegId, _speech: HeardSpeech) {}
    /// What [`Carrier::release`] needs, should this process die while the leg is answered; a later one replaces it.
    fn hand_over(&self, _leg: LegId, _handover: Handover) {}
}

/// What lets go of an answered leg's far side after the process that held it died. Opaque to all but its carrier;
/// holds addresses, and no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Handover(pub Vec<u8>);

impl Handover {
    /// Most bytes; a leg that would need more has none.
    pub const BYTES_MAX: usize = 32 * 1024;
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handover({} bytes)", self.0.len())
    }
}

/// Where a phone is registered, to be kept across a restart; empty: nowhere. Opaque to all but its carrier; holds
/// addresses, and no password.
#[derive(Clone, PartialEq, Eq)]
pub struct PhonePlaces {
    /// The phone.
    pub phone: EndpointId,
    /// What its carrier wants to know again.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for PhonePlaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PhonePlaces({:?}, {} bytes)", self.phone, self.content.len())
    }
}

/// An outgoing leg.
#[derive(Clone)]
pub struct Dial {
    /// Its id.
    pub leg: LegId,
    /// Who calls, as the far side shall see it.
    pub from: Pii<String>,
    /// Who is called.
    pub to: Pii<String>,
    /// How long it may ring before the carrier gives up.
    pub ring_timeout_ms: u32,
    /// Where it goes.
    pub route: Route,
    /// Its place in time was waited for already, by [`Carrier::pace`].
    pub paced: bool,
    /// Takes what happens.
    pub sink: Arc<dyn LegSink>,
}

/// Where an outgoing leg goes. A test call's route cannot name a trunk.
#[derive(Debug, Clone)]
pub enum Route {
    /// To a carrier, over this trunk.
    Trunk(Arc<Trunk>),
    /// To a phone that registered here.
    Phone(Arc<PhoneEndpoint>),
    /// To the sandbox, with what is set of the persona.
    Sandbox(Box<persona::Settings>),
}

/// A place where a phone is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneRegistration {
    /// How it is reached: `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// Where it registered from.
    pub source: SocketAddr,
    /// What it says it is.
    pub user_agent: Option<String>,
    /// When it registered last.
    pub registered_at: Timestamp,
    /// Until when that holds.
    pub expires_at: Timestamp,
}

/// Why an order could not even be tried. What goes wrong later comes as a fact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    /// The carrier has as many legs as it may, or as the trunk allows.
    #[error("the trunk has as many calls as it may")]
    Full,
    /// No such leg (any more).
    #[error("no such leg")]
    UnknownLeg,
    /// The route is none of this carrier's.
    #[error("this carrier does not serve the route")]
    WrongRoute,
    /// The phone is registered nowhere.
    #[error("the phone {name} is not registered")]
    Unregistered {
        /// Its user name.
        name: String,
    },
    /// The trunk's host has no address.
    #[error("the trunk's host {host} has no address: {reason}")]
    Unresolvable {
        /// The host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// No port for sound, or no socket.
    #[error("{0}")]
    Resources(String),
}

/// Whoever can ring a phone.
#[async_trait::async_trait]
pub trait Carrier: Send + Sync {
    /// Waits for a leg's place in time, where the route takes so many new legs a second and no more. Nothing rings yet;
    /// whoever drops the future has withdrawn the leg.
    async fn pace(&self, _route: &Route) -> Result<(), CarrierError> {
        Ok(())
    }

    /// Starts an outgoing leg; returns once the order is taken. Exactly one [`LegFact::Ended`] follows an `Ok`.
    async fn dial(&self, dial: Dial) -> Result<(), CarrierError>;

    /// Orders a leg of this carrier: anything but [`LegOrder::Dial`]. Takes the order without waiting for its
    /// outcome.
    fn order(&self, leg: LegId, order: LegOrder) -> Result<(), CarrierError>;

    /// Ties an incoming call to its leg; from now on its facts go to `sink`. Fails if the caller is gone already.
    fn adopt(&self, incoming: IncomingRef, leg: LegId, sink: Arc<dyn LegSink>) -> Result<(), CarrierError>;

    /// Refuses an incoming call that will not be adopted.
    fn refuse(&self, incoming: IncomingRef, refusal: Refusal);

    /// Hangs up an answered leg that a dead process left behind.
    fn release(&self, _handover: Handover) {}

    /// The phones that may register from now on; what others had registered is forgotten. A carrier without phones
    /// has nothing to do.
    async fn admit_phones(&self, _phones: Vec<Arc<PhoneEndpoint>>) {}

    /// Where a phone is registered now, the preferred place first.
    fn registrations(&self, _phone: &PhoneEndpoint) -> Vec<PhoneRegistration> {
        Vec::new()
    }

    /// The trunks that exist from now on: whose calls are taken, and from which addresses.
    async fn configure(&self, trunks: Vec<Arc<Trunk>>);

    /// How the registration of a trunk stands; none if it has none.
    fn registration(&self, _trunk: TrunkId) -> Option<RegistrationStatus> {
        None
    }
}

/// The carrier's own name for an incoming call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IncomingRef(pub u64);

/// A call that arrived.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// The carrier's name for it.
    pub reference: IncomingRef,
    /// The id it will have if it is taken, from [`InboundCalls::next_call_id`]; its timeline begins under it.
    pub call: CallId,
    /// The trunks whose sources it came from: trunks of one carrier share them. None for the sandbox.
    pub trunks: Vec<TrunkId>,
    /// The registered phone that calls, its password proved.
    pub phone: Option<EndpointId>,
    /// Live, or from the sandbox.
    pub mode: Mode,
    /// Who calls; a number where it is one, else the address as it was sent (at most 256 bytes).
    pub from: Pii<String>,
    /// Who is called.
    pub to: Pii<String>,
    /// Where it came from.
    pub source: SocketAddr,
    /// The calling user agent, if it says.
    pub user_agent: Option<String>,
}

/// Takes incoming calls: the engine. The answer comes through [`Carrier::adopt`] or [`Carrier::refuse`].
pub trait InboundCalls: Send + Sync {
    /// A call arrived.
    fn arrived(&self, carrier: Arc<dyn Carrier>, incoming: IncomingCall);

    /// An id for a call that is about to be reported.
    fn next_call_id(&self) -> CallId;
}
