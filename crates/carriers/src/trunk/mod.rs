//! SIP trunks: legs to and from real carriers and to phones that registered here, paced and counted as each trunk allows. Must not know apps,
//! flows, or the sandbox.

mod avoided;
mod dns;
mod door;
mod hosts;
mod lines;
mod pace;
mod phones;
mod places;
mod register;
mod registrations;
mod sessions;

use crate::StartError;
use crate::agent::counters::AgentFigures;
use crate::agent::tls::TlsFiles;
use crate::agent::{AgentConfig, Door, seed};
use crate::leg::attempts::Target;
use crate::leg::exchange::{Exchange, Placing, withdrawn};
use crate::leg::sound::SoundPolicy;
use crate::leg::table::LegTable;
use crate::leg::transfer::TransferRules;
use crate::leg::{Line, Profile};
use crate::phones::{PhoneDigest, Phones};
use avoided::Avoided;
use dns::Dns;
use door::TrunkDoor;
use hosts::{Sockets, TrunkGuide};
use lines::Lines;
use model::endpoint::PhoneEndpoint;
use model::leg::{LegOrder, Refusal};
use model::session::SessionPolicy;
use model::trunk::{CodecPreference, RegistrationStatus, TransferPolicy, Trunk};
use model::{LegId, TrunkId};
use pace::Place;
use ports::carrier::{Handover, IncomingRef, PhoneRegistration};
use ports::store::EndpointStore;
use ports::{
    Carrier, CarrierError, Ceiling, Clock, Dial, InboundCalls, LegSink, MediaPlane, Route, Timeline,
};
use registrations::Registrations;
use sip::message::uri::escape_user;
use sip::{CallKey, Credentials, Party};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

/// How often the hosts of trunks are looked up again, for the calls that come from them.
const REFRESH_EACH: Duration = Duration::from_secs(60);
/// Hosts that are looked up at one time.
const LOOK_UPS_MAX: usize = 32;

/// What the trunk carrier is told once.
#[derive(Debug, Clone)]
pub struct TrunkConfig {
    /// Where SIP is spoken over UDP, e.g. `0.0.0.0:5060`; port 0 picks a free one.
    pub bind: SocketAddr,
    /// Where to listen for TCP, if anywhere; port 0: the port of UDP.
    pub tcp: Option<SocketAddr>,
    /// Where to listen for TLS, if anywhere; port 0 picks a free one.
    pub tls: Option<SocketAddr>,
    /// Certificates.
    pub tls_files: TlsFiles,
    /// The address that peers reach us at, where it is not the local one (behind 1:1 address translation): stands
    /// in Via, Contact and in descriptions of sound. None: the bound address; where that is none in particular, the
    /// local address of the route to each peer.
    pub advertised: Option<IpAddr>,
    /// User-Agent and Server.
    pub user_agent: String,
    /// By which hashes phones may prove who they are.
    pub phone_digest: PhoneDigest,
    /// How long sessions live without a sign of life, where a trunk does not say.
    pub session: SessionPolicy,
    /// Name servers to ask; none: those of the system.
    pub nameservers: Vec<SocketAddr>,
    /// Most calls at one time, over all trunks, both directions.
    pub calls_max: Ceiling,
    /// Most of them that may come from one address.
    pub calls_per_source_max: Ceiling,
    /// After so long without any packet of sound on a connected leg it is reported silent.
    pub silence_limit: Option<Duration>,
}

impl TrunkConfig {
    /// The usual trunk carrier at this address.
    pub fn new(bind: SocketAddr) -> Self {
        Self {
            bind,
            tcp: None,
            tls: None,
            tls_files: TlsFiles::default(),
            advertised: None,
            user_agent: concat!("Lyrebird/", env!("CARGO_PKG_VERSION")).to_owned(),
            phone_digest: PhoneDigest::default(),
            session: SessionPolicy::default(),
            nameservers: Vec::new(),
            calls_max: Ceiling::new(10_000),
            calls_per_source_max: Ceiling::new(10_000),
            silence_limit: Some(Duration::from_secs(60)),
        }
    }
}

/// The carrier of all trunks: one socket, one SIP endpoint.
pub struct TrunkCarrier {
    config: TrunkConfig,
    exchange: Exchange,
    lines: Arc<Lines>,
    registrations: Arc<Registrations>,
    ordering: tokio::sync::Mutex<register::Ordering>,
    phones: Arc<Phones>,
    /// Where phones' places are kept across a restart, if anywhere.
    kept_in: OnceLock<Arc<dyn EndpointStore>>,
    dns: Dns,
    avoided: Arc<Avoided>,
    door: Arc<TrunkDoor>,
    clock: Arc<dyn Clock>,
}

impl TrunkCarrier {
    /// Binds the socket and begins to serve. Incoming calls are refused until [`Self::attach`].
    pub async fn start(
        config: TrunkConfig,
        media: Arc<dyn MediaPlane>,
        timeline: Arc<dyn Timeline>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        let lines = Arc::new(Lines::default());
        let registrations = Arc::new(Registrations::default());
        let phones = Arc::new(Phones::new(seed()?, config.phone_digest));
        let table = LegTable::new(config.calls_max.clone());
        let door = Arc::new(TrunkDoor {
            config: config.clone(),
            lines: Arc::clone(&lines),
            registrations: Arc::clone(&registrations),
            phones: Arc::clone(&phones),
            proved: Mutex::default(),
            clock: Arc::clone(&clock),
            table: Arc::clone(&table),
            timeline: Arc::clone(&timeline),
            inbound: OnceLock::new(),
            carrier: OnceLock::new(),
        });
        let agent = AgentConfig {
            tcp: config.tcp,
            tls: config.tls,
            tls_files: config.tls_files.clone(),
            advertised: config.advertised,
            calls_max: config.calls_max.clone(),
            calls_per_source_max: config.calls_per_source_max.clone(),
            session_timers: sessions::timers(config.session, SessionPolicy::default()),
            hands_over: true,
            ..AgentConfig::new("trunks", config.bind, &config.user_agent)
        };
        let as_door: Arc<dyn Door> = Arc::<TrunkDoor>::clone(&door);
        let exchange = Exchange::start(agent, table, as_door, media, Some(timeline), Arc::clone(&clock))?;
        let (dns, avoided) = (Dns::new(&config.nameservers), Arc::default());
        let ordering = tokio::sync::Mutex::default();
        let carrier = Arc::new(Self {
            config,
            exchange,
            lines,
            registrations,
            ordering,
            phones,
            kept_in: OnceLock::new(),
            dns,
            avoided,
            door,
            clock,
        });
        // Set once, here.
        let _ = carrier.door.carrier.set(Arc::downgrade(&carrier));
        tokio::spawn(refresh(Arc::downgrade(&carrier)));
        Ok(carrier)
    }

    /// Where SIP is spoken.
    pub fn local_addr(&self) -> SocketAddr {
        self.exchange.local_addr()
    }

    /// Whether SIP is being spoken: the socket is bound and its task runs.
    pub fn is_running(&self) -> bool {
        self.exchange.is_running()
    }

    /// Where SIP is spoken over TLS.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.exchange.tls_addr()
    }

    /// Reads the certificates again: connections made from now on use them. What was read before stays in use if that
    /// fails.
    pub fn reload(&self) -> Result<(), StartError> {
        self.exchange.agent().reload()
    }

    /// What the SIP user agent has done.
    pub fn figures(&self) -> AgentFigures {
        self.exchange.figures()
    }

    /// Who takes incoming calls from now on. Only the first one counts.
    pub fn attach(&self, inbound: Arc<dyn InboundCalls>) {
        if self.door.inbound.set(inbound).is_err() {
            tracing::warn!("incoming calls have their taker already");
        }
    }

    /// Waits for the call's place in time and finds the trunk's hosts.
    async fn prepare(&self, trunk: &Trunk, paced: bool) -> Result<Vec<Target>, CarrierError> {
        if !paced {
            self.wait_for_pace(trunk).await?;
        }
        self.targets(trunk).await
    }

    async fn wait_for_pace(&self, trunk: &Trunk) -> Result<(), CarrierError> {
        let wait = self.lines.meter(trunk.id).wait(trunk.calls_per_second_max, self.clock.now());
        let wait = wait.ok_or(CarrierError::Full)?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// The hosts of a trunk in the order in which they are to be tried; never empty.
    async fn targets(&self, trunk: &Trunk) -> Result<Vec<Target>, CarrierError> {
        let now = self.clock.now();
        let targets = hosts::targets(trunk, self.sockets(), &self.dns, &self.avoided, now).await?;
        let addresses: Vec<_> = targets.iter().map(|target| target.hop.address).collect();
        self.lines.found(trunk.id, &addresses);
        Ok(targets)
    }

    fn sockets(&self) -> Sockets {
        let (local, tls) = (self.local_addr().ip(), self.tls_addr().is_some());
        Sockets { local, tcp: self.config.tcp.is_some(), tls }
    }

    async fn dial_phone(&self, dial: &Dial, phone: &PhoneEndpoint) -> Result<(), CarrierError> {
        let seat = self.exchange.sit(dial.leg)?;
        let targets = self.phones.targets(phone, self.clock.now());
        let unregistered = || CarrierError::Unregistered { name: phone.username.clone() };
        let placing = phones::placing(&self.config, dial, phone.app, targets).ok_or_else(unregistered)?;
        self.exchange.place(seat, dial.leg, &dial.sink, placing).await
    }

    /// Looks up the hosts of all trunks, some at a time.
    async fn look_up(self: &Arc<Self>) {
        let mut waiting = self.lines.all().into_iter();
        let mut running = tokio::task::JoinSet::new();
        loop {
            while running.len() < LOOK_UPS_MAX
                && let Some(trunk) = waiting.next()
            {
                let carrier = Arc::clone(self);
                running.spawn(async move { carrier.targets(&trunk).await.map_err(|error| (trunk, error)) });
            }
            match running.join_next().await {
                None => return,
                Some(Ok(Ok(_))) => {}
                Some(Ok(Err((trunk, error)))) => {
                    tracing::warn!(trunk = %trunk.name, %error, "a trunk cannot be reached");
                }
                Some(Err(error)) => tracing::warn!(%error, "a look-up of a trunk's host broke"),
            }
        }
    }
}

#[async_trait::async_trait]
impl Carrier for TrunkCarrier {
    async fn pace(&self, route: &Route) -> Result<(), CarrierError> {
        let Route::Trunk(trunk) = route else { return Ok(()) };
        // A call that finds no place needs none in time either.
        if self.lines.meter(trunk.id).calls() >= usize::from(trunk.concurrent_calls_max) {
            return Err(CarrierError::Full);
        }
        self.wait_for_pace(trunk).await
    }

    async fn dial(&self, dial: Dial) -> Result<(), CarrierError> {
        let trunk = match &dial.route {
            Route::Trunk(trunk) => trunk,
            Route::Phone(phone) => return self.dial_phone(&dial, phone).await,
            Route::Sandbox(_) => return Err(CarrierError::WrongRoute),
        };
        let seat = self.exchange.sit(dial.leg)?;
        let place = self.lines.enter(trunk).ok_or(CarrierError::Full)?;
        let prepared = tokio::select! {
            biased;
            () = seat.withdrawn() => None,
            prepared = self.prepare(trunk, dial.paced) => Some(prepared?),
        };
        let Some(targets) = prepared else {
            drop((seat, place));
            withdrawn(dial.leg, dial.sink.as_ref());
            return Ok(());
        };
        let (trunk, avoided) = (Arc::clone(trunk), Arc::clone(&self.avoided));
        let guide = TrunkGuide { trunk, avoided, targets };
        let placing = placing(&self.config, guide, &dial, place);
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

    fn release(&self, handover: Handover) {
        match serde_json::from_slice(&handover.0) {
            Ok(snapshot) => self.exchange.agent().release(snapshot),
            Err(error) => tracing::warn!(%error, "what a dead process left of a call cannot be read"),
        }
    }

    async fn admit_phones(&self, phones: Vec<Arc<PhoneEndpoint>>) {
        self.phones.admit(phones, self.clock.now());
    }

    fn registrations(&self, phone: &PhoneEndpoint) -> Vec<PhoneRegistration> {
        self.phones.registrations(phone, self.clock.now())
    }

    /// Addresses count at once; names are looked up meanwhile.
    async fn configure(&self, trunks: Vec<Arc<Trunk>>) {
        self.lines.replace(trunks);
        for trunk in self.lines.all() {
            if let Some(address) = hosts::literal(&trunk.host) {
                self.lines.found(trunk.id, &[SocketAddr::new(address, 0)]);
            }
        }
        if let Some(carrier) = self.door.carrier.get().and_then(Weak::upgrade) {
            tokio::spawn(async move {
                carrier.keep_registrations().await;
                carrier.look_up().await;
            });
        }
    }

    fn registration(&self, trunk: TrunkId) -> Option<RegistrationStatus> {
        self.registrations.status(trunk)
    }
}

fn placing(config: &TrunkConfig, guide: TrunkGuide, dial: &Dial, place: Place) -> Placing {
    let (trunk, targets) = (Arc::clone(&guide.trunk), guide.targets.clone());
    let host = hosts::uri_host(&trunk.host, trunk.port);
    Placing {
        guide: Some(Arc::new(guide)),
        targets,
        to_uri: format!("sip:{}@{host}", escape_user(dial.to.expose())),
        from: Party { display: None, user: dial.from.expose().clone(), host },
        credentials: digest_credentials(&trunk),
        headers: Vec::new(),
        session_timers: Some(sessions::timers(config.session, trunk.session)),
        ring_timeout: Duration::from_millis(dial.ring_timeout_ms.into()),
        profile: profile(config, &trunk, place),
    }
}

fn digest_credentials(trunk: &Trunk) -> Option<Credentials> {
    trunk.credentials.as_ref().map(|known| Credentials {
        username: known.username.clone(),
        password: known.password.expose().clone(),
        realm: None,
    })
}

/// How a leg over this trunk behaves.
fn profile(config: &TrunkConfig, trunk: &Trunk, place: Place) -> Profile {
    let sound = SoundPolicy {
        codecs: trunk.codecs.clone(),
        prefer_ours: trunk.codec_preference == CodecPreference::Ours,
        silence_limit: config.silence_limit,
        advertised: config.advertised,
        telephone_events: true,
        loopback_only: false,
        srtp: trunk.srtp,
    };
    let host = hosts::uri_host(&trunk.host, trunk.port);
    let transfers = TransferRules { host, follows: trunk.transfers == TransferPolicy::Follow };
    Profile { sound, permit: Some(Box::new(place)), transfers, line: Line::Trunk(trunk.id) }
}

/// Keeps the addresses of trunks fresh until the carrier is gone.
async fn refresh(carrier: Weak<TrunkCarrier>) {
    loop {
        tokio::time::sleep(REFRESH_EACH).await;
        let Some(carrier) = carrier.upgrade() else { return };
        carrier.look_up().await;
        carrier.register_unasked().await;
    }
}
