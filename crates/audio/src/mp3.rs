//! A wav file as an mp3 file (MPEG layer III, constant bit rate) of the same rate and channels. Works on a reader and a
//! writer; knows no path.

use hound::WavReader;
use oxideav_mp3::frame::ChannelMode;
use oxideav_mp3::stream_encoder::Mp3Encoder;
use std::io::{Read, Write};

/// Samples given to the encoder at a time.
const PIECE_SAMPLES: usize = 8_192;

/// Why an mp3 file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Mp3Error {
    /// Not 16-bit PCM of one or two channels.
    #[error("not a wav file of 16-bit samples in one or two channels")]
    NotAWav,
    /// Layer III has no such rate.
    #[error("mp3 has no sample rate of {0} Hz")]
    Rate(u32),
    /// Encoding, reading or writing failed.
    #[error("mp3 could not be made: {0}")]
    Failed(String),
}

/// Kilobits a second of one channel: enough that telephone speech stays what it was.
const fn kbps(rate_hz: u32) -> u32 {
    match rate_hz {
        ..=12_000 => 48,
        12_001..=24_000 => 64,
        _ => 96,
    }
}

/// Makes the mp3 file; returns its size. The whole of it is in memory until it is written (48 kbit/s a channel at
/// 8 kHz: 21 MB for an hour of one channel).
pub fn wav_to_mp3(wav: impl Read, mut mp3: impl Write) -> Result<u64, Mp3Error> {
    let mut wav = WavReader::new(wav).map_err(|_| Mp3Error::NotAWav)?;
    let spec = wav.spec();
    let mode = match (spec.channels, spec.bits_per_sample) {
        (1, 16) => ChannelMode::SingleChannel,
        (2, 16) => ChannelMode::Stereo,
        _ => return Err(Mp3Error::NotAWav),
    };
    let rate_hz = spec.sample_rate;
    let mut encoder = Mp3Encoder::new(kbps(rate_hz) * u32::from(spec.channels), rate_hz, mode)
        .map_err(|_| Mp3Error::Rate(rate_hz))?;
    let mut piece = Vec::with_capacity(PIECE_SAMPLES);
    for sample in wav.samples::<i16>() {
        piece.push(sample.map_err(failed)?);
        if piece.len() == PIECE_SAMPLES {
            encoder.push_samples(&piece).map_err(failed)?;
            piece.clear();
        }
    }
    encoder.push_samples(&piece).map_err(failed)?;
    let bytes = encoder.finish(&mut mp3).map_err(failed)?;
    mp3.flush().map_err(failed)?;
    Ok(bytes as u64)
}

fn failed(error: impl std::fmt::Display) -> Mp3Error {
    Mp3Error::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::align;
    use crate::decode::{ClipLimits, read_clip};
    use std::io::Cursor;

    fn sweep(samples: usize) -> Vec<i16> {
        let wave = |n: usize| {
            let at = n as f64 / 8_000.0;
            ((at * 1_500.0 + (at * 5.0).sin() * 90.0).sin() * (at * 9.0).cos() * 9_000.0) as i16
        };
        (0..samples).map(wave).collect()
    }

    fn wav(rate_hz: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let sample_format = hound::SampleFormat::Int;
        let spec = hound::WavSpec { channels, sample_rate: rate_hz, bits_per_sample: 16, sample_format };
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
        writer.finalize().unwrap();
        file.into_inner()
    }

    /// Another program's decoder hears what was encoded.
    fn check(rate_hz: u32, channels: u16) {
        let said = sweep(12_000);
        let both: Vec<i16> =
            said.iter().flat_map(|sample| std::iter::repeat_n(*sample, channels.into())).collect();
        let mut mp3 = Vec::new();
        let bytes = wav_to_mp3(wav(rate_hz, channels, &both).as_slice(), &mut mp3).unwrap();
        assert_eq!(bytes, mp3.len() as u64);
        let clip = read_clip(&mp3, &ClipLimits::default()).unwrap();
        assert_eq!(clip.rate_hz, rate_hz);
        let similarity = align(&said[2_000..10_000], &clip.samples, 4_000).unwrap().similarity;
        assert!(similarity > 0.97, "{rate_hz} Hz, {channels} channels: {similarity}");
    }

    #[test]
    fn what_is_encoded_is_heard_again() {
        for rate_hz in [8_000, 16_000, 48_000] {
            check(rate_hz, 1);
            check(rate_hz, 2);
        }
    }

    #[test]
    fn an_empty_recording_is_a_file_too_and_rubbish_is_none() {
        let mut mp3 = Vec::new();
        wav_to_mp3(wav(8_000, 1, &[]).as_slice(), &mut mp3).unwrap();
        assert!(matches!(wav_to_mp3(&b"RIFFx"[..], &mut mp3), Err(Mp3Error::NotAWav)));
        assert!(matches!(wav_to_mp3(wav(9_000, 1, &[1]).as_slice(), &mut mp3), Err(Mp3Error::Rate(9_000))));
        let five = wav(8_000, 5, &[1; 5]);
        assert!(matches!(wav_to_mp3(five.as_slice(), &mut mp3), Err(Mp3Error::NotAWav)));
    }
}
