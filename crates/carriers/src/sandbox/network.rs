//! The persona network: a SIP user agent on loopback that answers as whoever is called.

use super::bad_network::BadNetwork;
use super::door::{Ticket, call_of};
use super::gate::Gate;
use super::heard::{Ear, Heard};
use super::host::{self, Host, World};
use super::voice::Voice;
use super::{CALL_HEADER, loopback, sound_policy};
use crate::StartError;
use crate::agent::budget::Standing;
use crate::agent::counters::AgentFigures;
use crate::agent::{AgentConfig, Door};
use crate::leg::attempts::Target;
use crate::leg::exchange::{Exchange, Placing};
use crate::leg::sound::{SoundPolicy, check_offer};
use crate::leg::story::Story;
use crate::leg::table::{Arrival, LegTable};
use crate::leg::transfer::TransferRules;
use crate::leg::{Leg, Line, Profile};
use model::leg::Refusal;
use model::sound::Impairment;
use model::{CallId, IdSource, LegId};
use persona::{Persona, PersonaInput, Settings};
use ports::{CarrierError, Ceiling, Clock, LegSink, MediaPlane, Party, PersonaCall, Tts};
use sip::message::Uri;
use sip::message::uri::{escape_user, unescape};
use sip::{CallKey, Hop, IncomingCall, Rejection};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// Calls that the personas take at one time.
const CALLS_MAX: usize = 4_000;

/// The personas: a SIP user agent on loopback that plays whoever is called.
pub struct PersonaNetwork {
    exchange: Arc<Exchange>,
    door: Arc<PersonaDoor>,
}

/// Personas go wherever they are sent.
const FOLLOWS: TransferRules = TransferRules { host: String::new(), follows: true };

impl PersonaNetwork {
    /// Starts the network at a loopback address; port 0 picks a free one.
    pub async fn start(
        bind: SocketAddr,
        media: Arc<dyn MediaPlane>,
        tts: Arc<dyn Tts>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        Self::start_hearing(bind, media, tts, clock, None)
    }

    /// The same, keeping what the personas hear.
    pub(super) fn start_hearing(
        bind: SocketAddr,
        media: Arc<dyn MediaPlane>,
        tts: Arc<dyn Tts>,
        clock: Arc<dyn Clock>,
        heard: Option<Arc<Heard>>,
    ) -> Result<Arc<Self>, StartError> {
        let bind = loopback(bind)?;
        let (mut seed, mut secret) = ([0; 8], [0; 32]);
        for bytes in [seed.as_mut_slice(), &mut secret] {
            getrandom::fill(bytes).map_err(|error| StartError::Seed(error.to_string()))?;
        }
        let network = BadNetwork::new(media, Arc::clone(&clock));
        let media: Arc<dyn MediaPlane> = Arc::<BadNetwork>::clone(&network) as Arc<dyn MediaPlane>;
        let table = LegTable::new(Ceiling::new(CALLS_MAX));
        let voice = Arc::new(Voice::new(Arc::clone(&media), tts));
        let door = Arc::new(PersonaDoor {
            world: World {
                media: Arc::clone(&media),
                voice,
                gate: Arc::new(Gate::new(secret)),
                clock: Arc::clone(&clock),
            },
            table: Arc::clone(&table),
            ids: Mutex::new(IdSource::new(u64::from_ne_bytes(seed))),
            exchange: OnceLock::new(),
            heard,
            network,
        });
        let user_agent = concat!("Lyrebird persona/", env!("CARGO_PKG_VERSION"));
        let agent = AgentConfig {
            calls_max: Ceiling::new(CALLS_MAX),
            calls_per_source_max: Ceiling::new(CALLS_MAX),
            loopback_only: true,
            automatic_trying: false,
            ..AgentConfig::new("personas", bind, user_agent)
        };
        let as_door: Arc<dyn Door> = Arc::<PersonaDoor>::clone(&door);
        let exchange = Arc::new(Exchange::start(agent, table, as_door, media, None, clock)?);
        // Set once, here.
        let _ = door.exchange.set(Arc::downgrade(&exchange));
        Ok(Arc::new(Self { exchange, door }))
    }

    /// Where the personas listen.
    pub fn local_addr(&self) -> SocketAddr {
        self.exchange.local_addr()
    }

    /// A persona calls `peer`, which lets it in for as long as the ticket lives.
    pub(super) async fn call(
        &self,
        call: PersonaCall,
        peer: SocketAddr,
        ticket: Ticket,
    ) -> Result<(), CarrierError> {
        let leg = self.door.next_leg();
        let persona = Persona::new(call.from.expose(), call.settings);
        let sound = SoundPolicy { telephone_events: persona.knows_telephone_events(), ..sound_policy(None) };
        let impairment = persona.impairment();
        let (sink, facts) = host::facts();
        let ear = self.door.ear(call.call, Party::Caller, leg);
        let host =
            Host::new(self.door.world.clone(), Arc::downgrade(&self.exchange), leg, persona, ear, &sink);
        let sink: Arc<dyn LegSink> = sink;
        let placing = Placing {
            targets: vec![Target::to(Hop::udp(peer))],
            guide: None,
            to_uri: format!("sip:{}@{peer}", escape_user(call.to.expose())),
            from: sip::Party {
                display: None,
                user: call.from.expose().clone(),
                host: self.local_addr().to_string(),
            },
            credentials: None,
            headers: vec![(CALL_HEADER.to_owned(), call.call.to_string())],
            session_timers: None,
            ring_timeout: Duration::from_millis(call.ring_timeout_ms.into()),
            profile: Profile { sound, permit: None, transfers: FOLLOWS, line: Line::Closed },
        };
        let seat = self.exchange.sit(leg)?;
        self.door.plan(leg, impairment);
        self.exchange.place(seat, leg, &sink, placing).await?;
        drop(sink);
        tokio::spawn(async move {
            host.run(None, facts).await;
            drop(ticket);
        });
        Ok(())
    }

    /// What their SIP user agent has done.
    pub fn figures(&self) -> AgentFigures {
        self.exchange.figures()
    }
}

struct PersonaDoor {
    world: World,
    table: Arc<LegTable>,
    ids: Mutex<IdSource>,
    exchange: OnceLock<Weak<Exchange>>,
    heard: Option<Arc<Heard>>,
    network: Arc<BadNetwork>,
}

impl PersonaDoor {
    /// A leg of a call that only the personas know.
    fn next_leg(&self) -> LegId {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        LegId::new(CallId::generate(&mut ids, self.world.clock.now()), 0)
    }

    /// Spoils the sound of a leg that is about to be opened, where the persona lives behind a bad network.
    fn plan(&self, leg: LegId, impairment: Option<Impairment>) {
        if let Some(impairment) = impairment {
            self.network.plan(leg, impairment);
        }
    }

    /// Hears what a persona hears in a call of the server.
    fn ear(&self, call: CallId, party: Party, leg: LegId) -> Option<Ear> {
        self.heard.as_ref()?.ear(call, party, leg, self.world.clock.as_ref())
    }
}

impl Door for PersonaDoor {
    fn standing(&self, source: IpAddr) -> Standing {
        if source.to_canonical().is_loopback() { Standing::Peer } else { Standing::Stranger }
    }

    fn incoming(&self, key: CallKey, call: &IncomingCall) -> Result<Leg, Rejection> {
        let persona = Persona::new(&call.request_user, settings(call));
        let sound = SoundPolicy { telephone_events: persona.knows_telephone_events(), ..sound_policy(None) };
        if let Some(offer) = &call.sdp {
            check_offer(offer, &sound.codecs, sound.srtp)
                .map_err(|refusal| Rejection::with_code(refusal.status_code()))?;
        }
        let profile = Profile { sound, permit: None, transfers: FOLLOWS, line: Line::Closed };
        let seat = self.table.arrive(key, Arrival { peer: call.source.address.ip(), profile });
        Ok(Leg::incoming(key, seat, call.sdp.clone(), Story::new(None, None)))
    }

    fn arrived(&self, key: CallKey, call: IncomingCall) {
        let Some(weak) = self.exchange.get() else { return };
        let Some(exchange) = weak.upgrade() else { return };
        let leg = self.next_leg();
        let persona = Persona::new(&call.request_user, settings(&call));
        self.plan(leg, persona.impairment());
        let authorized = self.world.gate.admits(&call, self.world.clock.now());
        let (sink, facts) = host::facts();
        let of_call = call_of(&call.headers);
        let ear = of_call.and_then(|of_call| self.ear(of_call, Party::Callee, leg));
        let host = Host::new(self.world.clone(), Weak::clone(weak), leg, persona, ear, &sink);
        let sink: Arc<dyn LegSink> = sink;
        match exchange.adopt(key, leg, &sink) {
            Ok(()) => {
                tokio::spawn(host.run(Some(PersonaInput::Called { authorized }), facts));
            }
            Err(error) => {
                tracing::warn!(%error, "a persona could not take a call");
                self.network.close(leg);
                exchange.refuse(key, Refusal::Unavailable);
            }
        }
    }
}

/// What the caller set: the header's settings, and the URI's `persona` and `digits`, which any SIP phone can dial.
fn settings(call: &IncomingCall) -> Settings {
    let header = call.headers.iter().find(|header| header.0.eq_ignore_ascii_case(persona::HEADER));
    let mut settings = header.map(|header| Settings::from_header(&header.1)).unwrap_or_default();
    let Ok(uri) = Uri::parse(&call.request_uri) else { return settings };
    let param = |name| uri.param(name).flatten().map(unescape);
    if let Some(name) = param("persona").filter(|name| persona::entry_named(name).is_some()) {
        settings.persona = Some(name);
    }
    if settings.digits.is_none() {
        settings.digits = param("digits").and_then(|digits| Settings::digits_from_address(&digits));
    }
    settings
}
