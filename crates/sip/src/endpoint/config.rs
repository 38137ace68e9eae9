//! What an endpoint is told once. No defaults that depend on the machine.

pub use model::session::SessionRefresher;
use std::time::Duration;

/// The base lengths of RFC 3261 §17 (table 4); every timer is made of these three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerLengths {
    /// Round-trip estimate: 500 ms.
    pub t1: Duration,
    /// Longest interval between retransmissions: 4 s.
    pub t2: Duration,
    /// Longest life of a message in the network: 5 s.
    pub t4: Duration,
}

impl Default for TimerLengths {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

/// What the endpoint holds at most. Beyond it, new calls get 503 with Retry-After and orders `Full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at one time, both directions.
    pub calls_max: usize,
    /// Transactions at one time; each call needs one to three, and they linger for 32 s.
    pub transactions_max: usize,
    /// Registrations kept at registrars.
    pub registrations_max: usize,
    /// REGISTERs that wait for their answer.
    pub registers_waiting_max: usize,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// How long an incoming call may stay neither answered nor refused; then it gets 480.
    pub unanswered_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 20_000,
            transactions_max: 200_000,
            registrations_max: 10_000,
            registers_waiting_max: 10_000,
            message_bytes_max: 65_535,
            unanswered_max: Duration::from_secs(300),
        }
    }
}

/// How long a session lives without a sign of life (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimers {
    /// The interval we ask for, in seconds; none: we ask for none, and go along with the peer's.
    pub expires_secs: Option<u32>,
    /// The shortest interval we take, in seconds; at least 90.
    pub min_secs: u32,
    /// Who is to refresh, where both may.
    pub refresher: SessionRefresher,
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self { expires_secs: Some(1_800), min_secs: 90, refresher: SessionRefresher::Caller }
    }
}

/// What an endpoint is told once.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// What peers reach us at, for Via and Contact: `203.0.113.5:5060` or `[2001:db8::1]:5060`; see
    /// [`super::Endpoint::set_name_towards`] for peers that reach us at another address.
    pub host_port: String,
    /// The same over TLS; the host of `host_port` with port 5061 if none is given.
    pub tls_host_port: Option<String>,
    /// User-Agent and Server.
    pub user_agent: String,
    /// Timer lengths.
    pub timers: TimerLengths,
    /// Limits.
    pub limits: Limits,
    /// Session timers.
    pub session_timers: SessionTimers,
    /// Whether to say 100 to an INVITE at once. Off only for peers played in tests.
    pub automatic_trying: bool,
    /// Whether a REGISTER is taken ([`crate::Event::RegisterReceived`]); else it gets 405.
    pub registrar: bool,
    /// Whether every message comes out as [`super::Output::Trace`] too.
    pub trace: bool,
}

impl EndpointConfig {
    /// The usual endpoint at this address.
    pub fn new(host_port: impl Into<String>, user_agent: impl Into<String>) -> Self {
        Self {
            host_port: host_port.into(),
            tls_host_port: None,
            user_agent: user_agent.into(),
            timers: TimerLengths::default(),
            limits: Limits::default(),
            session_timers: SessionTimers::default(),
            automatic_trying: true,
            registrar: false,
            trace: false,
        }
    }
}
