//! Tones and bursts made by hand; whole calls are judged by `cargo xtask bench amd`.

use super::*;
use crate::Resampler;
use crate::tone::{ToneGenerator, ToneSpec};
use model::amd::AmdBeep;

const RATE_HZ: u32 = 8_000;

fn samples(ms: u32) -> usize {
    ms as usize * 8
}

fn tone(spec: ToneSpec, rate_hz: u32) -> Vec<i16> {
    let mut sound = vec![0; rate_hz as usize * 20];
    let length = ToneGenerator::new(spec, rate_hz).fill(&mut sound);
    sound.truncate(length);
    sound
}

fn sine(hz: f32, ms: u32) -> Vec<i16> {
    tone(ToneSpec::sine(hz, -20.0, ms), RATE_HZ)
}

/// Something like speech: a buzz that swells and gives way five times a second, and glides.
fn talk(ms: u32) -> Vec<i16> {
    let mut phase = 0.0_f32;
    let voice = (0..samples(ms)).map(|n| {
        let t = n as f32 / 8_000.0;
        phase = (phase + (130.0 + 40.0 * (t * 9.0).sin()) / 8_000.0).fract();
        let swell = (t * 5.0 * std::f32::consts::PI).sin().abs().powi(2) + 0.01;
        let partials: f32 = (1..20_u8).map(|n| (phase * f32::from(n) * std::f32::consts::TAU).sin()).sum();
        (partials * swell * 900.0) as i16
    });
    voice.collect()
}

fn heard(parts: &[Vec<i16>], rate_hz: u32, frame: usize) -> Vec<AmdNews> {
    let mut detector = AmdDetector::new(&AmdSettings::default(), rate_hz);
    let mut news = Vec::new();
    for frame in parts.concat().chunks(frame) {
        detector.on_frame(frame, |told| news.push(told));
    }
    news
}

fn silence(ms: u32) -> Vec<i16> {
    vec![0; samples(ms)]
}

fn result(parts: &[Vec<i16>]) -> Option<(AmdResult, AmdSign, u32)> {
    heard(parts, RATE_HZ, 160).into_iter().find_map(|news| match news {
        AmdNews::Decided(finding) => Some((finding.result, finding.sign, finding.at_ms)),
        _ => None,
    })
}

fn beeps(parts: &[Vec<i16>]) -> Vec<AmdBeep> {
    let news = heard(parts, RATE_HZ, 160);
    let beep = |news: &AmdNews| match news {
        AmdNews::Beep(beep) => Some(*beep),
        _ => None,
    };
    news.iter().filter_map(beep).collect()
}

#[test]
fn a_short_greeting_is_a_human_one_as_soon_as_he_waits() {
    let (result, sign, at_ms) = result(&[silence(500), talk(600), silence(3_000)]).unwrap();
    assert_eq!((result, sign), (AmdResult::Human, AmdSign::ShortGreeting));
    assert!((2_200..=2_600).contains(&at_ms), "{at_ms}");
}

#[test]
fn a_long_greeting_is_a_machines() {
    let check = |parts: &[Vec<i16>], expected: AmdSign| {
        let (result, sign, _) = result(parts).unwrap();
        assert_eq!((result, sign), (AmdResult::Machine, expected));
    };
    check(&[talk(7_000), silence(500), sine(1_000.0, 400), silence(2_000)], AmdSign::Beep);
    check(&[talk(12_000)], AmdSign::LongGreeting);
    check(&[talk(6_000), silence(8_000)], AmdSign::ManyWords);
}

#[test]
fn a_question_that_waits_or_is_asked_again_is_a_screeners() {
    let check = |parts: &[Vec<i16>]| {
        let (result, sign, _) = result(parts).unwrap();
        assert_eq!((result, sign), (AmdResult::Screening, AmdSign::Question));
    };
    check(&[talk(4_000), silence(4_000)]);
    check(&[talk(7_000), silence(5_000), talk(3_000)]);
}

#[test]
fn nobody_is_nobody() {
    let check = |parts: &[Vec<i16>]| assert_eq!(result(parts).map(|found| found.0), Some(AmdResult::Unknown));
    check(&[silence(7_000)]);
    check(&[crate::hold_music::hold_music(RATE_HZ)]);
    let (result, _, at_ms) = result(&[silence(4_000), talk(500), silence(3_000)]).unwrap();
    assert_eq!(result, AmdResult::Human, "who is late is somebody");
    assert!(at_ms < 6_000, "{at_ms}");
}

#[test]
fn fax_machines_are_told_by_their_tones() {
    let cng = || [sine(1_100.0, 500), silence(3_000)].concat();
    for parts in [vec![silence(800), sine(2_100.0, 3_000)], vec![silence(300), cng(), cng(), cng()]] {
        assert_eq!(result(&parts).map(|found| found.0), Some(AmdResult::Fax));
        assert_eq!(beeps(&parts), []);
    }
}

#[test]
fn beeps_of_all_heights_and_lengths_are_heard_where_they_are() {
    for (hz, ms) in [(400.0, 500), (440.0, 100), (1_000.0, 400), (1_336.0, 1_200), (2_000.0, 150)] {
        let told = beeps(&[talk(3_000), silence(400), sine(hz, ms), silence(1_000)]);
        let [beep] = told[..] else { panic!("{hz} Hz, {ms} ms: {told:?}") };
        assert!((f32::from(beep.frequencies_hz[0]) - hz).abs() <= 4.0, "{beep:?}");
        assert!(beep.length_ms.abs_diff(ms) <= 40 && beep.at_ms.abs_diff(3_400) <= 30, "{ms} ms: {beep:?}");
    }
    let pair = ToneSpec { frequencies_hz: [800.0, 1_100.0], ..ToneSpec::sine(800.0, -20.0, 400) };
    let told = beeps(&[talk(3_000), silence(400), tone(pair, RATE_HZ), silence(1_000)]);
    assert_eq!(told.iter().map(|beep| beep.frequencies_hz).collect::<Vec<_>>(), [[800, 1_100]]);
}

#[test]
fn what_is_no_beep_is_none() {
    let none = |parts: &[Vec<i16>]| assert_eq!(beeps(parts), []);
    for key in "159#".chars() {
        none(&[
            talk(2_000),
            silence(300),
            tone(ToneSpec::dtmf(key, 200, 300).unwrap(), RATE_HZ),
            silence(800),
        ]);
    }
    none(&[sine(913.8, 380), sine(1_370.6, 274), sine(1_776.7, 380), silence(1_000)]);
    for signal in crate::ringback::Signal::ALL {
        let spec = crate::ringback::tone("us", signal).unwrap();
        let cycle = crate::ringback::cycle(spec, RATE_HZ);
        none(&[cycle.clone(), cycle]);
    }
    none(&[talk(2_000), silence(300), sine(1_000.0, 60), silence(800)]);
    none(&[talk(2_000), silence(300), sine(1_000.0, 2_000), silence(800)]);
}

#[test]
fn the_cut_of_frames_and_the_rate_change_nothing_that_matters() {
    let parts = [silence(300), talk(2_000), silence(400), sine(900.0, 300), silence(1_500)];
    let usual = heard(&parts, RATE_HZ, 160);
    for frame in [80, 160, 37] {
        assert_eq!(heard(&parts, RATE_HZ, frame), usual, "{frame}");
    }
    let mut converter = Resampler::new(8_000, 16_000).unwrap();
    let narrow = parts.concat();
    let mut wide = vec![0; narrow.len() * 2];
    converter.process(&narrow, &mut wide);
    let told = heard(&[wide], 16_000, 320);
    assert_eq!(told.len(), usual.len(), "{told:?}");
}

#[test]
fn silence_after_the_greeting_is_told_once_the_answer_is_known() {
    let news = heard(&[talk(12_000), silence(4_000)], RATE_HZ, 160);
    assert!(matches!(news[..], [AmdNews::Decided(_), AmdNews::Silence { .. }]), "{news:?}");
}
