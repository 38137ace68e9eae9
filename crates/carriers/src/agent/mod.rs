//! The SIP user agent: one task that owns one [`sip::Endpoint`], the sockets it speaks through, and the legs on it.
//! Orders come in through a bounded queue; what happens goes to the leg it happens to. Must not know what calls are
//! for.

pub(crate) mod budget;
pub(crate) mod counters;
mod farewells;
mod gate;
mod peer_names;
mod registrations;
mod run;
pub(crate) mod socket;
mod streams;
pub(crate) mod tls;
mod traces;

use crate::StartError;
use crate::leg::{Command, Leg, Line};
use budget::{BudgetConfig, Standing};
use counters::{AgentFigures, Counters};
use farewells::Farewells;
use ports::{Ceiling, Clock};
pub(crate) use registrations::RegistrationNews;
pub(crate) use run::seed;
use run::{Ground, serve};
use sip::{
    CallKey, DialogSnapshot, EndpointConfig, Hop, IncomingCall, OrderError, OutgoingCall, Rejection,
    Transport,
};
use sip::{IncomingRegister, RegisterOutcome, Registration, RegistrationKey, SessionTimers};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use streams::{StreamLimits, listen};
use tls::{Tls, TlsFiles};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

/// Orders that may wait.
const ORDERS_MAX: usize = 4_096;
/// Connections that may wait to be looked at.
const ACCEPTED_MAX: usize = 64;

/// What a user agent is told once.
#[derive(Debug, Clone)]
pub(crate) struct AgentConfig {
    /// Stands beside its figures.
    pub(crate) name: &'static str,
    /// Where to speak SIP over UDP; port 0 picks a free one.
    pub(crate) bind: SocketAddr,
    /// Where to listen for TCP, if anywhere; port 0: the port of UDP.
    pub(crate) tcp: Option<SocketAddr>,
    /// Where to listen for TLS, if anywhere; port 0 picks a free one.
    pub(crate) tls: Option<SocketAddr>,
    /// Certificates.
    pub(crate) tls_files: TlsFiles,
    /// The address that stands in Via and Contact instead of the local one.
    pub(crate) advertised: Option<IpAddr>,
    /// User-Agent and Server.
    pub(crate) user_agent: String,
    /// Most calls at one time.
    pub(crate) calls_max: Ceiling,
    /// Most of them that may come from one source.
    pub(crate) calls_per_source_max: Ceiling,
    /// Nothing is sent to any address that is not loopback.
    pub(crate) loopback_only: bool,
    /// Whether legs hand over what lets go of their far sides, should this process die.
    pub(crate) hands_over: bool,
    /// How long sessions live unrefreshed, where nothing else is said.
    pub(crate) session_timers: SessionTimers,
    /// Whether each call hears 100 at once; else its leg says so itself.
    pub(crate) automatic_trying: bool,
    /// Whether legs hear of each message, for a timeline.
    pub(crate) trace: bool,
    /// What sources may send.
    pub(crate) budget: BudgetConfig,
    /// What connections may take.
    pub(crate) streams: StreamLimits,
}

impl AgentConfig {
    /// The usual agent: UDP alone, at this address.
    pub(crate) fn new(name: &'static str, bind: SocketAddr, user_agent: &str) -> Self {
        Self {
            name,
            bind,
            tcp: None,
            tls: None,
            tls_files: TlsFiles::default(),
            advertised: None,
            user_agent: user_agent.to_owned(),
            calls_max: Ceiling::new(10_000),
            calls_per_source_max: Ceiling::new(10_000),
            loopback_only: false,
            hands_over: false,
            session_timers: SessionTimers::default(),
            automatic_trying: true,
            trace: false,
            budget: BudgetConfig::default(),
            streams: StreamLimits::default(),
        }
    }

    /// Our port, where neither the configuration nor the bound address says what peers reach us at.
    fn named_by_route(&self) -> Option<u16> {
        (self.advertised.is_none() && self.bind.ip().is_unspecified()).then_some(self.bind.port())
    }
}

/// Decides about calls that arrive. Called within the agent's task: never waits.
pub(crate) trait Door: Send + Sync {
    /// Who is there. Requests of strangers outside of any call are dropped without an answer.
    fn standing(&self, source: IpAddr) -> Standing;

    /// A call arrived: the leg that carries it, or how it is refused.
    fn incoming(&self, key: CallKey, call: &IncomingCall) -> Result<Leg, Rejection>;

    /// Whether a call may take the place of one on this line (RFC 3891), or how it is refused.
    fn may_take_over(&self, _call: &IncomingCall, _line: Line) -> Result<(), Rejection> {
        Err(Rejection::with_code(403))
    }

    /// The leg stands: somebody may be told of the call.
    fn arrived(&self, key: CallKey, call: IncomingCall);

    /// How long sessions live unrefreshed of calls that come from there; none: as all others.
    fn session_timers(&self, _source: IpAddr) -> Option<SessionTimers> {
        None
    }

    /// Whether strangers may register here.
    fn is_registrar(&self) -> bool {
        false
    }

    /// A phone wants to register.
    fn register(&self, _register: &IncomingRegister) -> RegisterOutcome {
        RegisterOutcome::Refuse { code: 405, retry_after_secs: None }
    }

    /// The connection of this hop is over.
    fn closed(&self, _hop: Hop) {}

    /// Something became of a registration that was ordered.
    fn registration(&self, _key: RegistrationKey, _news: RegistrationNews) {}

    /// The agent broke and begins anew: it knows no call and no registration any more.
    fn restarted(&self) {}
}

/// What the task is asked to do.
pub(crate) enum AgentOrder {
    /// Place a call.
    Place { leg: Box<Leg>, call: Box<OutgoingCall>, taken: oneshot::Sender<Result<(), OrderError>> },
    /// Give a leg a command.
    Tell { key: CallKey, command: Command },
    /// Keep a registration; over TLS the registrar proves this name.
    Register { key: RegistrationKey, registration: Box<Registration>, name: Option<Arc<str>> },
    /// Hang up a call that a dead process left behind.
    Release { snapshot: Box<DialogSnapshot> },
    /// End a registration.
    Unregister { key: RegistrationKey },
}

/// The agent could not take an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AgentError {
    /// Too many orders wait.
    #[error("the SIP user agent has too many orders waiting")]
    Busy,
    /// Its task is gone.
    #[error("the SIP user agent has stopped")]
    Stopped,
    /// The endpoint refused the call.
    #[error("{0}")]
    Refused(#[from] OrderError),
}

/// A place in the queue of orders.
pub(crate) struct OrderPlace<'a>(mpsc::Permit<'a, AgentOrder>);

/// The handle of a user agent. Its task ends with it.
pub(crate) struct SipAgent {
    orders: mpsc::Sender<AgentOrder>,
    farewells: Arc<Farewells>,
    local: SocketAddr,
    tls_local: Option<SocketAddr>,
    tls: Arc<Tls>,
    counters: Arc<Counters>,
    next_key: Arc<AtomicU64>,
}

impl SipAgent {
    /// Binds the sockets and starts the task.
    pub(crate) fn start(
        config: &AgentConfig,
        door: Arc<dyn Door>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let (socket, tcp) = bind(config)?;
        let failed =
            |error: std::io::Error| StartError::Bind { address: config.bind, reason: error.to_string() };
        let local = socket.local_addr().map_err(failed)?;
        let tls = Arc::new(Tls::load(config.tls_files.clone())?);
        let (taker, accepted) = mpsc::channel(ACCEPTED_MAX);
        if let Some(listener) = tcp {
            tokio::spawn(listen::listen(listener, Transport::Tcp, taker.clone()));
        }
        let mut tls_local = None;
        if let Some(address) = config.tls {
            let listener = listen::bind(address)?;
            tls_local = Some(listener.local_addr().map_err(failed)?);
            tokio::spawn(listen::listen(listener, Transport::Tls, taker));
        }
        let (orders, waiting) = mpsc::channel(ORDERS_MAX);
        let counters = Arc::new(Counters::new(config.name));
        let next_key = Arc::new(AtomicU64::new(1));
        let farewells = Arc::<Farewells>::default();
        let config = AgentConfig { bind: local, tls: tls_local, ..config.clone() };
        let ground = Ground {
            socket,
            orders: waiting,
            farewells: Arc::clone(&farewells),
            accepted,
            door,
            clock,
            counters: Arc::clone(&counters),
            tls: Arc::clone(&tls),
            next_key: Arc::clone(&next_key),
            endpoint: endpoint_config(&config, local),
            config,
        };
        // A seed that is not to be had must be known now.
        seed()?;
        tokio::spawn(serve(ground));
        Ok(Self { orders, farewells, local, tls_local, tls, counters, next_key })
    }

    /// Where SIP is spoken over UDP, and over TCP if at all.
    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Whether its task still takes orders.
    pub(crate) fn is_running(&self) -> bool {
        !self.orders.is_closed()
    }

    /// Where SIP is spoken over TLS.
    pub(crate) const fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls_local
    }

    /// Reads the certificates again.
    pub(crate) fn reload(&self) -> Result<(), StartError> {
        self.tls.reload()
    }

    /// What the agent has done.
    pub(crate) fn figures(&self) -> AgentFigures {
        self.counters.figures()
    }

    /// A key for a call to place.
    pub(crate) fn next_key(&self) -> CallKey {
        CallKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// Hangs up a call that a dead process left behind.
    pub(crate) fn release(&self, snapshot: DialogSnapshot) {
        if self.orders.try_send(AgentOrder::Release { snapshot: Box::new(snapshot) }).is_err() {
            tracing::warn!("a call of a dead process could not be hung up: too many orders wait");
        }
    }

    /// Waits for a place in the queue: an order put there is carried out before every later one.
    pub(crate) async fn reserve(&self) -> Result<OrderPlace<'_>, AgentError> {
        self.orders.reserve().await.map(OrderPlace).map_err(|_| AgentError::Stopped)
    }

    /// Gives a leg a command. A command to a leg that is over has no effect; one that ends a leg needs no place in the
    /// queue.
    pub(crate) fn tell(&self, key: CallKey, command: Command) -> Result<(), AgentError> {
        match self.orders.try_send(AgentOrder::Tell { key, command }) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(AgentError::Stopped),
            Err(TrySendError::Full(AgentOrder::Tell { key, command })) if Farewells::takes(&command) => {
                self.farewells.keep(key, command);
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(AgentError::Busy),
        }
    }
}

impl OrderPlace<'_> {
    /// Places a call. The answer says whether the endpoint took it; only then the leg owes an end.
    pub(crate) fn place(self, leg: Leg, call: OutgoingCall) -> oneshot::Receiver<Result<(), OrderError>> {
        let (taken, answer) = oneshot::channel();
        self.0.send(AgentOrder::Place { leg: Box::new(leg), call: Box::new(call), taken });
        answer
    }

    /// Orders something whose outcome is told by the door.
    pub(crate) fn order(self, order: AgentOrder) {
        self.0.send(order);
    }
}

/// How often a free port is looked for that is free both for datagrams and for connections.
const PORT_TRIES: usize = 16;

/// The sockets of UDP and TCP: at the same port, where none is given for TCP.
fn bind(
    config: &AgentConfig,
) -> Result<(tokio::net::UdpSocket, Option<tokio::net::TcpListener>), StartError> {
    let mut tries = 0;
    loop {
        let socket = socket::bind(config.bind)?;
        let Some(mut tcp) = config.tcp else { return Ok((socket, None)) };
        let any = config.bind.port() == 0 && tcp.port() == 0;
        if tcp.port() == 0 {
            let local = socket.local_addr();
            tcp.set_port(local.map_or(config.bind.port(), |local| local.port()));
        }
        match listen::bind(tcp) {
            Ok(listener) => return Ok((socket, Some(listener))),
            Err(_) if any && tries < PORT_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

fn endpoint_config(config: &AgentConfig, local: SocketAddr) -> EndpointConfig {
    let address = config.advertised.unwrap_or_else(|| {
        if local.ip().is_unspecified() { socket::default_address(local.ip()) } else { local.ip() }
    });
    let host_port = SocketAddr::new(address, local.port()).to_string();
    let mut endpoint = EndpointConfig::new(host_port, config.user_agent.clone());
    // Where we do not listen, peers over TLS answer on the connection that we opened.
    let tls_port = config.tls.map_or(Transport::Tls.default_port(), |tls| tls.port());
    endpoint.tls_host_port = Some(SocketAddr::new(address, tls_port).to_string());
    endpoint.limits.calls_max = config.calls_max.get();
    endpoint.trace = config.trace;
    endpoint.automatic_trying = config.automatic_trying;
    endpoint.session_timers = config.session_timers;
    endpoint
}
