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
}

struct Leg {
    to: SocketAddr,
    payload_type: u8,
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
        Ok(Self { sockets, legs: Vec::new(), by_port, batch: Batch::new() })
    }

    /// The address that the next leg sends to.
    pub(crate) fn next_address(&self) -> std::io::Result<SocketAddr> {
        let socket = self.sockets.get(self.legs.len() % SOCKETS);
        socket.ok_or_else(|| std::io::Error::other("no socket"))?.local_addr()
    }

    /// That leg is at `port` and wants sound of this payload type.
    pub(crate) fn add_leg(&mut self, port: u16, payload_type: u8) {
        let leg = Leg {
            to: (Ipv4Addr::LOCALHOST, port).into(),
            payload_type,
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
            let timestamp = u32::from(leg.sequence).wrapping_mul(160).to_be_bytes();
            let [high, low] = leg.sequence.to_be_bytes();
            let [a, b, c, d] = timestamp;
            let header =
                [0x80, leg.payload_type, high, low, a, b, c, d, 0, 0, (number >> 8) as u8, number as u8];
            if let Some(head) = packet.first_chunk_mut::<HEADER_LEN>() {
                *head = header;
            }
            if let Some(place) = packet.get_mut(SENT_AT) {
                place.copy_from_slice(&now_ns().to_be_bytes());
            }
            leg.sequence = leg.sequence.wrapping_add(1);
            sent += u64::from(socket.send_to(&packet, leg.to).is_ok());
        }
        sent
    }

    fn receive(&mut self, measured: &mut Measured, since_ns: Option<u64>) {
        let Self { sockets, legs, by_port, batch } = self;
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
        if arrived.datagram.len() != PACKET_LEN || !is_sound {
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
