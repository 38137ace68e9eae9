//! What the engine is made of and how it is set. Knows no file format and no environment.

use crate::journal::Journal;
use model::Secret;
use model::call::CallSetup;
use persona::Directory;
use ports::{Blob, Carrier, Ceiling, Clock, Egress, EventRenderer, MediaPlane, Sandbox, Store, Stt, Tts};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The seams the engine works through, and its settings.
pub struct EngineParts {
    /// Rows.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The sound of all legs.
    pub media: Arc<dyn MediaPlane>,
    /// Speaking.
    pub tts: Arc<dyn Tts>,
    /// Understanding what is said.
    pub stt: Arc<dyn Stt>,
    /// Customers' URLs.
    pub egress: Arc<dyn Egress>,
    /// Finished recordings.
    pub blob: Arc<dyn Blob>,
    /// Live calls; none: live calls are refused.
    pub live: Option<Arc<dyn Carrier>>,
    /// Test calls.
    pub sandbox: Arc<dyn Sandbox>,
    /// The doors' renderings of events, one a door.
    pub renderers: Vec<Arc<dyn EventRenderer>>,
    /// Every call's timeline.
    pub timeline: Arc<Journal>,
    /// The settings.
    pub config: EngineConfig,
    /// Under which keys are hashed.
    pub pepper: Secret<[u8; 32]>,
    /// Makes ids and jitter; keys and signing secrets come from the operating system's random source.
    pub seed: u64,
}

/// The settings.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where named media files lie; none: only URLs can be played.
    pub media_folder: Option<PathBuf>,
    /// Most bytes of a media file.
    pub media_bytes_max: usize,
    /// Longest fetch of a media URL.
    pub media_timeout: Duration,
    /// Most media files and texts being made ready at once.
    pub media_parallel_max: usize,
    /// Where recordings lie until they are finished.
    pub spool_dir: PathBuf,
    /// No other process can run calls of this store: at start every unfinished call is ours.
    pub single_node: bool,
    /// How long a claim on a call holds without being renewed.
    pub lease: Duration,
    /// How webhooks are delivered.
    pub webhooks: WebhookPolicy,
    /// Most bytes of decoded prompts kept.
    pub clip_cache_bytes_max: usize,
    /// How long a fetched URL is played without being fetched again.
    pub clip_url_ttl: Duration,
    /// How long an inbound call waits for its first command.
    pub decision_timeout_ms: u32,
    /// Most calls at once on this server.
    pub calls_max: Ceiling,
    /// Most facts and commands waiting for one call.
    pub mailbox_max: usize,
    /// How long an idempotency key is remembered.
    pub idempotency_ttl: Duration,
    /// Who can be called with test keys.
    pub personas: Arc<Directory>,
    /// Where the sandbox keeps what test calls heard; none: it keeps nothing.
    pub heard_dir: Option<PathBuf>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            media_folder: None,
            media_bytes_max: 50 * 1024 * 1024,
            media_timeout: Duration::from_secs(15),
            media_parallel_max: 32,
            spool_dir: PathBuf::from("spool"),
            single_node: true,
            lease: Duration::from_secs(30),
            webhooks: WebhookPolicy::default(),
            clip_cache_bytes_max: 64 * 1024 * 1024,
            clip_url_ttl: Duration::from_secs(300),
            decision_timeout_ms: CallSetup::DECISION_TIMEOUT_MS,
            calls_max: Ceiling::new(20_000),
            mailbox_max: 256,
            idempotency_ttl: Duration::from_secs(24 * 3_600),
            personas: Arc::default(),
            heard_dir: None,
        }
    }
}

/// How webhooks are delivered (contracts, Webhooks).
#[derive(Debug, Clone)]
pub struct WebhookPolicy {
    /// The wait before each attempt; the first is the wait before the first attempt. As many attempts as entries.
    pub delays: Vec<Duration>,
    /// Each wait is changed by up to so much, both ways.
    pub jitter_per_cent: u8,
    /// Longest attempt.
    pub timeout: Duration,
    /// Most attempts at once to one endpoint.
    pub parallel_per_endpoint_max: usize,
    /// Most attempts at once in all.
    pub parallel_max: usize,
    /// An endpoint that failed for so long without a success is disabled.
    pub failing_limit: Duration,
}

impl Default for WebhookPolicy {
    fn default() -> Self {
        const HOUR: u64 = 3_600;
        let delays_s =
            [0, 5, 5 * 60, 30 * 60, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        Self {
            delays: delays_s.map(Duration::from_secs).to_vec(),
            jitter_per_cent: 20,
            timeout: Duration::from_secs(15),
            parallel_per_endpoint_max: 8,
            parallel_max: 512,
            failing_limit: Duration::from_secs(5 * 24 * HOUR),
        }
    }
}
