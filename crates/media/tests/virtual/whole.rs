//! A whole call, the same bytes each time, and what comes back when it is over.

use crate::world::*;
use media::{MediaConfig, VirtualPlane};
use model::id::IdSource;
use model::sound::{Codec, DigitsId, MediaFact, PlaybackId, RecordSource};
use model::{CallId, LegId, RecordingId};
use ports::MediaPlane;
use ports::media::{FOREVER, OpenLeg, PlaneOrder};
use std::sync::Arc;

fn played_and_keyed(seed: u64) -> (World, Pair) {
    let mut world = World::new(seed);
    let pair = world.pair(Codec::Pcmu, |_, _| {});
    world.order(pair.far, PlaneOrder::WatchVoice { on: true });
    let clips = vec![voice(1, 1_000)];
    world.order(pair.near, PlaneOrder::Play { playback: PlaybackId(1), clips, times: 2, gap_ms: 500 });
    world.run(4_000);
    let digits = PlaneOrder::SendDigits { id: DigitsId(1), digits: "42".to_owned(), in_band: false };
    world.order(pair.far, digits);
    world.run(1_000);
    (world, pair)
}

#[test]
fn a_call_of_five_seconds_needs_no_time_and_tells_what_happened() {
    let (world, pair) = played_and_keyed(7);
    let near = world.facts(pair.near);
    let finished = MediaFact::PlaybackFinished { playback: PlaybackId(1), played_ms: 2_500, completed: true };
    assert!(near.contains(&finished), "{near:?}");
    assert_eq!(world.digits(pair.near), "42");
    let far = world.facts(pair.far);
    assert!(far.contains(&MediaFact::VoiceStarted) && far.contains(&MediaFact::VoiceStopped), "{far:?}");
    world.close(pair.far);
    let total = world.close(pair.near);
    assert_eq!((world.near.legs(), world.far.legs()), (0, 0));
    assert!(total.total && total.lost_packets == 0 && total.received_packets > 200, "{total:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(played_and_keyed(3).0.wire, played_and_keyed(3).0.wire);
    assert_ne!(played_and_keyed(3).0.wire, played_and_keyed(4).0.wire);
}

#[test]
fn what_is_played_for_ever_is_played_until_it_is_stopped() {
    let mut world = World::new(1);
    let pair = world.pair(Codec::Pcmu, |_, _| {});
    world.play(pair.near, 5, &voice(1, 100), FOREVER);
    world.run(3_600_000);
    world.order(pair.near, PlaneOrder::StopPlayback { playback: PlaybackId(5) });
    let finished = world.facts(pair.near).into_iter().find_map(|fact| match fact {
        MediaFact::PlaybackFinished { played_ms, completed, .. } => Some((played_ms, completed)),
        _ => None,
    });
    let (played_ms, completed) = finished.unwrap();
    assert!((3_599_900..=3_600_100).contains(&played_ms) && !completed, "{played_ms}");
}

#[test]
fn recordings_are_counted() {
    let mut world = World::new(1);
    let pair = world.pair(Codec::Opus, |_, _| {});
    let recording = RecordingId::generate(&mut IdSource::new(2), START);
    let (source, spool) = (RecordSource::Mixed, std::path::PathBuf::from("a"));
    world.order(pair.near, PlaneOrder::StartRecording { recording, source, spool: spool.clone() });
    world.run(2_000);
    world.order(pair.near, PlaneOrder::StopRecording { recording });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let finished = runtime.block_on(world.near.finish_recording(spool, "b".into())).unwrap();
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
