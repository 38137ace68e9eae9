//! Sound that goes one way, or is nothing but silence, is told once; levels are measured both ways.

use crate::world::*;
use model::sound::{Codec, MediaFact, SoundWay};
use ports::media::{FOREVER, PlaneOrder};

fn told(world: &World, pair: Pair) -> Vec<String> {
    let told = world.facts(pair.near).into_iter().filter_map(|fact| match fact {
        MediaFact::OneWay { missing: SoundWay::Received, .. } => Some("not heard"),
        MediaFact::OneWay { missing: SoundWay::Sent, .. } => Some("not reached"),
        MediaFact::BothWays => Some("both ways"),
        MediaFact::Silent { .. } => Some("silent"),
        MediaFact::SilenceEnded => Some("sounds"),
        MediaFact::TimedOut { .. } => Some("timed out"),
        _ => None,
    });
    told.map(str::to_owned).collect()
}

#[test]
fn a_far_side_that_stops_sending_is_told_once() {
    for codec in Codec::ALL {
        let mut world = World::new(12);
        let pair = world.pair(codec, |_, _| {});
        world.play(pair.far, 1, &voice(1, 1_000), FOREVER);
        world.run(5_000);
        assert_eq!(told(&world, pair), Vec::<String>::new());
        world.order(pair.far, PlaneOrder::Mute { on: true });
        world.run(20_000);
        assert_eq!(told(&world, pair), ["not heard"], "{codec:?}");
        world.order(pair.far, PlaneOrder::Mute { on: false });
        world.run(1_000);
        assert_eq!(told(&world, pair), ["not heard", "both ways"], "{codec:?}");
    }
}

#[test]
fn silence_of_the_telephone_and_of_opus_is_told_without_decoding() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::Opus] {
        let mut world = World::new(13);
        let pair = world.pair(codec, |_, _| {});
        world.run(30_000);
        assert_eq!(told(&world, pair), ["silent"], "{codec:?}");
        world.play(pair.far, 1, &voice(1, 1_000), FOREVER);
        world.run(1_500);
        assert_eq!(told(&world, pair), ["silent", "sounds"], "{codec:?}");
    }
}

#[test]
fn levels_are_measured_both_ways() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let mut world = World::new(14);
        let pair = world.pair(codec, |_, _| {});
        world.play(pair.far, 1, &tone(500), FOREVER);
        world.run(25_000);
        let window = world.windows(pair.near).pop().unwrap();
        // A sine of 6,000 is −17.8 dBFS.
        assert!(
            window.received_level_dbfs.is_some_and(|level| (-18.5..-17.0).contains(&level)),
            "{window:?}"
        );
        assert!(window.sent_level_dbfs.is_some_and(|level| level < -60.0), "{window:?}");
        let window = world.windows(pair.far).pop().unwrap();
        assert!(window.sent_level_dbfs.is_some_and(|level| (-18.5..-17.0).contains(&level)), "{window:?}");
        assert!(window.mos.is_some_and(|mos| mos > 4.0));
    }
}

#[test]
fn our_sound_that_does_not_arrive_is_told_by_the_far_sides_reports() {
    let mut world = World::new(15);
    // The far side sends, reports, and believes another address than ours.
    let pair = world.pair(Codec::Pcmu, |connection, far| {
        if far {
            connection.receive_payload_type = 99;
            connection.receive_dtmf_payload_type = None;
        }
    });
    world.play(pair.far, 1, &voice(1, 1_000), FOREVER);
    world.run(60_000);
    assert_eq!(told(&world, pair), ["not reached"]);
}

#[test]
fn who_interrupts_is_heard_within_forty_milliseconds() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        for ptime_ms in [10, 20] {
            let mut world = World::new(16);
            let pair = world.pair(codec, |connection, _| connection.ptime_ms = ptime_ms);
            world.order(pair.near, PlaneOrder::WatchVoice { on: true });
            world.run(2_000);
            world.play(pair.far, 1, &tone(400), FOREVER);
            let speaks = |world: &World| world.facts(pair.near).contains(&MediaFact::VoiceStarted);
            // The far side's next tick, and then the time that is allowed.
            world.run(20);
            assert!(!speaks(&world), "{codec:?}");
            world.run(40);
            assert!(speaks(&world), "{codec:?} {ptime_ms} ms");
            world.order(pair.far, PlaneOrder::StopPlayback { playback: model::sound::PlaybackId(1) });
            world.order(pair.far, PlaneOrder::Mute { on: true });
            world.run(600);
            assert!(world.facts(pair.near).contains(&MediaFact::VoiceStopped), "{codec:?} {ptime_ms} ms");
        }
    }
}
