//! The sound of one leg in virtual time: real RTP packets, jitter buffer, telephone events and voice activity, with a
//! murmur for a voice. Orders and packets go in with the time; packets and facts come out. A leg that has nothing to say
//! sends one packet of silence a second, as telephones with silence suppression do, and costs nothing in between.

mod ear;
mod mouth;
mod player;
pub(crate) mod voice;

use ear::{Ear, Wanted};
use model::Timestamp;
use model::sound::{Codec, DigitsId, MediaFact, MediaFigures, PlaybackId};
use mouth::{Frame, Mouth};
use player::{Next, Player};
use rtp::digits::{DigitSender, DigitTick, Script};
use rtp::dtmf::{DigitEvent, EventReceiverConfig};
use rtp::packet::{HEADER_LEN, Header, write_header};
use rtp::quality::{PathFigures, burst_ratio, estimate};
use rtp::{EventReceiver, Packet, Reception, Sender};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// Most octets of a tick, in any codec.
const FRAME_OCTETS: usize = 160;
/// Samples of a tick.
const FRAME_SAMPLES: usize = 160;
/// Largest packet: a header and a tick.
const PACKET_BYTES: usize = HEADER_LEN + FRAME_OCTETS;
/// Length of a tick.
const TICK: Duration = Duration::from_millis(20);
/// Ticks in a second.
const TICKS: u32 = 50;
/// How often a leg sends that has nothing to say.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
const RATE_HZ: u32 = 8_000;

/// The samples of a tick.
type Samples = [i16; FRAME_SAMPLES];

/// A packet on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SoundPacket {
    bytes: [u8; PACKET_BYTES],
    length: usize,
}

impl SoundPacket {
    /// What is sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Any bytes, cut to a packet's size.
    pub(crate) fn of(content: &[u8]) -> Self {
        let mut bytes = [0; PACKET_BYTES];
        for (to, from) in bytes.iter_mut().zip(content) {
            *to = *from;
        }
        Self { bytes, length: content.len().min(PACKET_BYTES) }
    }

    fn new(header: Header, payload: &[u8]) -> Self {
        let mut packet = Self { bytes: [0; PACKET_BYTES], length: HEADER_LEN + payload.len() };
        if let Some((head, rest)) = packet.bytes.split_first_chunk_mut::<HEADER_LEN>() {
            write_header(head, header);
            for (to, from) in rest.iter_mut().zip(payload) {
                *to = *from;
            }
        }
        packet
    }
}

/// What was agreed with the far side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) remote: SocketAddr,
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    pub(crate) receive_payload_type: u8,
    pub(crate) dtmf_payload_type: Option<u8>,
    pub(crate) receive_dtmf_payload_type: Option<u8>,
    pub(crate) send: bool,
    pub(crate) receive: bool,
}

/// The sound of one leg.
#[derive(Debug)]
pub(crate) struct Sound {
    connection: Option<Connection>,
    /// Of the streams' time, both ways.
    clock_hz: u32,
    sender: Sender,
    digits: DigitSender,
    mouth: Mouth,
    player: Option<Player>,
    wanted: Wanted,
    ear: Option<Box<Ear>>,
    /// Sends nothing and hears nothing, as a broken far side.
    pub(crate) muted: bool,
    reception: Reception,
    events: EventReceiver,
    heard_at: Timestamp,
    silence_limit: Option<Duration>,
    timed_out: bool,
    first_sound: bool,
    last_tick: Timestamp,
    next_tick: Option<Timestamp>,
    keep_alive_at: Timestamp,
    facts: VecDeque<MediaFact>,
    sent: (u64, u64),
    received_bytes: u64,
    foreign: u64,
}

impl Sound {
    /// A leg whose sound is agreed on later. Sequence and time of its packets begin at numbers made of `seed`.
    pub(crate) fn new(seed: u64, silence_limit: Option<Duration>, now: Timestamp) -> Self {
        let [a, b, c, d, e, f, g, h] = seed.to_be_bytes();
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let sequence = u16::from_be_bytes([e, f]);
        let timestamp = u32::from_be_bytes([g, h, a, b]);
        Self {
            connection: None,
            clock_hz: RATE_HZ,
            sender: Sender::new(ssrc, sequence, timestamp, RATE_HZ),
            digits: DigitSender::default(),
            mouth: Mouth::default(),
            player: None,
            wanted: Wanted::default(),
            ear: None,
            muted: false,
            reception: Reception::new(RATE_HZ),
            events: EventReceiver::new(EventReceiverConfig::default()),
            heard_at: now,
            silence_limit,
            timed_out: false,
            first_sound: false,
            last_tick: now,
            next_tick: None,
            keep_alive_at: now,
            facts: VecDeque::new(),
            sent: (0, 0),
            received_bytes: 0,
            foreign: 0,
        }
    }

    /// Sends and takes sound as agreed from now on.
    pub(crate) fn connect(&mut self, connection: Connection, now: Timestamp) {
        if self.connection.is_none() {
            (self.last_tick, self.heard_at) = (now, now);
        }
        self.count_by(connection.codec.rtp_clock_hz());
        self.connection = Some(connection);
        self.next_tick.get_or_insert(now + TICK);
        self.listen();
    }

    /// Both streams' time runs at so many units a second from now on; where it ran otherwise they begin anew.
    fn count_by(&mut self, clock_hz: u32) {
        if clock_hz == self.clock_hz {
            return;
        }
        self.clock_hz = clock_hz;
        let sender = &self.sender;
        self.sender = Sender::new(sender.ssrc(), sender.sequence(), sender.timestamp(), clock_hz);
        self.reception = Reception::new(clock_hz);
        let events = EventReceiverConfig { clock_rate_hz: clock_hz, ..EventReceiverConfig::default() };
        self.events = EventReceiver::new(events);
    }

    const fn tick_units(&self) -> u32 {
        self.clock_hz / TICKS
    }

    /// Plays lengths of sound; what plays now is cut.
    pub(crate) fn play(&mut self, playback: PlaybackId, lengths_ms: Vec<u32>, times: u16, gap_ms: u32) {
        self.cut();
        self.player = Some(Player::new(playback, lengths_ms, times, gap_ms));
        self.wake();
    }

    /// Cuts a playback, if it still plays.
    pub(crate) fn stop(&mut self, playback: PlaybackId) {
        if self.player.as_ref().is_some_and(|player| player.playback == playback) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if let Some(Player { playback, played_ms, .. }) = self.player.take() {
            self.facts.push_back(MediaFact::PlaybackFinished { playback, played_ms, completed: false });
        }
    }

    /// Sends keys.
    pub(crate) fn press(&mut self, id: DigitsId, digits: &str, in_band: bool) {
        let reason = match Script::parse(id, digits, in_band) {
            Ok(script) => self.digits.push(script).err().map(|_| "too many digits wait".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        self.facts.extend(reason.map(|reason| MediaFact::DigitsFailed { id, reason }));
        self.wake();
    }

    /// Reports voice and silence from now on, or no longer.
    pub(crate) fn watch(&mut self, on: bool) {
        self.wanted.voice = on;
        self.listen();
    }

    /// Sends back what is heard.
    pub(crate) fn echo(&mut self) {
        self.wanted.echo = true;
        self.listen();
    }

    fn listen(&mut self) {
        let Some(connection) = self.connection else { return };
        self.wanted.digits = connection.receive_dtmf_payload_type.is_none();
        match &mut self.ear {
            Some(ear) if self.wanted.any() && ear.codec() == connection.codec => ear.want(self.wanted),
            ear if self.wanted.any() => *ear = Ear::new(connection.codec, self.wanted).map(Box::new),
            ear => *ear = None,
        }
    }

    /// A packet arrived.
    pub(crate) fn packet(&mut self, bytes: &[u8], now: Timestamp) {
        let Some(connection) = self.connection.filter(|connection| connection.receive && !self.muted) else {
            return;
        };
        let Ok(packet) = Packet::parse(bytes) else {
            self.foreign += 1;
            return;
        };
        let is_event = Some(packet.payload_type) == connection.receive_dtmf_payload_type;
        if !is_event && packet.payload_type != connection.receive_payload_type {
            self.foreign += 1;
            return;
        }
        self.reception.on_packet(&packet, now);
        self.received_bytes += u64::try_from(packet.payload.len()).unwrap_or_default();
        (self.heard_at, self.timed_out) = (now, false);
        if !std::mem::replace(&mut self.first_sound, true) {
            self.facts.push_back(MediaFact::FirstSound);
        }
        if is_event {
            self.events.on_packet(&packet, now);
            self.drain_events();
        } else if let Some(ear) = &mut self.ear {
            ear.put(&packet, now);
            if ear.is_awake() {
                self.wake_at(now);
            }
        }
    }

    fn drain_events(&mut self) {
        while let Some(event) = self.events.poll() {
            if let DigitEvent::Ended { digit, duration_ms, .. } = event {
                self.facts.push_back(MediaFact::Digit { digit, duration_ms });
            }
        }
    }

    /// When [`Self::tick`] is to be called next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let limit = self.silence_limit.filter(|_| !self.timed_out && self.listens());
        let timeout = limit.map(|limit| self.heard_at + limit);
        [self.next_tick, self.events.deadline(), timeout].into_iter().flatten().min()
    }

    fn listens(&self) -> bool {
        self.connection.is_some_and(|connection| connection.receive)
    }

    /// Time has come to a deadline; the packet to send, if there is one.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Option<(SocketAddr, SoundPacket)> {
        if self.events.deadline().is_some_and(|at| at <= now) {
            self.events.on_time(now);
            self.drain_events();
        }
        self.check_silence(now);
        if self.next_tick.is_none_or(|at| at > now) {
            return None;
        }
        let passed = now.since(self.last_tick).as_micros() / TICK.as_micros();
        self.last_tick = now;
        let idle_units =
            u32::try_from(passed.saturating_sub(1)).unwrap_or_default().saturating_mul(self.tick_units());
        if idle_units > 0 {
            self.sender.skip(idle_units);
        }
        let echo = self.hear(now);
        let sent = self.send(echo, now);
        self.next_tick = Some(if self.is_busy() { now + TICK } else { self.idle_until(now) });
        sent
    }

    fn check_silence(&mut self, now: Timestamp) {
        let Some(limit) = self.silence_limit.filter(|_| !self.timed_out && self.listens()) else { return };
        if now.since(self.heard_at) >= limit {
            self.timed_out = true;
            let silent_ms = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
            self.facts.push_back(MediaFact::TimedOut { silent_ms });
        }
    }

    fn hear(&mut self, now: Timestamp) -> Option<Samples> {
        let ear = self.ear.as_mut().filter(|ear| ear.is_awake())?;
        let facts = &mut self.facts;
        ear.tick(now, |fact| facts.push_back(fact))
    }

    fn send(&mut self, echo: Option<Samples>, now: Timestamp) -> Option<(SocketAddr, SoundPacket)> {
        let connection = self.connection?;
        let (codec, units) = (connection.codec, self.tick_units());
        let events = connection.dtmf_payload_type.is_some();
        let (digits, over) = self.digits.tick(events, codec, self.sender.timestamp());
        self.facts.extend(over.map(|id| MediaFact::DigitsSent { id }));
        let frame = match digits {
            DigitTick::Event(event) => {
                self.sender.skip(units);
                let payload_type = connection.dtmf_payload_type?;
                let length = event.payload.len();
                let header = self.sender.event(payload_type, event.timestamp, event.marker, length);
                return self.out(connection, SoundPacket::new(header, &event.payload), now);
            }
            DigitTick::Tone { digit, begins } => Some(self.mouth.tone(codec, digit, begins)),
            DigitTick::Silence | DigitTick::Pause => None,
            DigitTick::Idle => self.frame(codec, echo),
        };
        if frame.is_none() && self.keep_alive_at > now {
            self.sender.skip(units);
            return None;
        }
        let frame = frame.unwrap_or_else(|| Frame::of(voice::silence(codec)));
        let header = self.sender.media(connection.payload_type, units, frame.octets().len(), now);
        self.out(connection, SoundPacket::new(header, frame.octets()), now)
    }

    /// What is played, or sent back; none: there is nothing.
    fn frame(&mut self, codec: Codec, echo: Option<Samples>) -> Option<Frame> {
        match self.player.as_mut().map(Player::next) {
            Some(Next::Sound(number)) => Some(Frame::of(voice::frame(codec, number))),
            Some(Next::Silence) => None,
            over => {
                if over.is_some()
                    && let Some(Player { playback, played_ms, .. }) = self.player.take()
                {
                    let fact = MediaFact::PlaybackFinished { playback, played_ms, completed: true };
                    self.facts.push_back(fact);
                }
                echo.map(|samples| self.mouth.say(codec, &samples))
            }
        }
    }

    fn out(
        &mut self,
        connection: Connection,
        packet: SoundPacket,
        now: Timestamp,
    ) -> Option<(SocketAddr, SoundPacket)> {
        self.keep_alive_at = now + KEEP_ALIVE;
        if self.muted || !connection.send {
            return None;
        }
        self.sent.0 += 1;
        self.sent.1 += u64::try_from(packet.length - HEADER_LEN).unwrap_or_default();
        Some((connection.remote, packet))
    }

    fn is_busy(&self) -> bool {
        self.player.is_some() || !self.digits.is_idle() || self.ear.as_ref().is_some_and(|ear| ear.is_awake())
    }

    /// The next moment of the leg's own 20 ms grid at which silence is to be sent.
    fn idle_until(&self, now: Timestamp) -> Timestamp {
        let wait = self.keep_alive_at.since(now).as_micros();
        let ticks = u64::try_from(wait.div_ceil(TICK.as_micros())).unwrap_or(1).max(1);
        now + Duration::from_millis(20 * ticks)
    }

    fn wake(&mut self) {
        self.wake_at(self.last_tick);
    }

    /// Has something to do from the next moment of its grid after `now`.
    fn wake_at(&mut self, now: Timestamp) {
        let Some(next) = self.next_tick else { return };
        let passed = now.since(self.last_tick).as_micros() / TICK.as_micros();
        let ticks = u64::try_from(passed).unwrap_or_default() + 1;
        self.next_tick = Some(next.min(self.last_tick + Duration::from_millis(20 * ticks)));
    }

    /// What happened.
    pub(crate) fn poll(&mut self) -> Option<MediaFact> {
        self.facts.pop_front()
    }

    /// The end: what plays is cut, nothing is sent any more. The figures of the whole.
    pub(crate) fn close(&mut self) -> MediaFigures {
        self.cut();
        self.next_tick = None;
        let figures = self.reception.figures();
        let loss = figures.lost as f64 / figures.expected.max(1) as f64;
        let codec = self.connection.map(|connection| connection.codec);
        let quality = estimate(&PathFigures {
            codec: codec.unwrap_or(Codec::Pcmu).into(),
            loss_ratio: loss,
            burst_ratio: burst_ratio(figures.expected, figures.lost, figures.loss_bursts),
            delay_ms: 0.0,
            jitter_ms: f64::from(figures.jitter_us) / 1_000.0,
        });
        MediaFigures {
            received_packets: figures.received,
            received_bytes: self.received_bytes,
            sent_packets: self.sent.0,
            sent_bytes: self.sent.1,
            lost_packets: figures.lost,
            loss_bursts: figures.loss_bursts,
            late_packets: self.ear.as_ref().map_or(0, |ear| ear.late()),
            foreign_packets: self.foreign,
            jitter_ms: figures.jitter_us as f32 / 1_000.0,
            jitter_max_ms: figures.jitter_max_us as f32 / 1_000.0,
            mos: (figures.received > 0).then_some(quality.mos as f32),
            codec,
            total: true,
            ..MediaFigures::default()
        }
    }
}
