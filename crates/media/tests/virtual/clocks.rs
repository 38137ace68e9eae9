//! A far side whose clock is fast or slow: nothing is lost, and the delay stays what it was.

use crate::world::*;
use audio::correlate::align;
use model::sound::Codec;
use ports::media::{ConferenceId, PlaneOrder};

/// Some time through a conference, which decodes and mixes: how alike source and sound are at worst, and between
/// which delays they lie, in milliseconds.
fn through(seconds: usize, fast_ppm: i64, codec: Codec) -> (f64, i64, i64) {
    let mut world = World::new(8);
    world.fast_ppm = fast_ppm;
    let (a, b) = (world.pair(codec, |_, _| {}), world.pair(Codec::Pcmu, |_, _| {}));
    for leg in [a.near, b.near] {
        let order = PlaneOrder::JoinConference { conference: ConferenceId(1), muted: false, deaf: false };
        world.order(leg, order);
    }
    world.run(1_000);
    world.heard(b);
    let clip = voice(5, seconds * 1_000);
    world.play(a.far, 1, &clip, 1);
    world.run(seconds as u64 * 1_000);
    let heard = world.heard(b);
    let source = audio::resample::resample_clip(&clip.samples, 16_000, 8_000).unwrap();
    let (mut worst, mut least, mut most) = (1.0_f64, i64::MAX, i64::MIN);
    for second in (2..seconds - 5).step_by(6) {
        let window = &source[second * 8_000..second * 8_000 + 4_000];
        // A second there is a second here, less or more the drift.
        let at = (second as i64 * 8_000) * (1_000_000 - fast_ppm) / 1_000_000;
        let at = usize::try_from(at).unwrap();
        let sound = &heard[at..(at + 6_400).min(heard.len())];
        let found = align(window, sound, 2_400).unwrap();
        worst = worst.min(found.similarity);
        let delay_ms = found.offset_samples / 8;
        (least, most) = (least.min(delay_ms), most.max(delay_ms));
    }
    (worst, least, most)
}

fn check(seconds: usize, codec: Codec) {
    for fast_ppm in [200, -200] {
        let (worst, least, most) = through(seconds, fast_ppm, codec);
        assert!(worst > 0.8, "{codec:?} {fast_ppm} ppm: {worst}");
        assert!(most - least < 60, "{codec:?} {fast_ppm} ppm: delays of {least} to {most} ms");
    }
}

#[test]
fn a_clock_200_ppm_off_loses_no_sound_of_the_telephone_in_ten_minutes() {
    check(600, Codec::Pcmu);
}

#[test]
fn nor_of_wide_band() {
    check(150, Codec::G722);
}
