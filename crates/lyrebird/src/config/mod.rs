//! The configuration: `config.default.toml` is the manual and the defaults; this is its shape.

mod sources;

pub(crate) use sources::{ConfigError, Flags};

use crate::failure::Failure;
use model::session::{SessionPolicy, SessionRefresher};
use model::trunk::Trunk;
use persona::{Directory, NamedPersona, Settings};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// The commented defaults.
pub(crate) const DEFAULT_TOML: &str = include_str!("../../config.default.toml");

/// All settings. See `config.default.toml` for what each means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub data_dir: PathBuf,
    pub http: Http,
    pub sip: Sip,
    pub rtp: Rtp,
    pub media: Media,
    pub sandbox: Sandbox,
    pub calls: Calls,
    pub webhooks: Webhooks,
    pub speech: Speech,
    pub egress: Egress,
    pub limits: Limits,
    pub shutdown: Shutdown,
    pub metrics: Metrics,
    pub otel: Otel,
    pub log: Log,
    #[serde(default)]
    pub trunks: Vec<TrunkEntry>,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    pub addr: SocketAddr,
    pub public_url: String,
}

impl Http {
    /// How clients reach the API; `bound` is where it listens, where that is known already.
    pub(crate) fn url(&self, bound: Option<SocketAddr>) -> String {
        match self.public_url.trim_end_matches('/') {
            "" => format!("http://{}", reachable(bound.unwrap_or(self.addr))),
            url => url.to_owned(),
        }
    }
}

/// An address that stands for all of this machine's is reached at its loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// `[sip]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sip {
    pub addr: SocketAddr,
    #[serde(deserialize_with = "optional")]
    pub tcp_addr: Option<SipListener>,
    #[serde(deserialize_with = "optional")]
    pub tls_addr: Option<SocketAddr>,
    #[serde(deserialize_with = "optional")]
    pub advertised_ip: Option<IpAddr>,
    pub user_agent: String,
    pub source_share_percent: u8,
    pub nameservers: Vec<SocketAddr>,
    pub phone_digest: carriers::PhoneDigest,
    pub session_expires_s: u32,
    pub session_min_s: u32,
    pub session_refresher: SessionRefresher,
    pub tls: SipTls,
}

impl Sip {
    /// How long sessions live without a sign of life.
    pub(crate) fn session(&self) -> Result<SessionPolicy, Failure> {
        let Self { session_expires_s, session_min_s, session_refresher, .. } = *self;
        if !SessionPolicy::is_interval(session_expires_s) {
            return Err("configuration: sip.session_expires_s must be 0, or 90 to 86400".into());
        }
        if !SessionPolicy::MIN_S.contains(&session_min_s) {
            return Err("configuration: sip.session_min_s must be 90 to 3600".into());
        }
        Ok(SessionPolicy {
            expires_s: Some(session_expires_s),
            min_s: Some(session_min_s),
            refresher: Some(session_refresher),
        })
    }
}

/// `[sip.tls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SipTls {
    #[serde(deserialize_with = "optional")]
    pub cert: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub key: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub ca: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub client_cert: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub client_key: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub client_ca: Option<PathBuf>,
    pub wildcards: bool,
}

/// Where to listen for connections: an address, or the one of UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SipListener {
    /// The address and port of UDP.
    Same,
    /// This one.
    At(SocketAddr),
}

impl std::str::FromStr for SipListener {
    type Err = std::net::AddrParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "same" { Ok(Self::Same) } else { text.parse().map(Self::At) }
    }
}

/// `[rtp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rtp {
    pub ports: PortRange,
    pub port_rest_ms: u64,
    pub silence_limit_ms: u64,
}

/// `[media]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Media {
    pub workers: usize,
    pub folder: String,
    pub file_bytes_max: usize,
    pub fetch_timeout_ms: u64,
    pub url_ttl_ms: u64,
    pub clip_cache_bytes_max: usize,
    pub prompt_cache_bytes_max: usize,
}

/// `[calls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calls {
    pub at_once_max: usize,
    pub decision_timeout_ms: u32,
    pub idempotency_ttl_ms: u64,
    pub lease_ms: u64,
}

/// `[webhooks]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhooks {
    pub delays_s: Vec<u64>,
    pub timeout_ms: u64,
    pub parallel_max: usize,
    pub parallel_per_endpoint_max: usize,
}

/// `[sandbox]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sandbox {
    #[serde(deserialize_with = "optional")]
    pub network: Option<SocketAddr>,
    pub heard: bool,
    pub heard_ms_max: u64,
    pub heard_calls_max: usize,
    #[serde(default)]
    pub personas: Vec<PersonaEntry>,
}

/// `[[sandbox.personas]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonaEntry {
    pub name: String,
    #[serde(default)]
    pub number: Option<model::E164>,
    pub base: String,
    #[serde(default)]
    pub settings: serde_json::Value,
}

impl Sandbox {
    /// Everybody who can be called with test keys.
    pub(crate) fn directory(&self) -> Result<Directory, Failure> {
        let named = |entry: &PersonaEntry| -> Result<NamedPersona, Failure> {
            let place = format!("sandbox.personas.{}.settings", entry.name);
            Ok(NamedPersona {
                name: entry.name.clone(),
                number: entry.number.clone(),
                base: entry.base.clone(),
                settings: Settings::from_value(&entry.settings, &place)
                    .map_err(|error| format!("configuration: {error}"))?,
            })
        };
        let named = self.personas.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        Ok(Directory::new(named).map_err(|error| format!("configuration: {error}"))?)
    }
}

/// `[speech]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Speech {
    pub flite: PathBuf,
    pub espeak_ng: PathBuf,
    pub cache_bytes_max: usize,
    pub pocketsphinx: PathBuf,
    pub pocketsphinx_model: PathBuf,
    pub listen: Listen,
}

/// `[speech.listen]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    pub url: String,
    pub key: Option<model::Secret<String>>,
    pub model: String,
    pub timeout_ms: u64,
    pub at_once_max: usize,
    pub waiting_max: usize,
}

impl Listen {
    /// `host` or `host:port` of the server; none if there is none, or it is no URL.
    pub(crate) fn host(&self) -> Option<String> {
        let (_, rest) = self.url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next()?;
        (!host.is_empty()).then(|| host.to_owned())
    }
}

/// `[egress]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Egress {
    pub allowed_hosts: Vec<String>,
}

/// `[limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub requests_per_minute: std::num::NonZeroU32,
    pub webhook_requests_per_minute: std::num::NonZeroU32,
}

/// `[shutdown]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shutdown {
    pub drain_ms: u64,
}

/// `[metrics]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    pub enabled: bool,
    #[serde(deserialize_with = "optional")]
    pub addr: Option<SocketAddr>,
    pub token: model::Secret<String>,
}

/// `[otel]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Otel {
    pub endpoint: String,
    pub service_name: String,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub level: String,
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// `[[trunks]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrunkEntry {
    pub name: String,
    pub host: String,
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub transport: model::trunk::TrunkTransport,
    #[serde(default)]
    pub register: bool,
    #[serde(default = "default_register_expires_s")]
    pub register_expires_s: u32,
    #[serde(default)]
    pub redirects: model::trunk::RedirectPolicy,
    #[serde(default)]
    pub transfers: model::trunk::TransferPolicy,
    #[serde(default)]
    pub srtp: model::srtp::SrtpPolicy,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub password: Option<model::Secret<String>>,
    #[serde(default)]
    pub allowed_sources: Vec<model::trunk::Network>,
    #[serde(default = "default_codecs")]
    pub codecs: Vec<model::sound::Codec>,
    #[serde(default)]
    pub codec_preference: model::trunk::CodecPreference,
    #[serde(default)]
    pub session_expires_s: Option<u32>,
    #[serde(default)]
    pub session_min_s: Option<u32>,
    #[serde(default)]
    pub session_refresher: Option<SessionRefresher>,
    #[serde(default = "default_calls_per_second")]
    pub calls_per_second_max: u16,
    #[serde(default = "default_concurrent_calls")]
    pub concurrent_calls_max: u16,
    #[serde(default)]
    pub numbers: Vec<model::E164>,
}

/// A setting that is nothing where its text is empty.
fn optional<'de, D: serde::Deserializer<'de>, T: std::str::FromStr<Err: std::fmt::Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
}

const fn default_register_expires_s() -> u32 {
    Trunk::REGISTER_EXPIRES_S
}

fn default_codecs() -> Vec<model::sound::Codec> {
    Trunk::CODECS.to_vec()
}

const fn default_calls_per_second() -> u16 {
    Trunk::CALLS_PER_SECOND
}

const fn default_concurrent_calls() -> u16 {
    Trunk::CONCURRENT_CALLS
}

/// A range of UDP ports; `0` is any free one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PortText")]
pub(crate) struct PortRange(RangeInclusive<u16>);

#[derive(Deserialize)]
#[serde(untagged)]
enum PortText {
    Number(u16),
    Text(String),
}

impl TryFrom<PortText> for PortRange {
    type Error = &'static str;
    fn try_from(text: PortText) -> Result<Self, Self::Error> {
        match text {
            PortText::Number(port) => Ok(Self(port..=port)),
            PortText::Text(text) => text.parse(),
        }
    }
}

impl std::str::FromStr for PortRange {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str =
            "a port range is 0, or two ports as in 20000-29999 with at least one pair between them";
        if text.trim() == "0" {
            return Ok(Self(0..=0));
        }
        let (first, last) = text.split_once('-').ok_or(WRONG)?;
        let first: u16 = first.trim().parse().map_err(|_| WRONG)?;
        let last: u16 = last.trim().parse().map_err(|_| WRONG)?;
        if first > 0 && first < last { Ok(Self(first..=last)) } else { Err(WRONG) }
    }
}

impl PortRange {
    /// The ports; `0..=0` for any.
    pub(crate) const fn range(&self) -> &RangeInclusive<u16> {
        &self.0
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self.0.start() == 0 {
            f.write_str("any")
        } else {
            write!(f, "{}-{}", self.0.start(), self.0.end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use figment::Figment;
    use figment::providers::{Format, Toml};

    #[test]
    fn the_manual_is_a_whole_configuration() {
        let config = Config::load(&Flags::default()).unwrap();
        assert_eq!(config.http.addr, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(config.rtp.ports.range(), &(20_000..=29_999));
    }

    #[test]
    fn the_commented_trunk_is_right() {
        let (_, example) = DEFAULT_TOML.split_once("# [[trunks]]").unwrap();
        let bare = |line: &str| format!("{}\n", line.strip_prefix("# ").unwrap_or(line));
        let example: String = example.lines().map(bare).collect();
        let text = format!("[[trunks]]{example}");
        let figment = Figment::from(Toml::string(DEFAULT_TOML)).merge(Toml::string(&text));
        let config: Config = figment.extract().unwrap();
        assert_eq!(config.trunks.len(), 1);
    }

    #[test]
    fn wrong_port_ranges_are_refused() {
        for bad in ["", "1", "5-4", "0-9", "x-y", "20000", "1-99999"] {
            assert!(bad.parse::<PortRange>().is_err(), "{bad}");
        }
    }
}
