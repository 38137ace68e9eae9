//! What the engine may use: threads, ports, memory, queues; and why it cannot start. Reads no file: the binary
//! fills it in.

use audio::ClipLimits;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Longest prompt: 58 MB decoded.
const PROMPT_MAX: Duration = Duration::from_secs(30 * 60);

/// Limits and places of the engine. Every field has a default that suits one small machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaConfig {
    /// Worker threads, each serving its own legs; 0 means one for each core.
    pub workers: usize,
    /// Cores to pin the workers to, in turn; empty leaves it to the kernel.
    pub pin_to_cores: Vec<usize>,
    /// Scheduling priority asked for the workers, as a nice value: below 0 before everybody else. Without the right
    /// to it they run as all others do.
    pub worker_nice: i32,
    /// Ports for sound: even ones carry RTP, the odd one above each carries its RTCP. `0..=0` lets the kernel
    /// choose.
    pub rtp_ports: RangeInclusive<u16>,
    /// How long a closed port rests, so that a late packet of one call never reaches the next.
    pub port_rest: Duration,
    /// Most legs at once.
    pub legs_max: usize,
    /// Most orders waiting for one worker.
    pub orders_max: usize,
    /// Threads that decode, encode and finish recordings.
    pub pool_threads: usize,
    /// Most jobs waiting for those threads.
    pub pool_jobs_max: usize,
    /// Most bytes of encoded prompts kept for the next playback.
    pub prompt_cache_bytes_max: usize,
    /// What a file may cost that is made a prompt; it is kept at 16 kHz at most, 32,000 bytes a second.
    pub clip_limits: ClipLimits,
    /// Most recordings at once.
    pub recordings_max: usize,
    /// Most legs at once on which something that is said is listened for; each has room for half a minute (480 kB).
    pub listeners_max: usize,
    /// Mean time between RTCP reports (RFC 3550 §6.2).
    pub report_interval: Duration,
    /// Time between two windows of figures.
    pub figures_interval: Duration,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            workers: 0,
            pin_to_cores: Vec::new(),
            worker_nice: -10,
            rtp_ports: 16_384..=32_767,
            port_rest: Duration::from_secs(10),
            legs_max: 10_000,
            orders_max: 4_096,
            pool_threads: 2,
            pool_jobs_max: 1_024,
            prompt_cache_bytes_max: 64 * 1024 * 1024,
            clip_limits: ClipLimits { duration_max: PROMPT_MAX, ..ClipLimits::default() },
            recordings_max: 2_048,
            listeners_max: 1_024,
            report_interval: Duration::from_secs(5),
            figures_interval: Duration::from_secs(10),
        }
    }
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The range holds no even port with an odd one above it.
    #[error("the RTP port range {first}-{last} holds no pair of an even port and the odd one above it")]
    NoPortPair {
        /// First port of the range.
        first: u16,
        /// Last port of the range.
        last: u16,
    },
    /// The operating system refused a thread, a poller or random bytes.
    #[error("the media engine cannot start: {what}: {reason}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        reason: String,
    },
}
