//! The far side of all calls at once: sends paced packets, takes all that comes, and measures by the kernel's time of
//! arrival. Runs on one core of its own.

use super::stats::Histogram;
use super::wire::{Arrived, Batch, stamp_arrivals};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

/// Sockets that the legs share.
const SOCKETS: usize = 8;
const HEADER_LEN: usize = 12;
const PACKET_LEN: usize = HEADER_LEN + 160;
/// Where a packet of ours carries the time it was sent.
const SENT_AT: std::ops::Range<usize> = 12..20;
/// An octet that marks a packet as sound: silence is 0xff or 0xd5.
const MARK_AT: usize = 60;
const MARK: u8 = 0x11;
/// Length of a tick.
const TICK_MS: u32 = 20;

/// The generator.
pub(crate) struct Generator {
    sockets: Vec<UdpSocket>,
    legs: Vec<Leg>,
    /// Place in `legs` by the port on the other side, plus one.
    by_port: Vec<u32>,
    batch: Batch,
    /// What legs of Opus say, over and over.
    opus: Vec<Vec<u8>>,
}

/// What a leg speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// G.711, as its payload type says which.
    Telephone(u8),
    /// Opus.
    Opus,
}

/// The payload type of Opus.
const OPUS: u8 = 111;
/// A shorter packet of Opus is silence.
const OPUS_SPEECH_MIN: usize = HEADER_LEN + 12;

impl Speech {
    /// By the name that the programs under test have for it.
    pub(crate) fn of(codec: &str) -> Self {
        match codec {
            "opus" => Self::Opus,
            "a" => Self::Telephone(8),
            _ => Self::Telephone(0),
        }
    }

    const fn payload_type(self) -> u8 {
        match self {
            Self::Telephone(payload_type) => payload_type,
            Self::Opus => OPUS,
        }
    }
}

struct Leg {
    to: SocketAddr,
    speech: Speech,
    sequence: u16,
    last_stamp_ns: u64,
    last_sequence: Option<u16>,
}

/// What was measured in a span.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Packets sent.
    pub(crate) sent: u64,
    /// Packets of sound that came.
    pub(crate) received: u64,
    /// Gaps in the sequence numbers of what came, in packets.
    pub(crate) gaps_in_sequence: u64,
    /// Time between two packets of a leg.
    pub(crate) spacing: Histogram,
    /// Time from sending to arrival at the far side.
    pub(crate) transit: Histogram,
    /// How long it took.
    pub(crate) span: Duration,
}

impl Measured {
    fn new() -> Self {
        Self {
            sent: 0,
            received: 0,
            gaps_in_sequence: 0,
            spacing: Histogram::new(),
            transit: Histogram::new(),
            span: Duration::ZERO,
        }
    }
}

impl Generator {
    /// Sockets without legs.
    pub(crate) fn new() -> std::io::Result<Self> {
        let open = |_| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            stamp_arrivals(&socket)?;
            Ok(socket)
        };
        let sockets = (0..SOCKETS).map(open).collect::<std::io::Result<_>>()?;
        let by_port = vec![0; usize::from(u16::MAX) + 1];
        Ok(Self { sockets, legs: Vec::new(), by_port, batch: Batch::new(), opus: Vec::new() })
    }

    /// The address that the next leg sends to.
    pub(crate) fn next_address(&self) -> std::io::Result<SocketAddr> {
        let socket = self.sockets.get(self.legs.len() % SOCKETS);
        socket.ok_or_else(|| std::io::Error::other("no socket"))?.local_addr()
    }

    /// What legs of Opus say.
    pub(crate) fn speak_opus(&mut self, frames: Vec<Vec<u8>>) {
        self.opus = frames;
    }

    /// That leg is at `port` and speaks so.
    pub(crate) fn add_leg(&mut self, port: u16, speech: Speech) {
        let leg = Leg {
            to: (Ipv4Addr::LOCALHOST, port).into(),
            speech,
            sequence: 0,
            last_stamp_ns: 0,
            last_sequence: None,
        };
        self.legs.push(leg);
        if let Some(place) = self.by_port.get_mut(usize::from(port)) {
            *place = u32::try_from(self.legs.len()).unwrap_or(0);
        }
    }

    /// Runs for `span`, each leg sending each 20 ms if `send`, and measures. `timed` says that what comes back
    /// still carries the time it was sent.
    pub(crate) fn run(&mut self, span: Duration, send: bool, timed: bool) -> Measured {
        let mut measured = Measured::new();
        for leg in &mut self.legs {
            leg.last_sequence = None;
        }
        let start = Instant::now();
        let since_ns = now_ns();
        for ms in 0_u32.. {
            let due = start + Duration::from_millis(1) * ms;
            if due - start >= span {
                break;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if send {
                measured.sent += self.send_phase(ms % TICK_MS);
            }
            self.receive(&mut measured, timed.then_some(since_ns));
        }
        measured.span = start.elapsed();
        measured
    }

    /// Takes what is still on its way.
    pub(crate) fn drain(&mut self, measured: &mut Measured, timed: bool) {
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(1));
            self.receive(measured, timed.then_some(0));
        }
    }

    fn send_phase(&mut self, phase: u32) -> u64 {
        let mut packet = [MARK; PACKET_LEN];
        let mut sent = 0;
        let legs = self.legs.iter_mut().enumerate().skip(phase as usize).step_by(TICK_MS as usize);
        for (number, leg) in legs {
            let Some(socket) = self.sockets.get(number % SOCKETS) else { continue };
            let units = if leg.speech == Speech::Opus { 960 } else { 160 };
            let timestamp = u32::from(leg.sequence).wrapping_mul(units).to_be_bytes();
            let [high, low] = leg.sequence.to_be_bytes();
            let [a, b, c, d] = timestamp;
            let (source, kind) = ([(number >> 8) as u8, number as u8], leg.speech.payload_type());
            let header = [0x80, kind, high, low, a, b, c, d, 0, 0, source[0], source[1]];
            if let Some(head) = packet.first_chunk_mut::<HEADER_LEN>() {
                *head = header;
            }
            let turn = usize::from(leg.sequence) % self.opus.len().max(1);
            let len = match self.opus.get(turn).filter(|_| leg.speech == Speech::Opus) {
                Some(frame) => {
                    let room = packet.get_mut(HEADER_LEN..HEADER_LEN + frame.len());
                    room.map_or(0, |room| {
                        room.copy_from_slice(frame);
                        HEADER_LEN + frame.len()
                    })
                }
                None => {
                    packet.get_mut(HEADER_LEN..).unwrap_or_default().fill(MARK);
                    if let Some(place) = packet.get_mut(SENT_AT) {
                        place.copy_from_slice(&now_ns().to_be_bytes());
                    }
                    PACKET_LEN
                }
            };
            leg.sequence = leg.sequence.wrapping_add(1);
            let packet = packet.get(..len).unwrap_or_default();
            sent += u64::from(socket.send_to(packet, leg.to).is_ok());
        }
        sent
    }

    fn receive(&mut self, measured: &mut Measured, since_ns: Option<u64>) {
        let Self { sockets, legs, by_port, batch, .. } = self;
        for socket in sockets {
            let mut take = |arrived: &Arrived<'_>| {
                let place = by_port.get(usize::from(arrived.port)).and_then(|place| place.checked_sub(1));
                if let Some(leg) = place.and_then(|place| legs.get_mut(place as usize)) {
                    leg.take(arrived, since_ns, measured);
                }
            };
            while batch.receive(socket, &mut take) {}
        }
    }
}

impl Leg {
    fn take(&mut self, arrived: &Arrived<'_>, since_ns: Option<u64>, measured: &mut Measured) {
        let mark = arrived.datagram.get(MARK_AT);
        let is_sound = mark.is_some_and(|octet| !matches!(octet, 0xff | 0xd5));
        let is_speech = match self.speech {
            Speech::Telephone(_) => arrived.datagram.len() == PACKET_LEN && is_sound,
            Speech::Opus => arrived.datagram.len() >= OPUS_SPEECH_MIN,
        };
        if !is_speech {
            return;
        }
        if let Some(since_ns) = since_ns {
            let sent_at = arrived.datagram.get(SENT_AT).and_then(|bytes| bytes.try_into().ok());
            let sent_ns = sent_at.map_or(0, u64::from_be_bytes);
            if sent_ns < since_ns {
                return;
            }
            measured.transit.add(arrived.stamp_ns.saturating_sub(sent_ns));
        }
        measured.received += 1;
        let sequence = arrived.datagram.get(2..4).and_then(|bytes| bytes.try_into().ok());
        let sequence = sequence.map_or(0, u16::from_be_bytes);
        if let Some(last) = self.last_sequence.replace(sequence) {
            measured.gaps_in_sequence += u64::from(sequence.wrapping_sub(last).saturating_sub(1));
            measured.spacing.add(arrived.stamp_ns.saturating_sub(self.last_stamp_ns));
        }
        self.last_stamp_ns = arrived.stamp_ns;
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
