//! The packet path allocates nothing: counted on the worker's own thread by the allocator itself, in a binary of its
//! own, while legs play, relay, listen, record and report, in every codec, encrypted, transcoded and in a conference.
#![allow(
    unsafe_code,
    reason = "an allocator can only be replaced by an unsafe impl; this one adds a counter to the system's"
)]

use media::{MediaConfig, MediaEngine};
use model::id::IdSource;
use model::sound::{Codec, MediaFact, PlaybackId, RecordSource};
use model::srtp::{SrtpKey, SrtpKeys, SrtpSuite};
use model::{CallId, LegId, RecordingId, Timestamp};
use ports::media::{Clip, ClipId, ConferenceId, LatchPolicy, MediaConnection, OpenLeg, PlaneOrder};
use ports::{Clock, LegSink, MediaPlane};
use rtp::packet::{HEADER_LEN, write_header};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static FACTS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every call goes to the system allocator unchanged; the counters are a plain cell and an atomic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_WORKER.try_with(Cell::get).unwrap_or(false) {
            ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Facts are told on the worker's thread, which marks it.
struct Marking;

impl LegSink for Marking {
    fn leg(&self, _leg: LegId, _fact: model::leg::LegFact) {}

    fn media(&self, _leg: LegId, _fact: MediaFact) {
        IS_WORKER.with(|is_worker| is_worker.set(true));
        FACTS.fetch_add(1, Ordering::SeqCst);
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[cfg(test)]
mod rig {
    use super::*;

    pub(super) struct Peer {
        pub(super) leg: LegId,
        socket: UdpSocket,
        to: SocketAddr,
        stream: rtp::Sender,
        codec: Codec,
        /// 20 ms of a tone in its codec.
        frame: Vec<u8>,
    }

    fn payload_type(codec: Codec) -> u8 {
        codec.static_payload_type().unwrap_or(111)
    }

    fn frame(codec: Codec) -> Vec<u8> {
        let mut encoder = audio::Encoder::new(codec, 8_000, audio::OpusSettings::default()).unwrap();
        let pcm: Vec<i16> = (0..160).map(|n| ((f64::from(n) * 0.3).sin() * 9_000.0) as i16).collect();
        let mut octets = [0; 400];
        let len = encoder.encode(&pcm, &mut octets).unwrap();
        octets[..len].to_vec()
    }

    impl Peer {
        pub(super) fn say(&mut self, octet: u8) {
            let mut packet = [octet; HEADER_LEN + 160];
            let header = self.stream.media(0, 160, 160, Timestamp::default());
            write_header(packet.first_chunk_mut::<HEADER_LEN>().unwrap(), header);
            self.socket.send_to(&packet, self.to).unwrap();
        }

        /// Says a tone in its own codec.
        pub(super) fn hum(&mut self) {
            let units = self.codec.rtp_clock_hz() / 50;
            let len = self.frame.len();
            let header = self.stream.media(payload_type(self.codec), units, len, Timestamp::default());
            let mut packet = vec![0; HEADER_LEN];
            write_header(packet.first_chunk_mut::<HEADER_LEN>().unwrap(), header);
            packet.extend_from_slice(&self.frame);
            self.socket.send_to(&packet, self.to).unwrap();
        }

        /// Waits for a packet whose sound begins with `octet`.
        pub(super) fn hear(&self, octet: u8) {
            let mut buffer = [0; 500];
            for _ in 0..10_000 {
                let len = self.socket.recv(&mut buffer).expect("the relay stands still");
                if len > HEADER_LEN && buffer[HEADER_LEN] == octet {
                    return;
                }
            }
            panic!("{octet} was never heard");
        }
    }

    pub(super) fn connected(engine: &MediaEngine, ids: &mut IdSource) -> Peer {
        speaking(engine, ids, Codec::Pcmu, None)
    }

    pub(super) fn speaking(
        engine: &MediaEngine,
        ids: &mut IdSource,
        codec: Codec,
        srtp: Option<SrtpKeys>,
    ) -> Peer {
        let leg = LegId::new(CallId::generate(ids, Timestamp::default()), 0);
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let sink = Arc::new(Marking);
        let open = OpenLeg { leg, bind: HERE, silence_limit: None, sink };
        let to = engine.open(open).unwrap();
        let connection = MediaConnection {
            remote: socket.local_addr().unwrap(),
            remote_rtcp: None,
            latch: LatchPolicy::Strict,
            codec,
            payload_type: payload_type(codec),
            receive_payload_type: payload_type(codec),
            dtmf_payload_type: None,
            receive_dtmf_payload_type: None,
            comfort_noise_payload_type: None,
            srtp,
            ptime_ms: 20,
            send: true,
            receive: true,
        };
        engine.order(leg, PlaneOrder::Connect(connection)).unwrap();
        let stream = rtp::Sender::new(1, 2, 3, codec.rtp_clock_hz());
        Peer { leg, socket, to, stream, codec, frame: frame(codec) }
    }

    pub(super) fn play_a_minute(engine: &MediaEngine, leg: LegId) {
        let clip = Clip { id: ClipId([1; 16]), rate_hz: 8_000, samples: vec![1_000; 480_000].into() };
        let play =
            PlaneOrder::Play { playback: PlaybackId(1), clips: vec![Arc::new(clip)], times: 1, gap_ms: 0 };
        engine.order(leg, play).unwrap();
    }
}

/// Legs that are transcoded, mixed, encrypted, and listened to in wide band.
#[cfg(test)]
fn humming(engine: &MediaEngine, ids: &mut IdSource, folder: &std::path::Path) -> Vec<rig::Peer> {
    let key = |first: u8| {
        let octets: Vec<u8> = (first..first + 30).collect();
        SrtpKey::new(SrtpSuite::AesCm128HmacSha1_80, &octets).unwrap()
    };
    let keys = SrtpKeys { send: key(1), receive: key(2) };
    let order = |leg, order| engine.order(leg, order).unwrap();
    let secret = rig::speaking(engine, ids, Codec::Pcma, Some(keys));
    rig::play_a_minute(engine, secret.leg);
    let bridged = [Codec::Pcmu, Codec::Opus].map(|codec| rig::speaking(engine, ids, codec, None));
    order(bridged[0].leg, PlaneOrder::Bridge { with: bridged[1].leg });
    let members =
        [Codec::Pcmu, Codec::G722, Codec::Opus].map(|codec| rig::speaking(engine, ids, codec, None));
    for member in &members {
        let conference = ConferenceId(1);
        order(member.leg, PlaneOrder::JoinConference { conference, muted: false, deaf: false });
    }
    let wide = [Codec::G722, Codec::Opus].map(|codec| rig::speaking(engine, ids, codec, None));
    for (number, leg) in wide.iter().enumerate() {
        let recording = RecordingId::generate(ids, Timestamp::default());
        let spool = folder.join(format!("wide-{number}"));
        order(leg.leg, PlaneOrder::StartRecording { recording, source: RecordSource::Mixed, spool });
        rig::play_a_minute(engine, leg.leg);
    }
    std::iter::once(secret).chain(bridged).chain(members).chain(wide).collect()
}

#[test]
fn a_thousand_packets_allocate_nothing_on_the_workers_thread() {
    let config = MediaConfig {
        workers: 1,
        rtp_ports: 0..=0,
        report_interval: Duration::from_millis(50),
        figures_interval: Duration::from_millis(100),
        ..MediaConfig::default()
    };
    let engine = MediaEngine::start(config, Arc::new(Still)).unwrap();
    let mut ids = IdSource::new(3);
    let [mut a, mut b, mut listened, playing] = std::array::from_fn(|_| rig::connected(&engine, &mut ids));
    let folder = tempfile::tempdir().unwrap();
    let recording = RecordingId::generate(&mut ids, Timestamp::default());
    let spool = folder.path().join("spool");
    let record = PlaneOrder::StartRecording { recording, source: RecordSource::Mixed, spool };
    engine.order(listened.leg, record).unwrap();
    engine.order(listened.leg, PlaneOrder::WatchVoice { on: true }).unwrap();
    let settings = model::amd::AmdSettings::default();
    engine.order(listened.leg, PlaneOrder::DetectMachine { settings }).unwrap();
    engine.order(a.leg, PlaneOrder::Bridge { with: b.leg }).unwrap();
    rig::play_a_minute(&engine, playing.leg);

    let mut humming = humming(&engine, &mut ids, folder.path());
    let mut exchange = |rounds: u16| {
        for round in 0..rounds {
            let octet = round as u8 | 1;
            a.say(octet);
            b.hear(octet);
            b.say(octet);
            a.hear(octet);
            listened.say(octet);
            humming.iter_mut().for_each(rig::Peer::hum);
        }
    };
    exchange(150);
    let (facts, before) = (FACTS.load(Ordering::SeqCst), ALLOCATIONS.load(Ordering::SeqCst));
    exchange(2_000);
    let after = ALLOCATIONS.load(Ordering::SeqCst);
    assert!(FACTS.load(Ordering::SeqCst) > facts, "figures were told meanwhile");
    assert_eq!(after - before, 0, "allocations over 22,000 packets in and as many ticks as that took");
    drop(engine);
    assert!(ALLOCATIONS.load(Ordering::SeqCst) > after, "the counter counts: an end is no packet path");
}
