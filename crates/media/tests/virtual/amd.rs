//! Who answered is told of what a leg hears, in every codec, also of a bridged leg.

use crate::world::*;
use model::amd::{AmdNews, AmdResult, AmdSettings};
use model::sound::{Codec, MediaFact};
use ports::media::PlaneOrder;

fn found(world: &World, pair: Pair) -> Vec<String> {
    let told = |fact: &MediaFact| match fact {
        MediaFact::Amd(AmdNews::Decided(finding)) => Some(format!("{:?}", finding.result)),
        MediaFact::Amd(AmdNews::Beep(beep)) => {
            Some(format!("beep of {} Hz", (beep.frequencies_hz[0] + 5) / 10 * 10))
        }
        _ => None,
    };
    world.facts(pair.near).iter().filter_map(told).collect()
}

#[test]
fn a_beep_is_heard_through_every_codec_and_a_bridge() {
    for codec in Codec::ALL {
        for bridged in [false, true] {
            let mut world = World::new(4);
            let (pair, other) = (world.pair(codec, |_, _| {}), world.pair(codec, |_, _| {}));
            if bridged {
                world.order(pair.near, PlaneOrder::Bridge { with: other.near });
            }
            let settings = AmdSettings::default();
            world.order(pair.near, PlaneOrder::DetectMachine { settings });
            world.run(1_000);
            let clip = tone(1_000);
            world.play(pair.far, 1, &clip, 1);
            world.run(2_500);
            let told = found(&world, pair);
            assert_eq!(
                told,
                [format!("{:?}", AmdResult::Machine), "beep of 1000 Hz".to_owned()],
                "{codec:?}"
            );
        }
    }
}

#[test]
fn nothing_is_told_once_nobody_asks() {
    let mut world = World::new(5);
    let pair = world.pair(Codec::Pcmu, |_, _| {});
    world.order(pair.near, PlaneOrder::DetectMachine { settings: AmdSettings::default() });
    world.run(1_000);
    world.order(pair.near, PlaneOrder::StopDetecting);
    world.run(8_000);
    assert_eq!(found(&world, pair), Vec::<String>::new());
}
