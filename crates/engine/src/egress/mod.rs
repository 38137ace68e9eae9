//! The only way out to URLs that customers name, and the only place that speaks HTTP as a client. An address is
//! checked when it is resolved and connected to as it was checked; no redirect is followed, no proxy is asked, and
//! bytes and time are bounded.

mod address;
mod resolver;
mod retry_after;
mod target;

use bytes::{Bytes, BytesMut};
use ports::{Egress, EgressError, EgressRequest, EgressResponse};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};
use resolver::{Guarded, Unguarded};
use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use target::{AllowedHost, Target};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 8;
const USER_AGENT: &str = concat!("Lyrebird/", env!("CARGO_PKG_VERSION"));

/// The settings.
#[derive(Debug, Clone, Default)]
pub struct EgressConfig {
    /// Hosts (`host` or `host:port`) that may be reached although they are private or plain http: for development.
    pub allowed_hosts: Vec<String>,
}

/// Hosts that may be reached whatever their address, read and found good.
#[derive(Debug)]
pub struct AllowedHosts(Arc<[AllowedHost]>);

impl AllowedHosts {
    /// Reads the settings.
    pub fn read(config: &EgressConfig) -> Result<Self, EgressSetupError> {
        let parse = |text: &String| {
            AllowedHost::parse(text).ok_or_else(|| EgressSetupError::AllowedHost(text.clone()))
        };
        config.allowed_hosts.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }
}

/// The settings are wrong, or there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum EgressSetupError {
    /// An allowed host is none.
    #[error("egress.allowed_hosts: {0:?} is not a host or host:port")]
    AllowedHost(String),
    /// The client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// The door to customers' URLs.
#[derive(Debug)]
pub struct HttpEgress {
    allowed: RwLock<Arc<[AllowedHost]>>,
    /// Reaches public addresses over TLS only.
    guarded: Client,
    /// Reaches the allowed hosts.
    unguarded: Client,
}

impl HttpEgress {
    /// Opens the door.
    pub fn new(config: &EgressConfig) -> Result<Self, EgressSetupError> {
        let made =
            |builder: ClientBuilder| builder.build().map_err(|error| EgressSetupError::Client(words(&error)));
        Ok(Self {
            allowed: RwLock::new(AllowedHosts::read(config)?.0),
            guarded: made(builder().https_only(true).dns_resolver(Guarded))?,
            unguarded: made(builder().dns_resolver(Unguarded))?,
        })
    }

    /// Allows these hosts from now on, and no other.
    pub fn allow(&self, hosts: AllowedHosts) {
        *self.allowed.write().unwrap_or_else(PoisonError::into_inner) = hosts.0;
    }

    fn target(&self, url: &str) -> Result<Target, EgressError> {
        let allowed = self.allowed.read().unwrap_or_else(PoisonError::into_inner).clone();
        target::check(url, &allowed)
    }

    async fn exchange(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let Target { url, allowed } = self.target(&request.url)?;
        let client = if allowed { &self.unguarded } else { &self.guarded };
        let headers = headers(&request)?;
        let order = match request.body {
            Some(body) => client.post(url).body(body),
            None => client.get(url),
        };
        let response = order.headers(headers).send().await.map_err(failure)?;
        answer(response, request.response_bytes_max).await
    }
}

#[async_trait::async_trait]
impl Egress for HttpEgress {
    fn check(&self, url: &str) -> Result<(), EgressError> {
        self.target(url).map(|_| ())
    }

    fn is_allowed_host(&self, url: &str) -> bool {
        self.target(url).is_ok_and(|target| target.allowed)
    }

    async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let limit = request.timeout;
        let answer = tokio::time::timeout(limit, self.exchange(request)).await;
        let answer = answer.unwrap_or(Err(EgressError::Timeout(limit)));
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(EgressError::NotAllowed(_)) => "not_allowed",
            Err(EgressError::Timeout(_)) => "too_slow",
            Err(_) => "failed",
        };
        metrics::counter!("lyrebird_egress_requests_total", "outcome" => outcome).increment(1);
        answer
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_CONNECTION_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST_MAX)
        .user_agent(USER_AGENT)
}

fn headers(request: &EgressRequest) -> Result<HeaderMap, EgressError> {
    let bad = |name: &str| EgressError::NotAllowed(format!("{name:?} is no header that can be sent"));
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad(name))?;
        value.set_sensitive(true);
        headers.append(HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(name))?, value);
    }
    Ok(headers)
}

async fn answer(mut response: Response, bytes_max: usize) -> Result<EgressResponse, EgressError> {
    let status = response.status().as_u16();
    let retry_after_s = retry_after::seconds(response.headers());
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.map(|text| text.chars().take(256).collect());
    let (body, body_cut) = body(&mut response, bytes_max).await?;
    Ok(EgressResponse { status, retry_after_s, content_type, body, body_cut })
}

/// The body as far as it may go, and whether there was more.
async fn body(response: &mut Response, bytes_max: usize) -> Result<(Bytes, bool), EgressError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        let room = bytes_max - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Ok((body.freeze(), true));
        }
    }
    Ok((body.freeze(), false))
}

/// The seam's word for a client's failure. Never shows the URL, which may hold a secret.
fn failure(error: reqwest::Error) -> EgressError {
    let error = error.without_url();
    let mut source: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<EgressError>() {
            return refused.clone();
        }
        source = cause.source();
    }
    if error.is_timeout() {
        return EgressError::Timeout(CONNECT_TIMEOUT);
    }
    EgressError::Failed(words(&error))
}

/// The last words of a chain of errors say what happened; the first say in which part.
fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.source().is_none() {
            text = format!("{text}: {cause}");
        }
        source = cause.source();
    }
    text
}
