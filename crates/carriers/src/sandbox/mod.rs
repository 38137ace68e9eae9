//! The sandbox: a telephone network of personas on loopback, and the carrier that reaches it and nothing else. Must
//! not know trunks.

mod bad_network;
mod door;
mod gate;
mod heard;
mod host;
mod neighbours;
mod network;
mod spoiler;
mod voice;

pub use heard::HeardConfig;
pub use network::PersonaNetwork;

use crate::StartError;
use crate::agent::counters::AgentFigures;
use crate::agent::{AgentConfig, Door};
use crate::leg::attempts::Target;
use crate::leg::exchange::{Exchange, Placing};
use crate::leg::sound::SoundPolicy;
use crate::leg::table::LegTable;
use crate::leg::transfer::TransferRules;
use crate::leg::{Line, Profile};
use door::{OrderedCalls, SandboxDoor};
use heard::{Heard, ListeningSink};
use model::LegId;
use model::leg::{LegOrder, Refusal};
use model::sound::Codec;
use model::srtp::SrtpPolicy;
use model::trunk::Trunk;
use neighbours::Neighbours;
use ports::carrier::IncomingRef;
use ports::{
    Carrier, CarrierError, Ceiling, Clock, Dial, InboundCalls, LegSink, MediaPlane, PersonaCall, Route,
    Sandbox, Timeline, Tts,
};
use sip::message::uri::escape_user;
use sip::{CallKey, Hop, Party};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The header by which both sides of the sandbox know which call of the server they are in.
const CALL_HEADER: &str = "X-Lyrebird-Call";

/// What the sandbox carrier is told once.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// A persona network of another process, on loopback; none starts one within this process.
    pub network: Option<SocketAddr>,
    /// User-Agent of the calling side.
    pub user_agent: String,
    /// Most calls at one time.
    pub calls_max: Ceiling,
    /// After so long without any packet of sound on a connected leg it is reported silent.
    pub silence_limit: Option<Duration>,
    /// Where what is heard is kept; none: nowhere.
    pub heard: Option<HeardConfig>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            network: None,
            user_agent: concat!("Lyrebird/", env!("CARGO_PKG_VERSION"), " (sandbox)").to_owned(),
            calls_max: Ceiling::new(2_000),
            silence_limit: Some(Duration::from_secs(60)),
            heard: None,
        }
    }
}

/// The carrier of test calls.
pub struct SandboxCarrier {
    exchange: Exchange,
    /// A loopback address, checked when the carrier starts; nothing else is ever dialled.
    network: SocketAddr,
    /// The network of this process: whoever is called, unless that is another's; and whoever calls.
    own: Arc<PersonaNetwork>,
    door: Arc<SandboxDoor>,
    silence_limit: Option<Duration>,
    heard: Option<Arc<Heard>>,
    clock: Arc<dyn Clock>,
}

impl SandboxCarrier {
    /// Starts the calling side, and a persona network unless the configuration names one.
    pub async fn start(
        config: SandboxConfig,
        media: Arc<dyn MediaPlane>,
        tts: Arc<dyn Tts>,
        timeline: Arc<dyn Timeline>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        let elsewhere = config.network.map(loopback).transpose()?;
        let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let heard = open_heard(config.heard, &media)?;
        let own =
            PersonaNetwork::start_hearing(bind, Arc::clone(&media), tts, Arc::clone(&clock), heard.clone())?;
        let network = elsewhere.unwrap_or_else(|| own.local_addr());
        let bind: IpAddr =
            if network.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let agent = AgentConfig {
            calls_max: config.calls_max.clone(),
            calls_per_source_max: config.calls_max.clone(),
            loopback_only: true,
            ..AgentConfig::new("sandbox", SocketAddr::new(bind, 0), &config.user_agent)
        };
        let table = LegTable::new(config.calls_max.clone());
        let silence_limit = config.silence_limit;
        let door = Arc::new(SandboxDoor {
            network: network.ip(),
            silence_limit,
            table: Arc::clone(&table),
            timeline: Arc::clone(&timeline),
            ordered: OrderedCalls::new(config.calls_max),
            inbound: OnceLock::new(),
            carrier: OnceLock::new(),
        });
        let as_door: Arc<dyn Door> = Arc::<SandboxDoor>::clone(&door);
        let exchange = Exchange::start(agent, table, as_door, media, Some(timeline), Arc::clone(&clock))?;
        let carrier = Arc::new(Self { exchange, network, own, door, silence_limit, heard, clock });
        // Set once, here.
        let _ = carrier.door.carrier.set(Arc::downgrade(&carrier));
        Ok(carrier)
    }

    /// Who takes the calls of personas from now on. Only the first one counts.
    pub fn attach(&self, inbound: Arc<dyn InboundCalls>) {
        if self.door.inbound.set(inbound).is_err() {
            tracing::warn!("the calls of personas have their taker already");
        }
    }

    /// Where the personas listen.
    pub const fn network_addr(&self) -> SocketAddr {
        self.network
    }

    /// What the SIP user agent of the calling side has done.
    pub fn figures(&self) -> AgentFigures {
        self.exchange.figures()
    }

    /// The same sink, with an ear beside it.
    fn listening(&self, leg: LegId, party: ports::Party, sink: Arc<dyn LegSink>) -> Arc<dyn LegSink> {
        let ear = self.heard.as_ref().and_then(|heard| heard.ear(leg.call, party, leg, self.clock.as_ref()));
        match ear {
            Some(ear) => Arc::new(ListeningSink::new(sink, ear)),
            None => sink,
        }
    }
}

#[async_trait::async_trait]
impl Carrier for SandboxCarrier {
    async fn dial(&self, dial: Dial) -> Result<(), CarrierError> {
        let Route::Sandbox(settings) = &dial.route else { return Err(CarrierError::WrongRoute) };
        let seat = self.exchange.sit(dial.leg)?;
        let mut headers = vec![(CALL_HEADER.to_owned(), dial.leg.call.to_string())];
        headers.extend(settings.to_header().map(|json| (persona::HEADER.to_owned(), json)));
        let placing = Placing {
            targets: vec![Target::to(Hop::udp(self.network))],
            guide: Some(Arc::new(Neighbours { network: self.network })),
            to_uri: format!("sip:{}@{}", escape_user(dial.to.expose()), self.network),
            from: Party {
                display: None,
                user: dial.from.expose().clone(),
                host: self.exchange.local_addr().to_string(),
            },
            credentials: Some(gate::credentials()),
            headers,
            session_timers: None,
            ring_timeout: Duration::from_millis(dial.ring_timeout_ms.into()),
            profile: Profile {
                sound: sound_policy(self.silence_limit),
                permit: None,
                transfers: TransferRules { host: self.network.to_string(), follows: false },
                line: Line::Closed,
            },
        };
        let sink = self.listening(dial.leg, ports::Party::Caller, dial.sink);
        self.exchange.place(seat, dial.leg, &sink, placing).await
    }

    fn order(&self, leg: LegId, order: LegOrder) -> Result<(), CarrierError> {
        self.exchange.order(leg, &order)
    }

    fn adopt(&self, incoming: IncomingRef, leg: LegId, sink: Arc<dyn LegSink>) -> Result<(), CarrierError> {
        let sink = self.listening(leg, ports::Party::Callee, sink);
        self.exchange.adopt(CallKey(incoming.0), leg, &sink)
    }

    fn refuse(&self, incoming: IncomingRef, refusal: Refusal) {
        self.exchange.refuse(CallKey(incoming.0), refusal);
    }

    /// Trunks are none of the sandbox's business.
    async fn configure(&self, _trunks: Vec<Arc<Trunk>>) {}
}

#[async_trait::async_trait]
impl Sandbox for SandboxCarrier {
    async fn call_from_persona(&self, call: PersonaCall) -> Result<(), CarrierError> {
        let ticket = self.door.ordered.order(call.call)?;
        self.own.call(call, self.exchange.local_addr(), ticket).await
    }
}

fn open_heard(
    config: Option<HeardConfig>,
    media: &Arc<dyn MediaPlane>,
) -> Result<Option<Arc<Heard>>, StartError> {
    let Some(config) = config else { return Ok(None) };
    let dir = config.dir.clone();
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| StartError::Seed(error.to_string()))?;
    let heard = Heard::open(config, Arc::clone(media), u64::from_ne_bytes(seed));
    heard.map(Some).map_err(|error| StartError::Heard { dir, reason: error.to_string() })
}

fn loopback(address: SocketAddr) -> Result<SocketAddr, StartError> {
    if address.ip().to_canonical().is_loopback() {
        Ok(address)
    } else {
        Err(StartError::NotLoopback(address))
    }
}

/// The sound of both sides of the sandbox.
fn sound_policy(silence_limit: Option<Duration>) -> SoundPolicy {
    SoundPolicy {
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        prefer_ours: false,
        silence_limit,
        advertised: None,
        telephone_events: true,
        loopback_only: true,
        srtp: SrtpPolicy::Off,
    }
}
