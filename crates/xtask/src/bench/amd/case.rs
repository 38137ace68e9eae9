//! One answered telephone, made up by its seed: who it is, what is heard, and what is true about it.

use super::dice::Dice;
use super::sound::{Noise, at_level};
use super::sound::{Sound, add, cadence, length_ms, music, noise, samples, silence, tone};
use super::texts;
use super::voices::{Choir, Voice};
use audio::Law;
use audio::conceal::Concealer;
use model::amd::AmdResult;

/// What is heard, and the truth about it.
pub(super) struct Case {
    /// Names it in lists.
    pub(super) seed: u64,
    /// Who it is.
    pub(super) truth: AmdResult,
    /// Which kind of it.
    pub(super) kind: &'static str,
    /// As the far side's packets sound once they are decoded.
    pub(super) pcm: Vec<i16>,
    /// When the first greeting ends.
    pub(super) greeting_end_ms: u32,
    /// The words of it.
    pub(super) words: usize,
    /// Beginning and end of the beep.
    pub(super) beep_ms: Option<(u32, u32)>,
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Anybody, as calls are.
    Anybody,
    /// A machine with a beep.
    Beep,
    /// Anything without a beep.
    NoBeep,
}

/// A case while it is made.
struct Draft {
    truth: AmdResult,
    kind: &'static str,
    sound: Sound,
    greeting_end_ms: u32,
    words: usize,
    beep_ms: Option<(u32, u32)>,
    /// Whether it may be drowned in noise.
    noisy: bool,
}

impl Case {
    /// The case of a seed.
    pub(super) fn new(seed: u64, wish: Wish, choir: Choir) -> Result<Self, String> {
        let dice = &mut Dice::new(seed, 1);
        let draft = match (wish, dice.below(100)) {
            (Wish::Beep, _) => machine(choir, dice, true)?,
            (Wish::Anybody, 0..42) | (Wish::NoBeep, 0..25) => human(choir, dice)?,
            (Wish::Anybody, 42..84) => {
                let beeps = dice.percent(95);
                machine(choir, dice, beeps)?
            }
            (Wish::NoBeep, 25..50) => machine(choir, dice, false)?,
            (Wish::Anybody, 84..89) | (Wish::NoBeep, 50..60) => screening(choir, dice)?,
            (Wish::Anybody, 89..93) | (Wish::NoBeep, 60..66) => fax(dice),
            _ => unknown(dice),
        };
        let Draft { truth, kind, greeting_end_ms, words, beep_ms, .. } = draft;
        let pcm = line(draft.sound, draft.noisy, choir, dice)?;
        Ok(Self { seed, truth, kind, pcm, greeting_end_ms, words, beep_ms })
    }
}

fn human(choir: Choir, dice: &mut Dice) -> Result<Draft, String> {
    let (kind, text) = texts::hello(dice);
    let voice = Voice::any(choir, dice);
    let spoken = voice.say(&text)?;
    let late = dice.percent(12);
    let lead_ms = if late { dice.between(1_500.0, 4_000.0) } else { dice.between(80.0, 1_200.0) } as u32;
    let mut sound = silence(lead_ms);
    sound.extend(&spoken);
    let mut greeting_end_ms = length_ms(&sound);
    if dice.percent(20) {
        let gap_ms = dice.between(500.0, 2_600.0) as u32;
        sound.extend(silence(gap_ms));
        sound.extend(voice.say("Hello?")?);
        // Who says it again before anybody could answer has not ended his greeting before.
        if gap_ms < 1_200 {
            greeting_end_ms = length_ms(&sound);
        }
    }
    sound.extend(silence(6_000));
    let kind = if late { "late" } else { kind };
    let words = text.split_whitespace().count();
    Ok(Draft { truth: AmdResult::Human, kind, sound, greeting_end_ms, words, beep_ms: None, noisy: true })
}

fn machine(choir: Choir, dice: &mut Dice, beeps: bool) -> Result<Draft, String> {
    // What is short and has no beep is nobody's greeting.
    let (kind, text) = loop {
        let (kind, text) = texts::greeting(dice);
        if beeps || kind != "short" {
            break (kind, text);
        }
    };
    let spoken = Voice::any(choir, dice).say(&text)?;
    let mut sound = silence(dice.between(100.0, 1_500.0) as u32);
    sound.extend(&spoken);
    let greeting_end_ms = length_ms(&sound);
    let gap_max = if kind == "short" { 900.0 } else { 2_300.0 };
    let mut beep_ms = None;
    if beeps {
        sound.extend(silence(dice.between(120.0, gap_max) as u32));
        let start = length_ms(&sound);
        sound.extend(beep(dice));
        beep_ms = Some((start, length_ms(&sound)));
    }
    sound.extend(silence(9_000));
    let words = text.split_whitespace().count();
    let kind = if beeps { kind } else { "without beep" };
    Ok(Draft { truth: AmdResult::Machine, kind, sound, greeting_end_ms, words, beep_ms, noisy: true })
}

/// One tone, two at once, or two in turn; louder or fainter than the voice.
fn beep(dice: &mut Dice) -> Sound {
    let frequency = |dice: &mut Dice| match dice.below(4) {
        0 => [440.0, 800.0, 850.0, 1_000.0, 1_400.0].get(dice.below(5)).copied().unwrap_or(1_000.0),
        _ => dice.between(400.0, 2_000.0),
    };
    let ms = dice.between(100.0, 1_200.0) as u32;
    let first = frequency(dice);
    let sound = match dice.below(10) {
        0 => {
            let second = (first * dice.between(1.2, 1.9)).min(2_000.0);
            let second = if second - first < 110.0 { first - 130.0 } else { second };
            // What keys sound like is no beep.
            let second = second.clamp(400.0, 2_000.0);
            let (low, high) = (first.min(second), first.max(second));
            let high = if is_key(low, high) { high * 0.95 } else { high };
            tone(&[low, high], ms)
        }
        1 => {
            let (ms, gap) = (dice.between(100.0, 350.0) as u32, dice.between(0.0, 180.0) as u32);
            let second = if dice.percent(50) { first } else { frequency(dice) };
            let gap = if (second - first).abs() < 60.0 { gap.max(60) } else { gap };
            let mut sound = tone(&[first], ms);
            sound.extend(silence(gap));
            sound.extend(tone(&[second], ms));
            sound
        }
        _ => tone(&[first], ms),
    };
    let gain = 10.0_f32.powf(dice.between(-10.0, 6.0) / 20.0);
    sound.into_iter().map(|sample| sample * gain).collect()
}

fn is_key(low: f32, high: f32) -> bool {
    let near = |hz: f32, keys: [f32; 4]| keys.iter().any(|key| (hz - key).abs() < key * 0.03);
    near(low, audio::tone::DTMF_LOW_HZ) && near(high, audio::tone::DTMF_HIGH_HZ)
}

fn screening(choir: Choir, dice: &mut Dice) -> Result<Draft, String> {
    let text = texts::screening(dice);
    let voice = Voice::any(choir, dice);
    let spoken = voice.say(&text)?;
    let mut sound = silence(dice.between(100.0, 1_200.0) as u32);
    sound.extend(&spoken);
    let greeting_end_ms = length_ms(&sound);
    sound.extend(silence(dice.between(4_000.0, 6_500.0) as u32));
    if dice.percent(75) {
        sound.extend(&spoken);
    }
    sound.extend(silence(8_000));
    let words = text.split_whitespace().count();
    let (truth, kind) = (AmdResult::Screening, "screening");
    Ok(Draft { truth, kind, sound, greeting_end_ms, words, beep_ms: None, noisy: true })
}

fn fax(dice: &mut Dice) -> Draft {
    let mut sound = silence(dice.between(200.0, 2_000.0) as u32);
    let kind = if dice.percent(70) {
        sound.extend(tone(&[dice.between(2_086.0, 2_114.0)], dice.between(2_600.0, 4_000.0) as u32));
        sound.extend(silence(5_000));
        "answer tone"
    } else {
        sound.extend(cadence(&[dice.between(1_063.0, 1_137.0)], &[(500, 3_000)], 9_000));
        "calling tone"
    };
    Draft { truth: AmdResult::Fax, kind, sound, greeting_end_ms: 0, words: 0, beep_ms: None, noisy: false }
}

/// What is nobody: silence, noise, music, tones of the network, keys.
fn unknown(dice: &mut Dice) -> Draft {
    const MS: u32 = 14_000;
    let (kind, sound) = match dice.below(10) {
        0 => ("silence", silence(MS)),
        1 | 2 => ("noise", at_level(noise(any_noise(dice), MS, dice), dice.between(-55.0, -25.0))),
        3 | 4 => ("music", music(MS, dice)),
        5 => {
            let tune = audio::hold_music::hold_music(8_000);
            let skip = dice.below(tune.len() / 2);
            let part = tune.iter().skip(skip).take(samples(MS)).map(|sample| f32::from(*sample) / 32_768.0);
            ("hold music", part.collect())
        }
        6 => {
            let (hz, on_off): (&[f32], &[(u32, u32)]) = match dice.below(4) {
                0 => (&[440.0, 480.0], &[(2_000, 4_000)]),
                1 => (&[425.0], &[(1_000, 4_000)]),
                2 => (&[400.0, 450.0], &[(400, 200), (400, 2_000)]),
                _ => (&[350.0, 440.0], &[(9_000, 0)]),
            };
            ("ringing", cadence(hz, on_off, MS))
        }
        7 => {
            let (hz, on_off): (&[f32], &[(u32, u32)]) = match dice.below(4) {
                0 => (&[480.0, 620.0], &[(500, 500)]),
                1 => (&[425.0], &[(480, 480)]),
                2 => (&[400.0], &[(375, 375)]),
                _ => (&[480.0, 620.0], &[(250, 250)]),
            };
            ("busy", cadence(hz, on_off, MS))
        }
        8 => {
            let mut sound = silence(dice.between(300.0, 2_000.0) as u32);
            for hz in if dice.percent(50) { [913.8, 1_428.5, 1_776.7] } else { [985.2, 1_370.6, 1_776.7] } {
                sound.extend(tone(&[hz], if dice.percent(50) { 274 } else { 380 }));
            }
            sound.extend(silence(MS - length_ms(&sound)));
            ("information tones", sound)
        }
        _ => {
            let mut sound = silence(dice.between(300.0, 2_000.0) as u32);
            for _ in 0..=dice.below(6) {
                let low = *dice.pick(&[&697.0, &770.0, &852.0, &941.0]);
                let high = *dice.pick(&[&1_209.0, &1_336.0, &1_477.0, &1_633.0]);
                sound.extend(tone(&[low, high], dice.between(60.0, 300.0) as u32));
                sound.extend(silence(dice.between(40.0, 600.0) as u32));
            }
            sound.extend(silence(MS.saturating_sub(length_ms(&sound))));
            ("keys", sound)
        }
    };
    Draft {
        truth: AmdResult::Unknown,
        kind,
        sound,
        greeting_end_ms: 0,
        words: 0,
        beep_ms: None,
        noisy: false,
    }
}

fn any_noise(dice: &mut Dice) -> Noise {
    *dice.pick(&[&Noise::White, &Noise::Pink, &Noise::Rumble, &Noise::Hum])
}

/// The way to us: noise of the room, level, law, lost packets.
fn line(mut sound: Sound, noisy: bool, choir: Choir, dice: &mut Dice) -> Result<Vec<i16>, String> {
    let ms = length_ms(&sound);
    let (quiet, loud) = if noisy && dice.percent(30) { (-38.0, -34.0) } else { (-65.0, -45.0) };
    let floor_dbfs = if dice.percent(20) { None } else { Some(dice.between(quiet, loud)) };
    if let Some(dbfs) = floor_dbfs {
        let bed = noise(any_noise(dice), ms, dice);
        add(&mut sound, 0, &bed, 10.0_f32.powf((dbfs + 20.0) / 20.0));
    }
    if noisy && dice.percent(10) {
        let talk = Voice::any(choir, dice).say(&texts::talk(dice))?;
        add(&mut sound, 0, &talk, 10.0_f32.powf(dice.between(-26.0, -20.0) / 20.0));
    }
    // Voices are made at −20 dBFS.
    let gain = 10.0_f32.powf((dice.between(-35.0, -10.0) + 20.0) / 20.0);
    let mut pcm: Vec<i16> =
        sound.iter().map(|sample| (sample * gain * 32_768.0).clamp(-32_768.0, 32_767.0) as i16).collect();
    let law = if dice.percent(50) { Law::Mu } else { Law::A };
    let mut octets = vec![0; pcm.len()];
    audio::g711::encode(law, &pcm, &mut octets);
    audio::g711::decode(law, &octets, &mut pcm);
    if dice.percent(30) {
        lose(&mut pcm, dice.between(0.5, 5.0), dice);
    }
    Ok(pcm)
}

/// Loses packets of 20 ms, now and then two in a row.
fn lose(pcm: &mut [i16], percent: f32, dice: &mut Dice) {
    let mut concealer = Concealer::new();
    let mut again = false;
    for frame in pcm.chunks_exact_mut(160) {
        let lost = again || dice.between(0.0, 100.0) < percent;
        again = lost && !again && dice.percent(25);
        if lost { concealer.conceal(frame) } else { concealer.on_frame(frame) }
    }
}
