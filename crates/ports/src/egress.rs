//! The only door to URLs that customers name. It resolves, checks and pins the address, follows no redirect, and
//! bounds bytes and time.

use bytes::Bytes;
use model::Secret;
use std::time::Duration;

/// A request to a customer's URL.
#[derive(Debug, Clone)]
pub struct EgressRequest {
    /// Where to; https, or a host that the configuration allows.
    pub url: String,
    /// What to send; none makes it a GET.
    pub body: Option<Bytes>,
    /// Headers, in order.
    pub headers: Vec<(String, Secret<String>)>,
    /// Most bytes of the answer's body.
    pub response_bytes_max: usize,
    /// Longest time from start to the last byte.
    pub timeout: Duration,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct EgressResponse {
    /// Its status.
    pub status: u16,
    /// Its `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its body, cut at the limit if `body_cut`.
    pub body: Bytes,
    /// The body was longer than the limit.
    pub body_cut: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// It is no URL we may go to.
    #[error("the URL is not allowed: {0}")]
    NotAllowed(String),
    /// The host has no address.
    #[error("the host has no address: {0}")]
    Unresolvable(String),
    /// No connection, or it broke.
    #[error("the request failed: {0}")]
    Failed(String),
    /// It took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// The door.
#[async_trait::async_trait]
pub trait Egress: Send + Sync {
    /// Whether the URL could be allowed, by its text alone. For checks when it is configured; every request checks
    /// again, with the resolved address.
    fn check(&self, url: &str) -> Result<(), EgressError>;

    /// Whether the configuration allows the URL's host by name, whatever its address.
    fn is_allowed_host(&self, _url: &str) -> bool {
        false
    }

    /// Sends a request.
    async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError>;
}
