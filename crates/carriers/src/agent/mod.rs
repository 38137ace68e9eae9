//! The SIP user agent: one task that owns one UDP socket, one [`sip::Endpoint`] and the legs on it. Orders come in
//! through a bounded queue; what happens goes to the leg it happens to. Must not know what calls are for.

pub(crate) mod budget;
pub(crate) mod counters;
mod run;
pub(crate) mod socket;

use crate::StartError;
use crate::leg::{Command, Leg};
use budget::BudgetConfig;
use counters::{AgentFigures, Counters};
use ports::Clock;
use run::Run;
use sip::{CallKey, Endpoint, EndpointConfig, IncomingCall, OrderError, OutgoingCall, Rejection};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Orders that may wait.
const ORDERS_MAX: usize = 4_096;

/// What a user agent is told once.
#[derive(Debug, Clone)]
pub(crate) struct AgentConfig {
    /// Where to speak SIP; port 0 picks a free one.
    pub(crate) bind: SocketAddr,
    /// The address that stands in Via and Contact instead of the local one.
    pub(crate) advertised: Option<IpAddr>,
    /// User-Agent and Server.
    pub(crate) user_agent: String,
    /// Most calls at one time.
    pub(crate) calls_max: usize,
    /// Nothing is sent to any address that is not loopback.
    pub(crate) loopback_only: bool,
    /// Whether each call hears 100 at once; else its leg says so itself.
    pub(crate) automatic_trying: bool,
    /// Whether legs hear of each message, for a timeline.
    pub(crate) trace: bool,
    /// What sources may send.
    pub(crate) budget: BudgetConfig,
}

impl AgentConfig {
    /// Our port, where neither the configuration nor the bound address says what peers reach us at.
    fn named_by_route(&self) -> Option<u16> {
        (self.advertised.is_none() && self.bind.ip().is_unspecified()).then_some(self.bind.port())
    }
}

/// Decides about calls that arrive. Called within the agent's task: never waits.
pub(crate) trait Door: Send + Sync {
    /// Whether requests outside of any call are taken from there; those of others are dropped without an answer.
    fn admits(&self, source: IpAddr) -> bool;

    /// A call arrived: the leg that carries it, or how it is refused.
    fn incoming(&self, key: CallKey, call: &IncomingCall) -> Result<Leg, Rejection>;

    /// The leg stands: somebody may be told of the call.
    fn arrived(&self, key: CallKey, call: IncomingCall);
}

/// What the task is asked to do.
pub(crate) enum AgentOrder {
    /// Place a call.
    Place { leg: Box<Leg>, call: Box<OutgoingCall>, taken: oneshot::Sender<Result<(), OrderError>> },
    /// Give a leg a command.
    Tell { key: CallKey, command: Command },
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
    local: SocketAddr,
    counters: Arc<Counters>,
    next_key: AtomicU64,
}

impl SipAgent {
    /// Binds the socket and starts the task.
    pub(crate) fn start(
        config: &AgentConfig,
        door: Arc<dyn Door>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let socket = socket::bind(config.bind)?;
        let local = socket
            .local_addr()
            .map_err(|error| StartError::Bind { address: config.bind, reason: error.to_string() })?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| StartError::Seed(error.to_string()))?;
        let endpoint = Endpoint::new(endpoint_config(config, local), seed);
        let (orders, waiting) = mpsc::channel(ORDERS_MAX);
        let counters = Arc::new(Counters::default());
        let bound = AgentConfig { bind: local, ..config.clone() };
        let run = Run::new(socket, endpoint, waiting, door, clock, Arc::clone(&counters), &bound);
        tokio::spawn(watch(tokio::spawn(run.run())));
        Ok(Self { orders, local, counters, next_key: AtomicU64::new(1) })
    }

    /// Where SIP is spoken.
    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Whether its task still takes orders.
    pub(crate) fn is_running(&self) -> bool {
        !self.orders.is_closed()
    }

    /// What the agent has done.
    pub(crate) fn figures(&self) -> AgentFigures {
        self.counters.figures()
    }

    /// A key for a call to place.
    pub(crate) fn next_key(&self) -> CallKey {
        CallKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// Waits for a place in the queue: an order put there is carried out before every later one.
    pub(crate) async fn reserve(&self) -> Result<OrderPlace<'_>, AgentError> {
        self.orders.reserve().await.map(OrderPlace).map_err(|_| AgentError::Stopped)
    }

    /// Gives a leg a command. A command to a leg that is over has no effect.
    pub(crate) fn tell(&self, key: CallKey, command: Command) -> Result<(), AgentError> {
        self.orders.try_send(AgentOrder::Tell { key, command }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AgentError::Busy,
            mpsc::error::TrySendError::Closed(_) => AgentError::Stopped,
        })
    }
}

impl OrderPlace<'_> {
    /// Places a call. The answer says whether the endpoint took it; only then the leg owes an end.
    pub(crate) fn place(self, leg: Leg, call: OutgoingCall) -> oneshot::Receiver<Result<(), OrderError>> {
        let (taken, answer) = oneshot::channel();
        self.0.send(AgentOrder::Place { leg: Box::new(leg), call: Box::new(call), taken });
        answer
    }
}

/// Says it when the agent's task broke: panics within its work are caught there, so this is one nobody foresaw.
async fn watch(task: tokio::task::JoinHandle<()>) {
    if let Err(error) = task.await
        && error.is_panic()
    {
        tracing::error!("the SIP user agent broke; no SIP is spoken any more until a restart");
    }
}

fn endpoint_config(config: &AgentConfig, local: SocketAddr) -> EndpointConfig {
    let address = config.advertised.unwrap_or_else(|| {
        if local.ip().is_unspecified() { socket::default_address(local.ip()) } else { local.ip() }
    });
    let host_port = SocketAddr::new(address, local.port()).to_string();
    let mut endpoint = EndpointConfig::new(host_port, config.user_agent.clone());
    endpoint.limits.calls_max = config.calls_max;
    endpoint.trace = config.trace;
    endpoint.automatic_trying = config.automatic_trying;
    endpoint
}
