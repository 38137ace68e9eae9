//! The jitter buffer for every codec: packets go in as they come, and come out in the order of their media time, when
//! they are due. Says how fast to play so that the delay stays what the network needs: the caller stretches time
//! and conceals what is lost. Knows no samples.

use crate::arena::Arena;
use crate::delay::DelayEstimator;
use crate::packet::Packet;
use crate::payload::duration_units;
use model::Timestamp;
use model::sound::Codec;
use serde::{Deserialize, Serialize};

/// The codec, and delays in milliseconds between which the buffer moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferConfig {
    /// What the payloads are.
    pub codec: Codec,
    /// Least delay aimed at; at least 20.
    pub delay_min_ms: u32,
    /// Greatest delay aimed at; at most 300.
    pub delay_max_ms: u32,
    /// Delay aimed at before anything was measured.
    pub delay_initial_ms: u32,
}

impl BufferConfig {
    /// The usual delays.
    pub const fn of(codec: Codec) -> Self {
        Self { codec, delay_min_ms: 40, delay_max_ms: 200, delay_initial_ms: 60 }
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Kept for its time.
    Kept,
    /// Its time had passed.
    Late,
    /// It was there before.
    Duplicate,
    /// Kept, and the buffer began anew: first packet, new source, or a jump in time.
    Restarted,
    /// Empty, malformed or too long.
    Refused,
}

/// What to play next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// Decode this.
    Packet {
        /// The codec's octets.
        payload: &'a [u8],
        /// How fast to play it.
        pace: Pace,
    },
    /// Something is missing here: conceal it.
    Lost {
        /// For how long, in RTP clock units.
        units: u32,
        /// The packet right after it, which may tell of it.
        following: Option<&'a [u8]>,
    },
    /// The source pauses, has not begun, or its packet is not there yet: fill the moment, and ask again.
    Pause,
}

/// How fast to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As it is.
    Keep,
    /// Shorter by a pitch period: more waits than the network needs, or the source's clock is fast.
    Faster,
    /// Longer by a pitch period.
    Slower,
}

/// Everything that a buffer had taken at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    restarts: u64,
    /// Media time behind the last packet that waited.
    end: i64,
}

/// Counts over the buffer's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BufferFigures {
    /// Packets played.
    pub played: u64,
    /// Packets missing at their time while later ones were there.
    pub missing: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that were there already.
    pub duplicates: u64,
    /// Packets refused for their payload.
    pub refused: u64,
    /// Packets dropped unplayed, because far too much waited.
    pub dropped: u64,
    /// Packets played faster.
    pub faster: u64,
    /// Packets played slower.
    pub slower: u64,
    /// Times the buffer began anew after the first packet.
    pub restarts: u64,
}

/// A packet that differs this much from the fastest in transit time has a new time base, in microseconds.
const REBASE_LATE_US: i64 = 2_000_000;
/// The same for one that is early: no network hurries a packet so.
const REBASE_EARLY_US: i64 = 200_000;
/// So many new packets in a row that all came late mean that the route or the time base has changed.
const LATE_RUN_MAX: u32 = 10;
/// How far before a stream's first packet one that it overtook may lie.
const OVERTAKEN_MS: i64 = 80;
/// A longer gap is a pause, whatever it was: concealment would have faded out.
const LOSS_MS_MAX: i64 = 200;
/// With more than this beyond the delay aimed at, packets are dropped.
const SURPLUS_MS_MAX: i64 = 250;
/// With more than this, sound is played faster: the beginning may be a tick late, and a pitch period is 15 ms.
const FASTER_MS: i64 = 26;
const FASTER_SPARE_MS: i64 = 8;
/// A packet needed so much before it is due would be missed too often: sound is played slower.
const SLOWER_MS: i64 = -10;

/// The buffer of one leg. All memory is taken in `new`; nothing is allocated later.
///
/// Positions are media time in RTP clock units, unwrapped to 64 bits. The position that is being played is compared
/// with the one that is due (now, less the fastest transit, less the delay aimed at).
#[derive(Clone, Debug)]
pub struct PacketBuffer {
    codec: Codec,
    units_per_ms: i64,
    figures: BufferFigures,
    delay: DelayEstimator,
    arena: Arena,
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
    /// Number and length of the packet played last.
    last_sequence: u16,
    last_units: u32,
    playing: bool,
    late_run: u32,
}

impl PacketBuffer {
    /// An empty buffer; delays out of range are brought into it.
    pub fn new(config: BufferConfig) -> Self {
        let min_ms = config.delay_min_ms.clamp(20, 300);
        let max_ms = config.delay_max_ms.clamp(min_ms, 300);
        let octets = if config.codec == Codec::Opus { 16_384 } else { 6_144 };
        Self {
            codec: config.codec,
            units_per_ms: i64::from(config.codec.rtp_clock_hz() / 1_000),
            figures: BufferFigures::default(),
            delay: DelayEstimator::new(min_ms, max_ms, config.delay_initial_ms),
            arena: Arena::new(octets),
            stream: None,
            began_before: false,
        }
    }

    /// Takes one packet of the codec's payload type (never an event or comfort noise).
    pub fn put(&mut self, packet: &Packet<'_>, arrival: Timestamp) -> Stored {
        let units =
            duration_units(self.codec, packet.payload).filter(|_| packet.payload.len() <= PAYLOAD_MAX);
        let Some(units) = units else {
            self.figures.refused += 1;
            return Stored::Refused;
        };
        let Some(stream) = self.stream.filter(|stream| stream.ssrc == packet.ssrc) else {
            return self.restart(packet, units, arrival);
        };
        let position = stream.position(packet.timestamp);
        let transit_us = self.transit_us(position, arrival);
        let lateness_us = transit_us - self.delay.fastest_us().unwrap_or(transit_us);
        let rebased_late = lateness_us > REBASE_LATE_US && stream.is_newer(packet.sequence);
        if lateness_us < -REBASE_EARLY_US || rebased_late {
            return self.restart(packet, units, arrival);
        }
        // What was begun is over: its rest would be heard twice.
        if position < stream.cursor {
            return self.late(packet, stream, units, transit_us, arrival);
        }
        self.delay.observe(transit_us, arrival, false);
        self.store(packet, stream, position, units)
    }

    /// What to play next. Call while less than a tick's sound is ready; `ahead_units` of it wait to be heard.
    pub fn next(&mut self, now: Timestamp, ahead_units: u32) -> Next<'_> {
        let Some(mut stream) = self.stream else { return Next::Pause };
        let due = self.due_position(now);
        self.drop_surplus(&mut stream, due + i64::from(ahead_units));
        let step = self.step(&mut stream, due, i64::from(ahead_units));
        self.stream = Some(stream);
        match step {
            Step::Pause => Next::Pause,
            Step::Lost { units, told } => {
                let following = self.arena.front().filter(|_| told).map(|slot| self.arena.payload(slot));
                Next::Lost { units, following }
            }
            Step::Play { pace } => match self.arena.pop() {
                Some(slot) => Next::Packet { payload: self.arena.payload(&slot), pace },
                None => Next::Pause,
            },
        }
    }

    /// Delay aimed at now, in milliseconds.
    pub fn target_delay_ms(&self) -> u32 {
        self.delay.target_ms()
    }

    /// Packets waiting.
    pub fn waiting(&self) -> usize {
        self.arena.len()
    }

    /// Media time waiting, in milliseconds.
    pub fn buffered_ms(&self) -> u32 {
        let first = self.arena.front().map_or(0, |slot| slot.position);
        let units = self.arena.end().map_or(0, |end| end - first);
        u32::try_from(units / self.units_per_ms).unwrap_or(0)
    }

    /// Marks what has been taken so far; none where nothing waits.
    pub fn mark(&self) -> Option<Mark> {
        Some(Mark { restarts: self.figures.restarts, end: self.arena.end()? })
    }

    /// Whether nothing of what was taken before the mark waits any more. A buffer that began anew has dropped it.
    pub fn has_passed(&self, mark: Mark) -> bool {
        self.figures.restarts != mark.restarts || self.stream.is_none_or(|stream| stream.cursor >= mark.end)
    }

    /// Forgets all packets and timing, for a new peer; figures stay.
    pub fn reset(&mut self) {
        self.stream = None;
        self.arena.clear();
        self.delay.rebase();
    }

    /// Counts so far.
    pub fn figures(&self) -> BufferFigures {
        self.figures
    }

    fn restart(&mut self, packet: &Packet<'_>, units: u32, arrival: Timestamp) -> Stored {
        self.figures.restarts += u64::from(self.began_before);
        self.began_before = true;
        self.arena.clear();
        self.delay.rebase();
        self.delay.observe(self.transit_us(0, arrival), arrival, false);
        let stream = Stream {
            ssrc: packet.ssrc,
            newest_sequence: packet.sequence,
            newest_timestamp: packet.timestamp,
            newest_position: 0,
            cursor: -OVERTAKEN_MS * self.units_per_ms,
            last_sequence: packet.sequence.wrapping_sub(1),
            last_units: units,
            playing: false,
            late_run: 0,
        };
        self.store(packet, stream, 0, units);
        Stored::Restarted
    }

    fn late(
        &mut self,
        packet: &Packet<'_>,
        mut stream: Stream,
        units: u32,
        transit_us: i64,
        arrival: Timestamp,
    ) -> Stored {
        self.figures.late += 1;
        self.delay.observe(transit_us, arrival, true);
        if stream.is_newer(packet.sequence) {
            stream.newest_sequence = packet.sequence;
            stream.late_run += 1;
        }
        if stream.late_run >= LATE_RUN_MAX {
            return self.restart(packet, units, arrival);
        }
        self.stream = Some(stream);
        Stored::Late
    }

    fn store(&mut self, packet: &Packet<'_>, mut stream: Stream, position: i64, units: u32) -> Stored {
        if self.arena.len() == 0 && !stream.playing {
            // After a pause: what lies between is no loss.
            stream.cursor = stream.cursor.max(position - OVERTAKEN_MS * self.units_per_ms);
        }
        if stream.is_newer(packet.sequence) {
            stream.newest_sequence = packet.sequence;
            stream.newest_timestamp = packet.timestamp;
            stream.newest_position = position;
        }
        stream.late_run = 0;
        self.stream = Some(stream);
        let dropped = &mut self.figures.dropped;
        if self.arena.insert(position, units, packet.sequence, packet.payload, dropped) {
            return Stored::Kept;
        }
        self.figures.duplicates += 1;
        Stored::Duplicate
    }

    /// Moves the cursor over what is played now.
    fn step(&mut self, stream: &mut Stream, due: i64, ahead: i64) -> Step {
        let Some(front) = self.arena.front().copied() else {
            stream.playing = false;
            return Step::Pause;
        };
        let gap = front.position - stream.cursor;
        let in_sequence = front.sequence == stream.last_sequence.wrapping_add(1);
        if stream.playing && gap > 0 && (in_sequence || gap > LOSS_MS_MAX * self.units_per_ms) {
            stream.playing = false;
        }
        if !stream.playing {
            if due < front.position {
                return Step::Pause;
            }
            stream.playing = true;
            stream.cursor = front.position;
        }
        let gap = front.position - stream.cursor;
        if gap > 0 {
            let units = u32::try_from(gap).unwrap_or(u32::MAX).min(stream.last_units);
            stream.cursor += i64::from(units);
            stream.last_sequence = stream.last_sequence.wrapping_add(1);
            self.figures.missing += 1;
            return Step::Lost { units, told: stream.cursor == front.position };
        }
        let pace = self.pace(due - stream.cursor, ahead);
        stream.cursor = stream.cursor.max(front.end());
        stream.last_sequence = front.sequence;
        stream.last_units = front.units;
        self.figures.played += 1;
        Step::Play { pace }
    }

    /// `spare`: how long ago the packet that is taken now fell due. What waits to be heard adds to the delay, but not
    /// to the time that packets have to arrive.
    fn pace(&mut self, spare: i64, ahead: i64) -> Pace {
        let ms = self.units_per_ms;
        if spare < SLOWER_MS * ms {
            self.figures.slower += 1;
            return Pace::Slower;
        }
        if spare + ahead > FASTER_MS * ms && spare > FASTER_SPARE_MS * ms {
            self.figures.faster += 1;
            return Pace::Faster;
        }
        Pace::Keep
    }

    /// After the network held everything up: what would be heard far too late is not worth it.
    fn drop_surplus(&mut self, stream: &mut Stream, due: i64) {
        while stream.playing && due - stream.cursor > SURPLUS_MS_MAX * self.units_per_ms {
            let Some(slot) = self.arena.pop() else { return };
            stream.cursor = stream.cursor.max(slot.end());
            stream.last_sequence = slot.sequence;
            self.figures.dropped += 1;
        }
    }

    /// The position whose time to be played is now.
    fn due_position(&self, now: Timestamp) -> i64 {
        let fastest_us = self.delay.fastest_us().unwrap_or(0);
        let delay_us = i64::from(self.delay.target_ms()) * 1_000;
        ((micros(now) - fastest_us - delay_us) * self.units_per_ms).div_euclid(1_000)
    }

    fn transit_us(&self, position: i64, arrival: Timestamp) -> i64 {
        micros(arrival) - position * 1_000 / self.units_per_ms
    }
}

/// Longest payload taken, in octets.
const PAYLOAD_MAX: usize = 1_500;

enum Step {
    Pause,
    Lost { units: u32, told: bool },
    Play { pace: Pace },
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

fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
