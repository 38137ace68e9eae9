//! What is heard of a sender whose clock is not ours, in virtual time and with real sound: encoder, a network with
//! jitter, packet buffer, decoder and time stretching. No sound is lost, and the delay stays where it is.

#![cfg(test)]

use audio::codec::PAYLOAD_OCTETS_MAX;
use audio::correlate::align;
use audio::stretch::Stretch;
use audio::{Encoder, OpusSettings, Playout};
use model::Timestamp;
use model::sound::Codec;
use rtp::Packet;
use rtp::buffer::{BufferConfig, BufferFigures, Next, Pace, PacketBuffer};
use std::collections::VecDeque;

const RATE_HZ: u32 = 8_000;
const FRAME: usize = 160;
/// A moment to begin at, far from zero.
const START_MS: u64 = 1_000_000;

/// Pulses of a wandering pitch through two wandering resonances, in syllables: nowhere the same.
struct Voice {
    noise: u32,
    at: u32,
    next_pulse: f32,
    state: [f32; 4],
}

impl Voice {
    fn frame(&mut self) -> [i16; FRAME] {
        let seconds = self.at as f32 / RATE_HZ as f32;
        let pitch_hz = 120.0 + 35.0 * (seconds * 1.7).sin() + 15.0 * (seconds * 4.1).sin();
        let first = (0.12 + 0.07 * (seconds * 5.7).sin()) * std::f32::consts::PI;
        let second = (0.42 + 0.12 * (seconds * 3.3).sin()) * std::f32::consts::PI;
        let loud = (0.8 + 0.2 * (seconds * 9.0).sin()) * 900.0;
        let (a, b) = (2.0 * 0.97 * first.cos(), 2.0 * 0.93 * second.cos());
        std::array::from_fn(|_| {
            self.at += 1;
            self.next_pulse -= 1.0;
            let mut excitation = 0.0;
            if self.next_pulse <= 0.0 {
                self.next_pulse += RATE_HZ as f32 / pitch_hz;
                excitation = 4.0;
            }
            self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            excitation += (self.noise >> 16) as f32 / 65_536.0 - 0.5;
            let [x1, x2, y1, y2] = self.state;
            let x = excitation + a * x1 - 0.97 * 0.97 * x2;
            let y = x + b * y1 - 0.93 * 0.93 * y2;
            self.state = [x, x1, y, y1];
            (y * loud).clamp(-30_000.0, 30_000.0) as i16
        })
    }
}

struct Outcome {
    said: Vec<i16>,
    heard: Vec<i16>,
    figures: BufferFigures,
    sent: u64,
}

/// Hears a sender whose clock is `ppm` fast for so many seconds.
fn hear(codec: Codec, ppm: i64, seconds: u64) -> Outcome {
    let mut voice = Voice { noise: 1, at: 0, next_pulse: 0.0, state: [0.0; 4] };
    let mut encoder = Encoder::new(codec, RATE_HZ, OpusSettings::default()).unwrap();
    let mut buffer = PacketBuffer::new(BufferConfig::of(codec));
    let mut playout = Playout::new(codec, RATE_HZ, 1).unwrap();
    let units = codec.rtp_clock_hz() / 50;
    let mut network: VecDeque<(u64, u32, Vec<u8>)> = VecDeque::new();
    let mut outcome =
        Outcome { said: Vec::new(), heard: Vec::new(), figures: BufferFigures::default(), sent: 0 };
    let mut noise = 99_u32;
    for ms in 0..seconds * 1_000 {
        while outcome.sent * 20 * 1_000_000 / (1_000_000 + ppm) as u64 <= ms {
            let frame = voice.frame();
            let mut payload = vec![0; PAYLOAD_OCTETS_MAX];
            let octets = encoder.encode(&frame, &mut payload).unwrap();
            payload.truncate(octets);
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            network.push_back((ms + u64::from(noise >> 28), outcome.sent as u32, payload));
            outcome.said.extend(frame);
            outcome.sent += 1;
        }
        while let Some((_, number, payload)) = network.pop_front_if(|packet| packet.0 <= ms) {
            let (sequence, timestamp) = (number as u16, number.wrapping_mul(units));
            let packet =
                Packet { payload_type: 96, marker: false, sequence, timestamp, ssrc: 5, payload: &payload };
            buffer.put(&packet, Timestamp::from_millis(START_MS + ms));
        }
        if ms % 20 == 0 {
            let mut pcm = [0; FRAME];
            while playout.ready() < FRAME {
                match buffer.next(Timestamp::from_millis(START_MS + ms), playout.ready_units()) {
                    Next::Packet { payload, pace } => playout.packet(
                        payload,
                        match pace {
                            Pace::Keep => Stretch::None,
                            Pace::Faster => Stretch::Shorter,
                            Pace::Slower => Stretch::Longer,
                        },
                    ),
                    Next::Lost { units, following } => playout.lost(units, following),
                    Next::Pause => playout.pause(),
                }
            }
            assert!(playout.pull(&mut pcm));
            outcome.heard.extend(pcm);
        }
    }
    outcome.figures = buffer.figures();
    outcome
}

/// Every five seconds, a fifth of a second of what is heard is looked for in what was said.
fn check(codec: Codec, ppm: i64, seconds: u64) {
    let Outcome { said, heard, figures, sent } = hear(codec, ppm, seconds);
    let lost = (figures.dropped, figures.late, figures.missing, figures.restarts);
    assert_eq!(lost, (0, 0, 0, 0), "{codec:?} {ppm} ppm: {figures:?}");
    assert!(sent - figures.played <= 6, "{codec:?} {ppm} ppm: {sent} {figures:?}");
    let moved_ms = seconds * ppm.unsigned_abs() / 1_000;
    let changed = if ppm > 0 { figures.faster } else { figures.slower };
    assert!(changed >= moved_ms / 15, "{codec:?} {ppm} ppm: {figures:?}");
    println!("{codec:?} {ppm} ppm: {figures:?}");
    let (mut clear, mut windows, mut delays_ms) = (0, 0, Vec::new());
    for at in (5..seconds - 1).step_by(5).map(|second| second as usize * RATE_HZ as usize) {
        // What was said by now, by the sender's clock, and 300 ms back.
        let now = (at as i64 * (1_000_000 + ppm) / 1_000_000) as usize;
        let window = &heard[at..at + 1_600];
        let found = align(&said[now - 2_400..now + 1_600], window, 4_000).unwrap();
        windows += 1;
        // Where a period was left out or repeated, the window fits in two places; Opus keeps the sound, not the wave.
        if found.similarity > if codec == Codec::Opus { 0.75 } else { 0.95 } {
            clear += 1;
            delays_ms.push((2_400 + found.offset_samples) / 8);
        } else {
            println!("{codec:?} {ppm} ppm at {at}: {found:?}");
        }
    }
    assert!(clear * 100 >= windows * 90, "{codec:?} {ppm} ppm: {clear} of {windows} windows");
    let bounded = delays_ms.iter().all(|delay| (20..=130).contains(delay));
    assert!(bounded, "{codec:?} {ppm} ppm: {delays_ms:?}");
}

#[test]
fn a_clock_that_is_fast_for_ten_minutes_loses_no_sound() {
    check(Codec::Pcmu, 200, 600);
}

#[test]
fn a_clock_that_is_slow_for_ten_minutes_loses_no_sound() {
    check(Codec::Pcma, -200, 600);
}

#[test]
fn wide_codecs_follow_clocks_as_well() {
    for codec in [Codec::G722, Codec::Opus] {
        check(codec, 400, 120);
        check(codec, -400, 120);
    }
}
