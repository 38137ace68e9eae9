//! Opening and closing: ports run out and come back, unknown legs are errors, prompts are decoded or refused.

use crate::support::*;
use media::{MediaConfig, MediaEngine, StartError};
use ports::media::{MediaError, OpenLeg, PlaneOrder};
use ports::{LegSink, MediaPlane};
use std::sync::Arc;
use std::time::Duration;

fn open(rig: &mut Rig) -> Result<(model::LegId, std::net::SocketAddr), MediaError> {
    let leg = rig.new_leg();
    let sink = Arc::clone(&rig.facts) as Arc<dyn LegSink>;
    let open = OpenLeg { leg, bind: HERE, silence_limit: None, sink };
    rig.engine.open(open).map(|local| (leg, local))
}

/// An even port and three above it, of this process, below those that the kernel gives to others.
fn free_range() -> std::ops::RangeInclusive<u16> {
    let first = 13_000 + u16::try_from(std::process::id() % 350).unwrap() * 8;
    first..=first + 3
}

#[test]
fn ports_run_out_with_a_clear_error_and_come_back_after_their_rest() {
    let config = MediaConfig { rtp_ports: free_range(), port_rest: Duration::from_millis(300), ..config() };
    let mut rig = Rig::new(config);
    let (leg, first) = open(&mut rig).unwrap();
    open(&mut rig).unwrap();
    assert_eq!(open(&mut rig).unwrap_err(), MediaError::NoPort);
    assert_eq!(rig.engine.figures().legs, 2);
    rig.order(leg, PlaneOrder::Connect(connection(&Peer::new())));
    rig.close(leg);
    let closed = std::time::Instant::now();
    let again = loop {
        match open(&mut rig) {
            Ok((_, local)) => break local,
            Err(error) => assert_eq!(error, MediaError::NoPort),
        }
        assert!(closed.elapsed() < DEADLINE, "the port never came back");
        std::thread::yield_now();
    };
    assert_eq!(again, first);
    assert!(closed.elapsed() >= Duration::from_millis(250), "it had no rest");
}

#[test]
fn unknown_legs_are_errors_and_closing_them_is_none() {
    let mut rig = Rig::new(config());
    let nobody = rig.new_leg();
    for order in [PlaneOrder::Unbridge, PlaneOrder::WatchVoice { on: true }] {
        assert_eq!(rig.engine.order(nobody, order), Err(MediaError::UnknownLeg));
    }
    rig.engine.close(nobody);
    let (leg, _peer) = rig.connect(|_| {});
    rig.close(leg);
    rig.engine.close(leg);
    assert_eq!(rig.engine.order(leg, PlaneOrder::Unbridge), Err(MediaError::UnknownLeg));
    assert_eq!(rig.engine.figures().legs, 0);
}

#[test]
fn legs_are_limited_and_open_once() {
    let mut rig = Rig::new(MediaConfig { legs_max: 2, ..config() });
    let (leg, _peer) = rig.connect(|_| {});
    let sink = Arc::clone(&rig.facts) as Arc<dyn LegSink>;
    let again = OpenLeg { leg, bind: HERE, silence_limit: None, sink };
    assert!(matches!(rig.engine.open(again), Err(MediaError::Socket(_))));
    open(&mut rig).unwrap();
    assert_eq!(open(&mut rig).unwrap_err(), MediaError::Busy);
}

#[test]
fn an_engine_that_ends_closes_its_legs() {
    let mut rig = Rig::new(config());
    let (leg, peer) = rig.connect(|_| {});
    rig.play(leg, 1, &[&clip(1, 80_000)]);
    peer.sound(160);
    let Rig { engine, facts, .. } = rig;
    drop(engine);
    assert!(!facts.finished(leg, 1).1);
    assert!(facts.total(leg).sent_packets > 0);
}

#[test]
fn a_range_without_a_pair_is_refused_at_the_start() {
    let config = MediaConfig { rtp_ports: 4_001..=4_002, ..config() };
    let error = MediaEngine::start(config, Arc::new(WallClock)).map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::NoPortPair { first: 4_001, last: 4_002 }), "{error}");
}

#[test]
fn prompts_are_decoded_by_their_bytes_or_named() {
    let mut config = config();
    config.clip_limits.duration_max = Duration::from_secs(2);
    let rig = Rig::new(config);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let prepare = |bytes: Vec<u8>| runtime.block_on(rig.engine.prepare(bytes.into()));
    let mut wav = std::io::Cursor::new(Vec::new());
    audio::wav::write_wav(&mut wav, 48_000, &[5; 48_000]).unwrap();
    let clip = prepare(wav.get_ref().clone()).unwrap();
    assert_eq!(clip.rate_hz, 16_000, "kept at the rate of wide band");
    assert!((15_900..=16_100).contains(&clip.samples.len()), "{}", clip.samples.len());
    assert_eq!(prepare(wav.into_inner()).unwrap().id, clip.id, "equal bytes are equal sound");
    let error = prepare(b"<!DOCTYPE html><html></html>".to_vec()).unwrap_err();
    assert!(matches!(&error, MediaError::NotSound(text) if text.contains("HTML")), "{error}");
    let mut long = std::io::Cursor::new(Vec::new());
    audio::wav::write_wav(&mut long, 48_000, &[5; 144_000]).unwrap();
    let error = prepare(long.into_inner()).unwrap_err();
    assert!(matches!(&error, MediaError::NotSound(_)), "three seconds are too long: {error}");
}
