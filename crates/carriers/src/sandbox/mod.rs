//! The sandbox: a telephone network of personas on loopback, and the carrier that reaches it and nothing else. Must
//! not know trunks.

mod gate;
mod host;
mod network;
mod voice;

pub use network::PersonaNetwork;

use crate::StartError;
use crate::agent::budget::BudgetConfig;
use crate::agent::counters::AgentFigures;
use crate::agent::{AgentConfig, Door};
use crate::leg::exchange::{Exchange, Placing};
use crate::leg::sound::SoundPolicy;
use crate::leg::table::LegTable;
use crate::leg::{Leg, Profile};
use model::LegId;
use model::leg::{LegOrder, Refusal};
use model::sound::Codec;
use model::trunk::Trunk;
use persona::Settings;
use ports::carrier::IncomingRef;
use ports::{Carrier, CarrierError, Clock, Dial, LegSink, MediaPlane, Route, Timeline, Tts};
use sip::message::uri::escape_user;
use sip::{CallKey, IncomingCall, Party, Rejection};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What the sandbox carrier is told once.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// A persona network of another process, on loopback; none starts one within this process.
    pub network: Option<SocketAddr>,
    /// User-Agent of the calling side.
    pub user_agent: String,
    /// Most calls at one time.
    pub calls_max: usize,
    /// After so long without any packet of sound on a connected leg it is reported silent.
    pub silence_limit: Option<Duration>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            network: None,
            user_agent: concat!("Lyrebird/", env!("CARGO_PKG_VERSION"), " (sandbox)").to_owned(),
            calls_max: 2_000,
            silence_limit: Some(Duration::from_secs(60)),
        }
    }
}

/// The carrier of test calls.
pub struct SandboxCarrier {
    exchange: Exchange,
    /// A loopback address, checked when the carrier starts; nothing else is ever dialled.
    network: SocketAddr,
    /// The network of this process, if it is not another's.
    _own: Option<Arc<PersonaNetwork>>,
    silence_limit: Option<Duration>,
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
        let (network, own) = match config.network {
            Some(network) => (loopback(network)?, None),
            None => {
                let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let own = PersonaNetwork::start(bind, Arc::clone(&media), tts, Arc::clone(&clock)).await?;
                (own.local_addr(), Some(own))
            }
        };
        let bind: IpAddr =
            if network.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let agent = AgentConfig {
            bind: SocketAddr::new(bind, 0),
            advertised: None,
            user_agent: config.user_agent,
            calls_max: config.calls_max,
            loopback_only: true,
            automatic_trying: true,
            trace: true,
            budget: BudgetConfig::default(),
        };
        let table = LegTable::new(config.calls_max);
        let door: Arc<dyn Door> = Arc::new(ShutDoor { network: network.ip() });
        let exchange = Exchange::start(agent, table, door, media, Some(timeline), clock)?;
        Ok(Arc::new(Self { exchange, network, _own: own, silence_limit: config.silence_limit }))
    }

    /// Where the personas listen.
    pub const fn network_addr(&self) -> SocketAddr {
        self.network
    }

    /// What the SIP user agent of the calling side has done.
    pub fn figures(&self) -> AgentFigures {
        self.exchange.figures()
    }
}

#[async_trait::async_trait]
impl Carrier for SandboxCarrier {
    async fn dial(&self, dial: Dial) -> Result<(), CarrierError> {
        let Route::Sandbox(metadata) = &dial.route else { return Err(CarrierError::WrongRoute) };
        let settings =
            Settings::from_metadata(metadata).map_err(|error| CarrierError::Resources(error.to_string()))?;
        let seat = self.exchange.sit(dial.leg)?;
        let headers = settings.to_header().map(|json| (persona::HEADER.to_owned(), json));
        let placing = Placing {
            peer: self.network,
            to_uri: format!("sip:{}@{}", escape_user(dial.to.expose()), self.network),
            from: Party {
                display: None,
                user: dial.from.expose().clone(),
                host: self.exchange.local_addr().to_string(),
            },
            credentials: Some(gate::credentials()),
            headers: headers.into_iter().collect(),
            ring_timeout: Duration::from_millis(dial.ring_timeout_ms.into()),
            profile: Profile { sound: sound_policy(self.silence_limit), permit: None },
        };
        self.exchange.place(seat, dial.leg, &dial.sink, placing).await
    }

    fn order(&self, leg: LegId, order: LegOrder) -> Result<(), CarrierError> {
        self.exchange.order(leg, &order)
    }

    fn adopt(&self, incoming: IncomingRef, leg: LegId, sink: Arc<dyn LegSink>) -> Result<(), CarrierError> {
        self.exchange.adopt(CallKey(incoming.0), leg, &sink)
    }

    fn refuse(&self, incoming: IncomingRef, refusal: Refusal) {
        self.exchange.refuse(CallKey(incoming.0), refusal);
    }

    /// Trunks are none of the sandbox's business.
    async fn configure(&self, _trunks: Vec<Arc<Trunk>>) {}
}

/// The calling side takes no calls.
struct ShutDoor {
    network: IpAddr,
}

impl Door for ShutDoor {
    fn admits(&self, source: IpAddr) -> bool {
        source == self.network
    }

    fn incoming(&self, _key: CallKey, _call: &IncomingCall) -> Result<Leg, Rejection> {
        Err(Rejection::with_code(403))
    }

    fn arrived(&self, _key: CallKey, _call: IncomingCall) {}
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
        silence_limit,
        advertised: None,
        telephone_events: true,
        loopback_only: true,
    }
}
