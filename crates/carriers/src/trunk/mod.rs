//! SIP trunks: legs to and from real carriers over UDP.

use crate::StartError;
use model::LegId;
use model::leg::{LegOrder, Refusal};
use model::trunk::Trunk;
use ports::carrier::IncomingRef;
use ports::{Carrier, CarrierError, Clock, Dial, InboundCalls, LegSink, MediaPlane, Timeline};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What the trunk carrier is told once.
#[derive(Debug, Clone)]
pub struct TrunkConfig {
    /// Where SIP is spoken, e.g. `0.0.0.0:5060`; port 0 picks a free one.
    pub bind: SocketAddr,
    /// The address that peers reach us at, where it is not the local one (behind 1:1 address translation): stands
    /// in Via, Contact and in descriptions of sound. None: the local address of the route to each peer.
    pub advertised: Option<IpAddr>,
    /// User-Agent and Server.
    pub user_agent: String,
    /// Most calls at one time, over all trunks, both directions.
    pub calls_max: usize,
    /// After so long without any packet of sound on a connected leg it is reported silent.
    pub silence_limit: Option<Duration>,
}

impl TrunkConfig {
    /// The usual trunk carrier at this address.
    pub fn new(bind: SocketAddr) -> Self {
        Self {
            bind,
            advertised: None,
            user_agent: concat!("Lyrebird/", env!("CARGO_PKG_VERSION")).to_owned(),
            calls_max: 10_000,
            silence_limit: Some(Duration::from_secs(60)),
        }
    }
}

/// The carrier of all trunks: one socket, one SIP endpoint.
pub struct TrunkCarrier {
    local: SocketAddr,
}

impl TrunkCarrier {
    /// Binds the socket and begins to serve. Incoming calls are refused until [`Self::attach`].
    pub async fn start(
        config: TrunkConfig,
        _media: Arc<dyn MediaPlane>,
        _timeline: Arc<dyn Timeline>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        Ok(Arc::new(Self { local: config.bind }))
    }

    /// Where SIP is spoken.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Who takes incoming calls from now on. Only the first one counts.
    pub fn attach(&self, _inbound: Arc<dyn InboundCalls>) {}
}

#[async_trait::async_trait]
impl Carrier for TrunkCarrier {
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
