//! The sandbox: a telephone network of personas on loopback, and the carrier that reaches it and nothing else.

use crate::StartError;
use model::LegId;
use model::leg::{LegOrder, Refusal};
use model::trunk::Trunk;
use ports::carrier::IncomingRef;
use ports::{Carrier, CarrierError, Clock, Dial, LegSink, MediaPlane, Timeline, Tts};
use std::net::SocketAddr;
use std::sync::Arc;

/// What the sandbox carrier is told once.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// A persona network of another process, on loopback; none starts one within this process.
    pub network: Option<SocketAddr>,
    /// User-Agent of the calling side.
    pub user_agent: String,
    /// Most calls at one time.
    pub calls_max: usize,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            network: None,
            user_agent: concat!("Lyrebird/", env!("CARGO_PKG_VERSION"), " (sandbox)").to_owned(),
            calls_max: 2_000,
        }
    }
}

/// The carrier of test calls.
pub struct SandboxCarrier {
    network: SocketAddr,
}

impl SandboxCarrier {
    /// Starts the calling side, and a persona network unless the configuration names one.
    pub async fn start(
        config: SandboxConfig,
        _media: Arc<dyn MediaPlane>,
        _tts: Arc<dyn Tts>,
        _timeline: Arc<dyn Timeline>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        let network = config.network.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        Ok(Arc::new(Self { network }))
    }

    /// Where the personas listen.
    pub const fn network_addr(&self) -> SocketAddr {
        self.network
    }
}

#[async_trait::async_trait]
impl Carrier for SandboxCarrier {
    async fn dial(&self, _dial: Dial) -> Result<(), CarrierError> {
        Err(CarrierError::WrongRoute)
    }

    fn order(&self, _leg: LegId, _order: LegOrder) -> Result<(), CarrierError> {
        Err(CarrierError::UnknownLeg)
    }

    fn adopt(
        &self,
        _incoming: IncomingRef,
        _leg: LegId,
        _sink: Arc<dyn LegSink>,
    ) -> Result<(), CarrierError> {
        Err(CarrierError::UnknownLeg)
    }

    fn refuse(&self, _incoming: IncomingRef, _refusal: Refusal) {}

    async fn configure(&self, _trunks: Vec<Arc<Trunk>>) {}
}

/// The personas: a SIP user agent on loopback that plays whoever is dialled.
pub struct PersonaNetwork {
    local: SocketAddr,
}

impl PersonaNetwork {
    /// Starts the network at a loopback address; port 0 picks a free one.
    pub async fn start(
        bind: SocketAddr,
        _media: Arc<dyn MediaPlane>,
        _tts: Arc<dyn Tts>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        Ok(Arc::new(Self { local: bind }))
    }

    /// Where the personas listen.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }
}
