//! What 20 ms of sound cost in each codec, and what is done to them: microseconds of one core, as the median of many
//! rounds. `cargo run --release -p media --example sound_cost`

#![allow(clippy::print_stdout, reason = "a table for a person is what this is for")]

use audio::codec::{Codec, PAYLOAD_OCTETS_MAX};
use audio::mix::Mixer;
use audio::stretch::{Stretch, Stretcher};
use audio::{CodecError, Decoder, Encoder, OpusSettings, Resampler};
use std::time::Instant;

const ROUNDS: usize = 9;
const FRAMES: usize = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for codec in Codec::ALL {
        for rate_hz in [8_000, 16_000, 48_000] {
            let said = sound(rate_hz as usize / 50 * FRAMES);
            let payloads = encoded(codec, rate_hz, &said)?;
            let encode = median(|| encoded(codec, rate_hz, &said).is_ok());
            let decode = median(|| decoded(codec, rate_hz, &payloads).is_ok());
            println!("{:5} {rate_hz:6} Hz: encode {encode:7.2} µs, decode {decode:7.2} µs", codec.name());
        }
    }
    for (from_hz, to_hz) in [(8_000, 16_000), (16_000, 8_000), (8_000, 48_000), (48_000, 8_000)] {
        let said = sound(from_hz as usize / 50);
        let mut out = vec![0; to_hz as usize / 50 + 8];
        let mut resampler = Resampler::new(from_hz, to_hz)?;
        let cost = median(|| (0..FRAMES).all(|_| resampler.process(&said, &mut out).produced > 0));
        println!("{from_hz:6} → {to_hz:6} Hz: {cost:7.2} µs");
    }
    let mut stretcher = Stretcher::new(8_000);
    let mut frame = sound(160 + stretcher.growth_max());
    let cost = median(|| (0..FRAMES).all(|_| stretcher.apply(Stretch::Shorter, &mut frame, 160) > 0));
    println!("stretch, 8 kHz: {cost:7.2} µs");
    let (mut mixer, frame, mut out) = (Mixer::new(160), sound(160), [0; 160]);
    let cost = median(|| {
        (0..FRAMES).for_each(|_| {
            mixer.begin(160);
            (0..10).for_each(|_| mixer.add(&frame));
            (0..10).for_each(|_| mixer.write_without(&frame, &mut out));
        });
        out.iter().any(|sample| *sample != 0)
    });
    println!("conference of ten, 8 kHz: {cost:7.2} µs");
    Ok(())
}

fn encoded(codec: Codec, rate_hz: u32, said: &[i16]) -> Result<Vec<Vec<u8>>, CodecError> {
    let mut encoder = Encoder::new(codec, rate_hz, OpusSettings::default())?;
    let mut payload = [0; PAYLOAD_OCTETS_MAX];
    let frames = said.chunks_exact(rate_hz as usize / 50);
    let encode = |frame| {
        let octets = encoder.encode(frame, &mut payload)?;
        Ok(payload.split_at(octets).0.to_vec())
    };
    frames.map(encode).collect()
}

fn decoded(codec: Codec, rate_hz: u32, payloads: &[Vec<u8>]) -> Result<usize, CodecError> {
    let mut decoder = Decoder::new(codec, rate_hz)?;
    let mut pcm = vec![0; rate_hz as usize / 10];
    payloads.iter().map(|payload| decoder.decode(payload, &mut pcm)).sum()
}

/// Something that is neither silent nor noise.
fn sound(samples: usize) -> Vec<i16> {
    let wave = |n: usize| {
        let slow = (n as f32 * 0.0011).sin();
        (((n as f32 * 0.11).sin() + (n as f32 * 0.23 + slow).sin()) * 6_000.0 * slow) as i16
    };
    (0..samples).map(wave).collect()
}

/// Microseconds a frame.
fn median(mut work: impl FnMut() -> bool) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(work());
            began.elapsed().as_secs_f64() * 1e6 / FRAMES as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(ROUNDS / 2).copied().unwrap_or_default()
}
