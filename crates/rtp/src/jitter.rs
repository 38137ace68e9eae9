//! The jitter buffer for codecs with one octet per RTP clock unit at 8 kHz (G.711, G.722): packets of any
//! length go in by their time stamps, 20 ms frames come out on the tick. Knows no PCM; the caller conceals.

use crate::delay::DelayEstimator;
use crate::octet_ring::{OctetRing, RING_OCTETS};
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
    /// Nothing is buffered: the source pauses, has not begun, or its packet is not there yet. Conceal it too;
    /// concealment fades to silence within a few frames.
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

/// A packet that differs this much from the fastest in transit time has a new time base, in microseconds.
const REBASE_LATE_US: i64 = 2_000_000;
/// So early a packet would not fit in the ring behind the greatest delay.
const REBASE_EARLY_US: i64 = 200_000;
/// So many new packets in a row that all came late mean that the route or the time base has changed.
const LATE_RUN_MAX: u32 = 10;
/// How far before a stream's first packet one that it overtook may lie.
const OVERTAKEN_OCTETS: i64 = 4 * FRAME;
/// With more surplus delay than this, what lies before the due moment is dropped at once.
const SURPLUS_MAX_OCTETS: i64 = 10 * FRAME;
/// With more than this, sound is dropped where it is heard; with less, only what is lost or quiet.
const SURPLUS_AUDIBLE_OCTETS: i64 = 3 * FRAME;
/// Ticks between two changes of delay by one frame: shrinking may wait, growing saves packets.
const SKIP_INTERVAL_TICKS: u32 = 50;
const SKIP_QUIET_INTERVAL_TICKS: u32 = 10;
const HOLD_INTERVAL_TICKS: u32 = 2;
/// Magnitudes below this, of 128 in either law, are quiet: about -45 dBFS.
const QUIET_CODE: u8 = 16;
const FRAME: i64 = FRAME_OCTETS as i64;
const OCTET_US: i64 = 125;

/// The buffer of one leg. All memory (about 5 KiB) is taken in `new`; nothing is allocated later.
///
/// Positions are media time in octets, unwrapped to 64 bits. Each tick compares the position it is about to
/// play with the one that is due (now, less the fastest transit, less the delay aimed at) and moves by at most
/// one frame towards it. When nothing is left it stops and starts again at the next packet's own time.
#[derive(Clone, Debug)]
pub struct JitterBuffer {
    config: JitterConfig,
    figures: JitterFigures,
    delay: DelayEstimator,
    ring: OctetRing,
    stream: Option<Stream>,
    began_before: bool,
}

/// The stream being played.
#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    newest_sequence: u16,
    newest_timestamp: u32,
    /// Position of `newest_timestamp`.
    newest_position: i64,
    /// What comes next; everything before it is over.
    cursor: i64,
    /// One past the last octet stored.
    end: i64,
    playing: bool,
    late_run: u32,
    ticks_since_change: u32,
}

impl JitterBuffer {
    /// An empty buffer; delays out of range are brought into it.
    pub fn new(config: JitterConfig) -> Self {
        let min_ms = config.delay_min_ms.clamp(20, 300);
        let max_ms = config.delay_max_ms.clamp(min_ms, 300);
        Self {
            config,
            figures: JitterFigures::default(),
            delay: DelayEstimator::new(min_ms, max_ms, config.delay_initial_ms),
            ring: OctetRing::new(),
            stream: None,
            began_before: false,
        }
    }

    /// Takes one packet of the audio payload type (never telephone-event).
    pub fn put(&mut self, packet: &Packet<'_>, arrival: Timestamp) -> Put {
        if packet.payload.is_empty() || packet.payload.len() > PAYLOAD_OCTETS_MAX {
            self.figures.refused += 1;
            return Put::Refused;
        }
        let Some(stream) = self.stream.filter(|stream| stream.ssrc == packet.ssrc) else {
            return self.restart(packet, arrival);
        };
        let position = stream.position(packet.timestamp);
        let transit_us = transit_us(position, arrival);
        let lateness_us = transit_us - self.delay.fastest_us().unwrap_or(transit_us);
        let rebased_late = lateness_us > REBASE_LATE_US && stream.is_newer(packet.sequence);
        if lateness_us < -REBASE_EARLY_US || rebased_late {
            return self.restart(packet, arrival);
        }
        let end = position + packet.payload.len() as i64;
        if end <= stream.cursor {
            return self.late(packet, stream, transit_us, arrival);
        }
        self.delay.observe(transit_us, arrival, false);
        self.store(packet, stream, position)
    }

    /// The frame to play at this tick. Call once per 20 ms from the leg's first packet on.
    pub fn get(&mut self, now: Timestamp, out: &mut [u8; FRAME_OCTETS]) -> Playout {
        let Some(mut stream) = self.stream else { return Playout::Empty };
        let playout = self.play(&mut stream, now, out);
        self.stream = Some(stream);
        playout
    }

    /// Delay aimed at now, in milliseconds.
    pub fn target_delay_ms(&self) -> u32 {
        self.delay.target_ms()
    }

    /// Octets waiting, which are milliseconds times eight.
    pub fn buffered_octets(&self) -> usize {
        self.ring.count()
    }

    /// Forgets all audio and timing, for a new peer; figures stay.
    pub fn reset(&mut self) {
        self.stream = None;
        self.ring.clear_all();
        self.delay.rebase();
    }

    /// Counts so far.
    pub fn figures(&self) -> JitterFigures {
        self.figures
    }

    fn restart(&mut self, packet: &Packet<'_>, arrival: Timestamp) -> Put {
        self.figures.restarts += u64::from(self.began_before);
        self.began_before = true;
        self.ring.clear_all();
        self.delay.rebase();
        self.delay.observe(transit_us(0, arrival), arrival, false);
        let stream = Stream {
            ssrc: packet.ssrc,
            newest_sequence: packet.sequence,
            newest_timestamp: packet.timestamp,
            newest_position: 0,
            cursor: -OVERTAKEN_OCTETS,
            end: 0,
            playing: false,
            late_run: 0,
            ticks_since_change: 0,
        };
        self.store(packet, stream, 0);
        Put::Restarted
    }

    fn late(&mut self, packet: &Packet<'_>, mut stream: Stream, transit_us: i64, arrival: Timestamp) -> Put {
        self.figures.late += 1;
        self.delay.observe(transit_us, arrival, true);
        if stream.is_newer(packet.sequence) {
            stream.newest_sequence = packet.sequence;
            stream.late_run += 1;
        }
        if stream.late_run >= LATE_RUN_MAX {
            return self.restart(packet, arrival);
        }
        self.stream = Some(stream);
        Put::Late
    }

    fn store(&mut self, packet: &Packet<'_>, mut stream: Stream, position: i64) -> Put {
        let end = position + packet.payload.len() as i64;
        if self.ring.count() == 0 && !stream.playing {
            // After a pause: what lies between is no loss.
            stream.cursor = stream.cursor.max(position - OVERTAKEN_OCTETS);
        }
        if end - stream.cursor > RING_OCTETS as i64 {
            self.advance(&mut stream, end - RING_OCTETS as i64);
        }
        let new = self.ring.write(position, packet.payload);
        // What lies before the cursor is over; it must not stand in the ring when the ring comes round.
        let over = usize::try_from(stream.cursor - position).unwrap_or(0);
        self.ring.clear(position, over);
        if stream.is_newer(packet.sequence) {
            stream.newest_sequence = packet.sequence;
            stream.newest_timestamp = packet.timestamp;
            stream.newest_position = position;
        }
        stream.end = stream.end.max(end);
        stream.late_run = 0;
        self.stream = Some(stream);
        if new > over {
            return Put::Stored;
        }
        self.figures.duplicates += 1;
        Put::Duplicate
    }

    fn play(&mut self, stream: &mut Stream, now: Timestamp, out: &mut [u8; FRAME_OCTETS]) -> Playout {
        if self.ring.count() == 0 {
            stream.playing = false;
            return Playout::Empty;
        }
        let due = self.due_position(now);
        if !stream.playing && !self.start(stream, due) {
            return Playout::Empty;
        }
        stream.ticks_since_change = stream.ticks_since_change.saturating_add(1);
        if self.must_hold(stream, due) {
            return Playout::Missing;
        }
        self.drop_surplus(stream, due);
        let present = self.ring.present(stream.cursor, FRAME_OCTETS);
        let mut playout = Playout::Missing;
        if present >= FRAME_OCTETS / 2 {
            self.ring.read(stream.cursor, out, self.config.silence_octet);
            playout = Playout::Frame;
        }
        self.figures.played += u64::from(playout == Playout::Frame);
        self.figures.missing += u64::from(playout == Playout::Missing);
        self.advance(stream, stream.cursor + FRAME);
        playout
    }

    /// Begins to play at the first packet stored, once it is due.
    fn start(&mut self, stream: &mut Stream, due: i64) -> bool {
        let Some(first) = self.first_stored(stream) else { return false };
        if due < first {
            return false;
        }
        self.advance(stream, first);
        stream.playing = true;
        stream.ticks_since_change = 0;
        true
    }

    fn first_stored(&self, stream: &Stream) -> Option<i64> {
        (stream.cursor..stream.end).find(|&position| self.ring.present(position, 1) == 1)
    }

    /// Plays ahead of the due moment by a frame or more: the delay aimed at has grown, so wait.
    fn must_hold(&mut self, stream: &mut Stream, due: i64) -> bool {
        if stream.cursor - due < FRAME || stream.ticks_since_change < HOLD_INTERVAL_TICKS {
            return false;
        }
        stream.ticks_since_change = 0;
        self.figures.held += 1;
        true
    }

    /// Plays behind the due moment by a frame or more: drop one, where it is heard least.
    fn drop_surplus(&mut self, stream: &mut Stream, due: i64) {
        let stored = stream.end - stream.cursor;
        let surplus = (due - stream.cursor).min(stored - FRAME);
        if surplus < FRAME {
            return;
        }
        if surplus >= SURPLUS_MAX_OCTETS {
            return self.skip(stream, surplus / FRAME);
        }
        let waited = stream.ticks_since_change;
        let lost = self.ring.present(stream.cursor, FRAME_OCTETS) == 0;
        let audible = surplus >= SURPLUS_AUDIBLE_OCTETS && waited >= SKIP_INTERVAL_TICKS;
        if lost || audible || (waited >= SKIP_QUIET_INTERVAL_TICKS && self.is_quiet(stream.cursor)) {
            self.skip(stream, 1);
        }
    }

    /// Both laws keep the magnitude in the low seven bits, once the silence octet is taken out. Octets of
    /// another codec are seldom quiet by this rule, which only makes the delay shrink later.
    fn is_quiet(&self, position: i64) -> bool {
        let silence = self.config.silence_octet;
        let mut frame = [silence; FRAME_OCTETS];
        self.ring.read(position, &mut frame, silence);
        frame.iter().all(|octet| (octet ^ silence) & 0x7f < QUIET_CODE)
    }

    fn skip(&mut self, stream: &mut Stream, frames: i64) {
        self.advance(stream, stream.cursor + frames * FRAME);
        self.figures.skipped += frames.unsigned_abs();
        stream.ticks_since_change = 0;
    }

    fn advance(&mut self, stream: &mut Stream, cursor: i64) {
        let passed = usize::try_from(cursor - stream.cursor).unwrap_or(0);
        self.ring.clear(stream.cursor, passed);
        stream.cursor = stream.cursor.max(cursor);
    }

    /// The position whose time to be played is now.
    fn due_position(&self, now: Timestamp) -> i64 {
        let fastest_us = self.delay.fastest_us().unwrap_or(0);
        let delay_us = i64::from(self.delay.target_ms()) * 1_000;
        (micros(now) - fastest_us - delay_us).div_euclid(OCTET_US)
    }
}

impl Stream {
    /// Unwraps a time stamp against the newest one.
    fn position(&self, timestamp: u32) -> i64 {
        self.newest_position + i64::from(timestamp.wrapping_sub(self.newest_timestamp) as i32)
    }

    fn is_newer(&self, sequence: u16) -> bool {
        (sequence.wrapping_sub(self.newest_sequence) as i16) > 0
    }
}

fn transit_us(position: i64, arrival: Timestamp) -> i64 {
    micros(arrival) - position * OCTET_US
}

fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests;
