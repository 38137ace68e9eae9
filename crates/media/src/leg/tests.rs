//! A leg on a real socket in virtual time: what it sends at which tick.

use super::*;
use crate::config::MediaConfig;
use crate::port_pool::{MediaSockets, PortPool};
use crate::prompts::EncodedClip;
use model::CallId;
use model::id::IdSource;
use model::sound::PlaybackId;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Mutex;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[derive(Default)]
struct Told(Mutex<Vec<MediaFact>>);

impl LegSink for Told {
    fn leg(&self, _leg: LegId, _fact: model::leg::LegFact) {}

    fn media(&self, _leg: LegId, fact: MediaFact) {
        self.0.lock().unwrap().push(fact);
    }
}

struct Bench {
    leg: Leg<MediaSockets>,
    peer: UdpSocket,
    told: Arc<Told>,
}

fn connected(send: bool) -> Bench {
    agreed(|connection| connection.send = send)
}

fn agreed(change: impl FnOnce(&mut MediaConnection)) -> Bench {
    let config = MediaConfig { rtp_ports: 0..=0, ..MediaConfig::default() };
    let pool = PortPool::new(&config, &mut Dice::new(1)).unwrap();
    let told = Arc::new(Told::default());
    let open = OpenLeg {
        leg: LegId::new(CallId::generate(&mut IdSource::new(1), START), 0),
        bind: HERE,
        silence_limit: Some(Duration::from_secs(1)),
        sink: Arc::clone(&told) as Arc<dyn LegSink>,
    };
    let equipment = Equipment {
        wire: pool.open(HERE).unwrap(),
        dice: Dice::new(2),
        report_interval: Duration::from_secs(5_000),
        figures_interval: Duration::from_secs(5_000),
        counters: Arc::default(),
    };
    let peer = UdpSocket::bind((HERE, 0)).unwrap();
    peer.set_nonblocking(true).unwrap();
    let mut connection = MediaConnection {
        remote: peer.local_addr().unwrap(),
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
    change(&mut connection);
    let mut leg = Leg::new(open, equipment);
    leg.order(LegOrder::Connect(Box::new(connection)), START);
    Bench { leg, peer, told }
}

impl Bench {
    fn tick(&mut self, ms: u64) {
        self.leg.tick(START + Duration::from_millis(ms));
    }

    /// Time stamp and marker of all that was sent, the first at 0. Loopback delivers within the call that sends.
    fn sent(&self) -> Vec<(u32, bool)> {
        let mut buffer = [0; 2_000];
        let mut sent: Vec<(u32, bool)> = Vec::new();
        while let Ok(len) = self.peer.recv(&mut buffer) {
            let packet = rtp::Packet::parse(&buffer[..len]).unwrap();
            sent.push((packet.timestamp, packet.marker));
        }
        let first = sent.first().map_or(0, |(timestamp, _)| *timestamp);
        sent.into_iter().map(|(timestamp, marker)| (timestamp.wrapping_sub(first), marker)).collect()
    }
}

#[test]
fn media_time_is_real_time_also_after_a_stall() {
    let mut bench = connected(true);
    for ms in [5, 25, 45, 245, 245, 245, 245, 265] {
        bench.tick(ms);
    }
    let expected = [
        (0, true),
        (160, false),
        (320, false),
        (1_440, true),
        (1_600, false),
        (1_760, false),
        (1_920, false),
        (2_080, false),
    ];
    assert_eq!(bench.sent(), expected, "of 180 ms between two ticks 120 were left out");
}

#[test]
fn wake_ups_that_are_a_little_late_leave_nothing_out() {
    let mut bench = connected(true);
    for ms in [0, 39, 40, 75, 75, 139, 139, 139, 160] {
        bench.tick(ms);
    }
    let sent = bench.sent();
    assert_eq!(sent.len(), 9);
    assert!(sent.windows(2).all(|pair| pair[1] == (pair[0].0 + 160, false)), "{sent:?}");
}

#[test]
fn what_may_not_be_sent_passes_in_silence() {
    let mut bench = connected(false);
    let clips = [EncodedClip::of_octets(vec![1; 320].into())];
    let player = Player::new(PlaybackId(4), Codec::Pcmu, clips.into(), 1, 0);
    bench.leg.order(LegOrder::Play(Box::new(player)), START);
    (0..5).for_each(|tick| bench.tick(tick * 20));
    assert!(bench.sent().is_empty());
    let told = bench.told.0.lock().unwrap();
    let expected = MediaFact::PlaybackFinished { playback: PlaybackId(4), played_ms: 0, completed: true };
    assert_eq!(*told, [expected]);
}

/// How often a leg is reported silent in three seconds; the far side sends a report at these milliseconds.
fn check_silence(send: bool, receive: bool, reports: &[u64], expected: usize) {
    let mut bench = agreed(|connection| (connection.send, connection.receive) = (send, receive));
    let source = bench.peer.local_addr().unwrap();
    // An empty receiver report (RFC 3550 §6.4.2) and its CNAME.
    let mut report =
        [&[0x80, 201, 0, 1, 0, 0, 0, 7][..], &[0x81, 202, 0, 2, 0, 0, 0, 7, 1, 1, b'x', 0]].concat();
    for ms in (0..3_000).step_by(20) {
        if reports.contains(&ms) {
            bench.leg.on_datagram(&mut report, source, START + Duration::from_millis(ms));
        }
        bench.tick(ms);
    }
    let told = bench.told.0.lock().unwrap();
    let silent = told.iter().filter(|fact| matches!(fact, MediaFact::TimedOut { .. })).count();
    assert_eq!(silent, expected, "send {send}, receive {receive}, reports at {reports:?}");
}

#[test]
fn only_a_stream_both_ways_may_not_fall_silent_and_a_report_is_a_sign_of_life() {
    check_silence(true, true, &[], 1);
    check_silence(true, true, &[800, 1_600, 2_400], 0);
    check_silence(true, true, &[1_500], 2);
    check_silence(false, true, &[], 0);
    check_silence(true, false, &[], 0);
    check_silence(false, false, &[], 0);
}
