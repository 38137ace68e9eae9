//! Sound to be played and found again in recordings. Pure.

/// Pitches of the tones, in Hz: within a telephone's band, and so low that a part of a sample, by which every conversion
/// of rates may move a sound, is a small part of a wave.
const PITCH_HZ: f64 = 300.0;
const PITCH_SPAN_HZ: f64 = 800.0;

/// Sound that fits itself at one place only: tones that change their pitch and loudness each tenth of a second.
/// Another `seed` gives another sound; at another rate it is the same sound.
pub fn prompt(seed: u32, rate_hz: u32, seconds: u32) -> Vec<i16> {
    let mut state = seed;
    let mut phase = 0.0_f64;
    let mut samples = Vec::new();
    for _ in 0..seconds * 10 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let pitch_hz = PITCH_HZ + f64::from(state >> 20) / 4_096.0 * PITCH_SPAN_HZ;
        let loudness = 3_000.0 + f64::from(state >> 8 & 0xfff) * 2.0;
        for _ in 0..rate_hz / 10 {
            phase += std::f64::consts::TAU * pitch_hz / f64::from(rate_hz);
            samples.push((phase.sin() * loudness) as i16);
        }
    }
    samples
}

/// A wav file of one channel, 16 bits.
pub fn wav(rate_hz: u32, samples: &[i16]) -> Vec<u8> {
    let bytes = u32::try_from(samples.len() * 2).expect("a test's sound is short");
    let mut file = Vec::from(*b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate_hz.to_le_bytes());
    file.extend((rate_hz * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}
