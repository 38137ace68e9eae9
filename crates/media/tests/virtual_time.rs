//! The plane in virtual time: two legs of it talk to each other through a wire of the test's own.
#![cfg(test)]

use media::{MediaConfig, VirtualPlane};
use model::id::IdSource;
use model::sound::{Codec, DigitsId, MediaFact, PlaybackId, RecordSource};
use model::{CallId, LegId, RecordingId, Timestamp};
use ports::media::{Clip, ClipId, LatchPolicy, MediaConnection, OpenLeg, PlaneOrder};
use ports::{LegSink, MediaPlane};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[derive(Default)]
struct Told(Mutex<Vec<(LegId, MediaFact)>>);

impl LegSink for Told {
    fn leg(&self, _leg: LegId, _fact: model::leg::LegFact) {}

    fn media(&self, leg: LegId, fact: MediaFact) {
        self.0.lock().unwrap().push((leg, fact));
    }
}

struct World {
    plane: Arc<VirtualPlane>,
    told: Arc<Told>,
    legs: [(LegId, SocketAddr); 2],
    now: Timestamp,
    /// Every byte that went over the wire.
    wire: Vec<u8>,
}

impl World {
    fn new(seed: u64) -> Self {
        let plane = VirtualPlane::new(MediaConfig::default(), seed, START);
        let told = Arc::new(Told::default());
        let call = CallId::generate(&mut IdSource::new(seed), START);
        let open = |number: u16| {
            let leg = LegId::new(call, number);
            let sink = Arc::clone(&told) as Arc<dyn LegSink>;
            (leg, plane.open(OpenLeg { leg, bind: HERE, silence_limit: None, sink }).unwrap())
        };
        let legs = [open(0), open(1)];
        let world = Self { plane, told, legs, now: START, wire: Vec::new() };
        for (leg, remote) in [(legs[0].0, legs[1].1), (legs[1].0, legs[0].1)] {
            let connection = MediaConnection {
                remote,
                remote_rtcp: None,
                latch: LatchPolicy::Strict,
                codec: Codec::Pcmu,
                payload_type: 0,
                receive_payload_type: 0,
                dtmf_payload_type: Some(101),
                receive_dtmf_payload_type: Some(101),
                comfort_noise_payload_type: None,
                srtp: None,
                ptime_ms: 20,
                send: true,
                receive: true,
            };
            world.plane.order(leg, PlaneOrder::Connect(connection)).unwrap();
        }
        world
    }

    /// Lets time pass; the wire takes no time.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.plane.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.plane.tick(self.now);
            while let Some(mut packet) = self.plane.poll_packet() {
                self.wire.extend_from_slice(&packet.datagram);
                self.plane.on_packet(packet.to, packet.from, &mut packet.datagram, self.now);
            }
        }
        self.now = end;
    }

    fn facts(&self, leg: usize) -> Vec<MediaFact> {
        let told = self.told.0.lock().unwrap();
        told.iter().filter(|(of, _)| *of == self.legs[leg].0).map(|(_, fact)| fact.clone()).collect()
    }
}

fn played_and_keyed(seed: u64) -> World {
    let mut world = World::new(seed);
    let samples = (0..8_000).map(|n| ((f64::from(n) * 0.2).sin() * 9_000.0) as i16).collect();
    let clip = Arc::new(Clip { id: ClipId([1; 16]), rate_hz: 8_000, samples });
    let [(first, _), (second, _)] = world.legs;
    world.plane.order(second, PlaneOrder::WatchVoice { on: true }).unwrap();
    let play = PlaneOrder::Play { playback: PlaybackId(1), clips: vec![clip], times: 2, gap_ms: 500 };
    world.plane.order(first, play).unwrap();
    world.run(Duration::from_secs(4));
    let digits = PlaneOrder::SendDigits { id: DigitsId(1), digits: "42".to_owned(), in_band: false };
    world.plane.order(second, digits).unwrap();
    world.run(Duration::from_secs(1));
    world
}

#[test]
fn a_call_of_five_seconds_needs_no_time_and_tells_what_happened() {
    let world = played_and_keyed(7);
    let first = world.facts(0);
    let finished = MediaFact::PlaybackFinished { playback: PlaybackId(1), played_ms: 2_500, completed: true };
    assert!(first.contains(&finished), "{first:?}");
    for digit in ['4', '2'] {
        assert!(first.contains(&MediaFact::Digit { digit, duration_ms: 100 }), "{first:?}");
    }
    let second = world.facts(1);
    assert!(second.contains(&MediaFact::VoiceStarted) && second.contains(&MediaFact::VoiceStopped));
    for (leg, _) in world.legs {
        world.plane.close(leg);
    }
    assert_eq!(world.plane.legs(), 0);
    let MediaFact::Figures(total) = world.facts(0).pop().unwrap() else { panic!("no figures at the end") };
    assert!(total.total && total.lost_packets == 0 && total.received_packets > 200, "{total:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(played_and_keyed(3).wire, played_and_keyed(3).wire);
    assert_ne!(played_and_keyed(3).wire, played_and_keyed(4).wire);
}

#[test]
fn recordings_are_counted() {
    let mut world = World::new(1);
    let leg = world.legs[0].0;
    let recording = RecordingId::generate(&mut IdSource::new(2), START);
    let (source, spool) = (RecordSource::Mixed, std::path::PathBuf::from("a"));
    world.plane.order(leg, PlaneOrder::StartRecording { recording, source, spool: spool.clone() }).unwrap();
    world.run(Duration::from_secs(2));
    world.plane.order(leg, PlaneOrder::StopRecording { recording }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let finished = runtime.block_on(world.plane.finish_recording(spool, "b".into())).unwrap();
    assert!((1_980..=2_020).contains(&finished.duration_ms), "{finished:?}");
}

#[test]
fn ports_come_back_with_their_legs() {
    let plane = VirtualPlane::new(MediaConfig { rtp_ports: 10..=13, ..MediaConfig::default() }, 1, START);
    let call = CallId::generate(&mut IdSource::new(1), START);
    let open = |number: u16| {
        let leg = LegId::new(call, number);
        plane.open(OpenLeg { leg, bind: HERE, silence_limit: None, sink: Arc::new(Told::default()) })
    };
    assert_eq!(open(0).unwrap().port(), 10);
    assert_eq!(open(1).unwrap().port(), 12);
    assert_eq!(open(2), Err(ports::MediaError::NoPort));
    plane.close(LegId::new(call, 0));
    assert_eq!(open(3).unwrap().port(), 10);
}
