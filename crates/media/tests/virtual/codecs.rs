//! Every codec plays, hears and is bridged to every other.

use crate::world::*;
use model::sound::{Codec, DigitsId};
use ports::media::{Blend, FOREVER, PlaneOrder};

#[test]
fn prompts_sound_as_they_are_through_every_codec() {
    for codec in Codec::ALL {
        let mut world = World::new(1);
        let pair = world.pair(codec, |_, _| {});
        let clip = voice(2, 2_000);
        world.play(pair.near, 1, &clip, 1);
        world.run(2_500);
        let heard = world.heard(pair);
        let alike = likeness(&clip, &heard);
        assert!(alike > 0.95, "{codec:?}: {alike}");
        let total = world.close(pair.far);
        assert!(total.lost_packets == 0 && total.mos.is_some_and(|mos| mos > 4.0), "{codec:?}: {total:?}");
        assert!(total.jitter_max_ms < 3.0, "the clock is the codec's: {total:?}");
    }
}

#[test]
fn bridged_codecs_understand_each_other() {
    for from in Codec::ALL {
        for to in Codec::ALL {
            let mut world = World::new(2);
            let (a, b) = (world.pair(from, |_, _| {}), world.pair(to, |_, _| {}));
            world.order(a.near, PlaneOrder::Bridge { with: b.near });
            world.run(200);
            let clip = voice(3, 2_000);
            world.play(a.far, 1, &clip, 1);
            world.run(2_300);
            let alike = likeness(&clip, &world.heard(b));
            assert!(alike > 0.9, "{from:?} to {to:?}: {alike}");
            let digits = PlaneOrder::SendDigits { id: DigitsId(1), digits: "1590".into(), in_band: false };
            world.order(b.far, digits);
            world.run(2_000);
            assert_eq!(world.digits(a.far), "1590", "{to:?} to {from:?}");
            let total = world.close(b.near);
            assert!(total.mos.is_some() && total.lost_packets == 0, "{total:?}");
        }
    }
}

#[test]
fn a_playback_outlives_a_change_of_codec() {
    let mut world = World::new(3);
    let pair = world.pair(Codec::Pcmu, |_, _| {});
    world.play(pair.near, 1, &tone(700), FOREVER);
    world.run(500);
    world.heard(pair);
    for codec in [Codec::Pcma, Codec::Opus, Codec::G722, Codec::Pcmu] {
        world.order(pair.near, PlaneOrder::Connect(connection(pair.far_at, codec)));
        world.order(pair.far, PlaneOrder::Connect(connection(pair.near_at, codec)));
        world.run(1_000);
        let heard = world.heard(Pair { codec, ..pair });
        let level = level_of(700, &heard[2_000..]);
        assert!((-1.5..1.5).contains(&level), "{codec:?}: {level}");
    }
}

#[test]
fn a_playback_over_a_bridge_replaces_ducks_or_mixes() {
    for (blend, expected) in [(Blend::Replace, None), (Blend::Duck, Some(-12.0)), (Blend::Mix, Some(0.0))] {
        for (from, to) in [(Codec::Pcmu, Codec::Pcmu), (Codec::Opus, Codec::G722), (Codec::G722, Codec::Opus)]
        {
            let mut world = World::new(4);
            let (a, b) = (world.pair(from, |_, _| {}), world.pair(to, |_, _| {}));
            world.order(a.near, PlaneOrder::Bridge { with: b.near });
            world.order(b.near, PlaneOrder::BlendPlayback { blend });
            world.play(a.far, 1, &tone(1_000), FOREVER);
            world.run(500);
            world.play(b.near, 2, &tone(600), 2);
            world.run(700);
            world.heard(b);
            world.run(1_000);
            let heard = world.heard(b);
            assert!((-1.5..1.5).contains(&level_of(600, &heard)), "{blend:?} {from:?} {to:?}");
            let below = level_of(1_000, &heard);
            match expected {
                Some(level) => assert!((level - below).abs() < 2.5, "{blend:?} {from:?} {to:?}: {below}"),
                None => assert!(below < -30.0, "{from:?} {to:?}: {below}"),
            }
            world.run(1_000);
            world.heard(b);
            world.run(500);
            let after = world.heard(b);
            assert!((-1.5..1.5).contains(&level_of(1_000, &after)), "{blend:?} {from:?} {to:?}");
        }
    }
}
