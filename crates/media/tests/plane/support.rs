//! A far side of plain sockets, a sink that collects facts, and an engine with short times. Waits are for events,
//! each with one generous deadline.

use audio::Law;
use media::{MediaConfig, MediaEngine};
use model::id::IdSource;
use model::sound::{Codec, MediaFact, MediaFigures, PlaybackId};
use model::{CallId, LegId, Timestamp};
use ports::media::{Clip, ClipId, LatchPolicy, MediaConnection, OpenLeg, PlaneOrder};
use ports::{Clock, LegSink, MediaPlane};
use rtp::packet::{HEADER_LEN, Header, write_header};
use rtp::{Packet, Sender};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longer than anything takes here; reached only by a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
pub(crate) const DTMF: u8 = 101;

pub(crate) struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap())
    }
}

/// Collects facts.
#[derive(Default)]
pub(crate) struct Facts {
    heard: Mutex<Vec<(LegId, MediaFact)>>,
    changed: Condvar,
}

impl LegSink for Facts {
    fn leg(&self, _leg: LegId, _fact: model::leg::LegFact) {}

    fn media(&self, leg: LegId, fact: MediaFact) {
        self.heard.lock().unwrap().push((leg, fact));
        self.changed.notify_all();
    }
}

impl Facts {
    /// Waits until `wanted` picks something from all facts so far.
    pub(crate) fn wait<T>(&self, mut wanted: impl FnMut(&[(LegId, MediaFact)]) -> Option<T>) -> T {
        let until = Instant::now() + DEADLINE;
        let mut heard = self.heard.lock().unwrap();
        loop {
            if let Some(found) = wanted(&heard) {
                return found;
            }
            let left = until.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("never came; so far: {heard:#?}"));
            heard = self.changed.wait_timeout(heard, left).unwrap().0;
        }
    }

    pub(crate) fn wait_for(&self, leg: LegId, wanted: impl Fn(&MediaFact) -> bool) -> MediaFact {
        self.wait(|all| {
            all.iter().find(|(of, fact)| *of == leg && wanted(fact)).map(|(_, fact)| fact.clone())
        })
    }

    /// Played milliseconds and whether it was completed.
    pub(crate) fn finished(&self, leg: LegId, number: u32) -> (u32, bool) {
        self.wait(|all| {
            all.iter().find_map(|(of, fact)| match fact {
                MediaFact::PlaybackFinished { playback, played_ms, completed }
                    if *of == leg && *playback == PlaybackId(number) =>
                {
                    Some((*played_ms, *completed))
                }
                _ => None,
            })
        })
    }

    pub(crate) fn total(&self, leg: LegId) -> MediaFigures {
        self.wait(|all| {
            all.iter().find_map(|(of, fact)| match fact {
                MediaFact::Figures(figures) if *of == leg && figures.total => Some(*figures),
                _ => None,
            })
        })
    }

    pub(crate) fn of(&self, leg: LegId) -> Vec<MediaFact> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(of, _)| *of == leg).map(|(_, fact)| fact.clone()).collect()
    }
}

/// What one packet was.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) at: Instant,
}

/// A far side.
pub(crate) struct Peer {
    pub(crate) socket: UdpSocket,
    pub(crate) stream: Sender,
    pub(crate) to: SocketAddr,
}

impl Peer {
    pub(crate) fn new() -> Self {
        Self::at(HERE)
    }

    /// A far side at another machine than all others: loopback has as many addresses as are asked for.
    pub(crate) fn elsewhere(machine: u8) -> Self {
        Self::at(Ipv4Addr::new(127, 0, 0, machine).into())
    }

    fn at(address: IpAddr) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { socket, stream: Sender::new(0xabcd, 65_530, 77, 8_000), to: (HERE, 9).into() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Sends a packet of sound with the next numbers.
    pub(crate) fn say(&mut self, payload_type: u8, payload: &[u8]) {
        let units = u32::try_from(payload.len()).unwrap();
        let header = self.stream.media(payload_type, units, payload.len(), Timestamp::default());
        self.send(header, payload);
    }

    pub(crate) fn send(&self, header: Header, payload: &[u8]) {
        let mut head = [0; HEADER_LEN];
        write_header(&mut head, header);
        self.socket.send_to(&[&head, payload].concat(), self.to).unwrap();
    }

    /// Sends 20 ms frames in real time.
    pub(crate) fn stream_sound(&mut self, payload_type: u8, octets: &[u8]) {
        let start = Instant::now();
        for (number, frame) in octets.chunks(160).enumerate() {
            let due = start + Duration::from_millis(20) * u32::try_from(number).unwrap();
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.say(payload_type, frame);
        }
    }

    /// The next RTP packet.
    pub(crate) fn next(&self) -> Got {
        loop {
            let mut buffer = [0; 2_048];
            let (len, _) = self.socket.recv_from(&mut buffer).expect("no packet came");
            let Ok(packet) = Packet::parse(&buffer[..len]) else { continue };
            return Got {
                payload_type: packet.payload_type,
                marker: packet.marker,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                ssrc: packet.ssrc,
                payload: packet.payload.to_vec(),
                at: Instant::now(),
            };
        }
    }

    /// The next packet that `wanted` likes.
    pub(crate) fn next_that(&self, wanted: impl Fn(&Got) -> bool) -> Got {
        let until = Instant::now() + DEADLINE;
        loop {
            let got = self.next();
            if wanted(&got) {
                return got;
            }
            assert!(Instant::now() < until, "no such packet came");
        }
    }

    /// Packets that are not all silence, until as many octets have come.
    pub(crate) fn sound(&self, octets: usize) -> Vec<Got> {
        let mut got = vec![self.next_that(|got| !is_silence(&got.payload))];
        while got.iter().map(|got| got.payload.len()).sum::<usize>() < octets {
            got.push(self.next());
        }
        got
    }
}

pub(crate) fn is_silence(payload: &[u8]) -> bool {
    payload.iter().all(|octet| matches!(octet, 0xff | 0xd5))
}

pub(crate) fn octets(got: &[Got]) -> Vec<u8> {
    got.iter().flat_map(|got| got.payload.iter().copied()).collect()
}

/// An engine, a leg of it and its far side, connected.
pub(crate) struct Rig {
    pub(crate) engine: Arc<MediaEngine>,
    pub(crate) facts: Arc<Facts>,
    ids: IdSource,
}

pub(crate) fn config() -> MediaConfig {
    MediaConfig { workers: 1, rtp_ports: 0..=0, pool_threads: 1, ..MediaConfig::default() }
}

impl Rig {
    pub(crate) fn new(config: MediaConfig) -> Self {
        let engine = MediaEngine::start(config, Arc::new(WallClock)).unwrap();
        Self { engine, facts: Arc::default(), ids: IdSource::new(5) }
    }

    pub(crate) fn new_leg(&mut self) -> LegId {
        LegId::new(CallId::generate(&mut self.ids, Timestamp::from_millis(1)), 0)
    }

    pub(crate) fn open(&mut self, change: impl FnOnce(&mut OpenLeg)) -> (LegId, Peer) {
        let leg = self.new_leg();
        let mut open = OpenLeg {
            leg,
            bind: HERE,
            silence_limit: None,
            sink: Arc::clone(&self.facts) as Arc<dyn LegSink>,
        };
        change(&mut open);
        let mut peer = Peer::new();
        peer.to = self.engine.open(open).unwrap();
        (leg, peer)
    }

    /// A leg that is connected to its far side as `change` wants it.
    pub(crate) fn connect(&mut self, change: impl FnOnce(&mut MediaConnection)) -> (LegId, Peer) {
        let (leg, peer) = self.open(|_| {});
        let mut connection = connection(&peer);
        change(&mut connection);
        self.order(leg, PlaneOrder::Connect(connection));
        (leg, peer)
    }

    pub(crate) fn order(&self, leg: LegId, order: PlaneOrder) {
        self.engine.order(leg, order).unwrap();
    }

    pub(crate) fn play(&self, leg: LegId, number: u32, clips: &[&Arc<Clip>]) {
        let clips = clips.iter().map(|clip| Arc::clone(clip)).collect();
        self.order(leg, PlaneOrder::Play { playback: PlaybackId(number), clips, times: 1, gap_ms: 0 });
    }

    pub(crate) fn close(&self, leg: LegId) -> MediaFigures {
        self.engine.close(leg);
        self.facts.total(leg)
    }
}

pub(crate) fn connection(peer: &Peer) -> MediaConnection {
    MediaConnection {
        remote: peer.address(),
        remote_rtcp: None,
        latch: LatchPolicy::Strict,
        codec: Codec::Pcmu,
        payload_type: 0,
        receive_payload_type: 0,
        dtmf_payload_type: Some(DTMF),
        receive_dtmf_payload_type: Some(DTMF),
        comfort_noise_payload_type: None,
        srtp: None,
        ptime_ms: 20,
        send: true,
        receive: true,
    }
}

/// A sound that is nowhere silent and nowhere the same twice in a row.
pub(crate) fn clip(number: u8, samples: usize) -> Arc<Clip> {
    let wave = |n: usize| {
        let slow = (n as f64 * 0.011 * f64::from(number)).sin();
        let fast = (n as f64 * 0.31).sin();
        (9_000.0 + 6_000.0 * slow * fast) as i16
    };
    Arc::new(Clip { id: ClipId([number; 16]), rate_hz: 8_000, samples: (0..samples).map(wave).collect() })
}

pub(crate) fn encoded(clip: &Clip, law: Law) -> Vec<u8> {
    let mut octets = vec![0; clip.samples.len()];
    audio::g711::encode(law, &clip.samples, &mut octets);
    octets
}
