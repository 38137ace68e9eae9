//! Files made here by hand, by hound, and two small mp3 files; then everything that is no file at all.

use super::*;
use crate::g711::{self, Law};
use crate::level::level_dbfs;
use crate::tone::{ToneGenerator, ToneSpec};
use proptest::prelude::*;

const MP3_MONO: &[u8] = include_bytes!("../../tests/data/tone-1000hz-24khz.mp3");
const MP3_STEREO: &[u8] = include_bytes!("../../tests/data/tone-stereo-44khz-bare.mp3");

fn tone(rate_hz: u32, ms: u32) -> Vec<i16> {
    let mut out = vec![0; (rate_hz * ms / 1_000) as usize];
    ToneGenerator::new(ToneSpec::sine(1_000.0, -6.0, ms), rate_hz).fill(&mut out);
    out
}

/// A wav file with a `fmt ` chunk of `tag`, and any data.
fn wav(tag: u16, channels: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let align = channels.wrapping_mul(bits) / 8;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + data.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16_u32.to_le_bytes());
    out.extend(tag.to_le_bytes());
    out.extend(channels.to_le_bytes());
    out.extend(rate_hz.to_le_bytes());
    out.extend(rate_hz.wrapping_mul(u32::from(align)).to_le_bytes());
    out.extend(align.to_le_bytes());
    out.extend(bits.to_le_bytes());
    out.extend(b"data");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

fn pcm16(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn check_tone(bytes: &[u8], rate_hz: u32, samples: &[i16], error_max: i16) {
    let clip = read_clip(bytes, &ClipLimits::default()).unwrap();
    assert_eq!((clip.rate_hz, clip.samples.len()), (rate_hz, samples.len()));
    for (n, (got, sent)) in clip.samples.iter().zip(samples).enumerate() {
        assert!(got.abs_diff(*sent) <= error_max.unsigned_abs(), "sample {n}: {got} for {sent}");
    }
}

#[test]
fn every_kind_of_wav_is_read() {
    let tone = tone(8_000, 100);
    check_tone(&wav(1, 1, 8_000, 16, &pcm16(&tone)), 8_000, &tone, 0);
    let eight: Vec<u8> = tone.iter().map(|sample| ((sample >> 8) as i8 as u8) ^ 0x80).collect();
    check_tone(&wav(1, 1, 8_000, 8, &eight), 8_000, &tone, 256);
    let twenty_four: Vec<u8> =
        tone.iter().flat_map(|s| (i32::from(*s) << 8).to_le_bytes()[..3].to_vec()).collect();
    check_tone(&wav(1, 1, 22_050, 24, &twenty_four), 22_050, &tone, 1);
    let thirty_two: Vec<u8> = tone.iter().flat_map(|s| (i32::from(*s) << 16).to_le_bytes()).collect();
    check_tone(&wav(1, 1, 48_000, 32, &thirty_two), 48_000, &tone, 1);
    let float: Vec<u8> = tone.iter().flat_map(|s| (f32::from(*s) / 32_768.0).to_le_bytes()).collect();
    check_tone(&wav(3, 1, 44_100, 32, &float), 44_100, &tone, 1);
    for (tag, law) in [(6, Law::A), (7, Law::Mu)] {
        let mut octets = vec![0; tone.len()];
        g711::encode(law, &tone, &mut octets);
        check_tone(&wav(tag, 1, 8_000, 8, &octets), 8_000, &tone, 600);
    }
}

#[test]
fn chunks_around_the_data_are_skipped() {
    let tone = tone(8_000, 20);
    let plain = wav(1, 1, 8_000, 16, &pcm16(&tone));
    let odd_list = b"LIST\x05\x00\x00\x00INFOx\x00";
    let framed = [&plain[..12], odd_list, &plain[12..36], odd_list, &plain[36..], odd_list].concat();
    check_tone(&framed, 8_000, &tone, 0);
}

#[test]
fn an_extensible_format_names_its_kind_within() {
    let tone = tone(16_000, 20);
    let mut bytes = wav(0xfffe, 1, 16_000, 16, &pcm16(&tone));
    bytes[16] = 40;
    let guid =
        b"\x16\x00\x10\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";
    bytes.splice(36..36, guid.iter().copied());
    check_tone(&bytes, 16_000, &tone, 0);
}

#[test]
fn channels_are_averaged() {
    let tone = tone(16_000, 50);
    let stereo: Vec<i16> = tone.iter().flat_map(|sample| [*sample, 0]).collect();
    let half: Vec<i16> = tone.iter().map(|sample| sample / 2).collect();
    check_tone(&wav(1, 2, 16_000, 16, &pcm16(&stereo)), 16_000, &half, 0);
}

#[test]
fn a_library_s_wav_is_read() {
    let tone = tone(24_000, 60);
    let mut file = Cursor::new(Vec::new());
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    tone.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    check_tone(&file.into_inner(), 24_000, &tone, 0);
}

/// Synthesizers that write to a pipe do not know the length when they write the header.
#[test]
fn a_wav_of_unknown_length_ends_where_its_bytes_end() {
    let tone = tone(22_050, 300);
    for (riff_len, claimed) in [(0x7fff_f024, 0x7fff_f000_u32), (u32::MAX, u32::MAX), (0, 0)] {
        let mut bytes = wav(1, 1, 22_050, 16, &pcm16(&tone));
        bytes[4..8].copy_from_slice(&u32::to_le_bytes(riff_len));
        bytes[40..44].copy_from_slice(&claimed.to_le_bytes());
        check_tone(&bytes, 22_050, &tone, 0);
    }
    let mut cut = wav(1, 1, 22_050, 16, &pcm16(&tone));
    cut.truncate(44 + 2_001);
    check_tone(&cut, 22_050, &tone[..1_000], 0);
}

#[test]
fn mp3_is_read() {
    for (bytes, rate_hz, ms) in [(MP3_MONO, 24_000, 500), (MP3_STEREO, 44_100, 200)] {
        let clip = read_clip(bytes, &ClipLimits::default()).unwrap();
        assert_eq!(clip.rate_hz, rate_hz);
        assert!((ms..ms + 120).contains(&clip.duration_ms()), "{}", clip.duration_ms());
        let middle = &clip.samples[clip.samples.len() / 3..clip.samples.len() * 2 / 3];
        let crossings = middle.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count() as u64;
        let hz = crossings * u64::from(rate_hz) / 2 / middle.len() as u64;
        assert!((980..=1_020).contains(&hz), "{hz}");
        assert!((-25.0..-15.0).contains(&level_dbfs(middle)), "{}", level_dbfs(middle));
    }
}

#[test]
fn a_clip_may_be_converted_while_it_is_read() {
    let tone = tone(48_000, 500);
    let bytes = wav(1, 1, 48_000, 16, &pcm16(&tone));
    let clip = read_clip_at(&bytes, &ClipLimits::default(), 8_000).unwrap();
    let expected = crate::resample::resample_clip(&tone, 48_000, 8_000).unwrap();
    assert_eq!((clip.rate_hz, clip.duration_ms()), (8_000, 500));
    assert_eq!(clip.samples, expected);
    assert_eq!(read_clip_at(&bytes, &ClipLimits::default(), 48_000).unwrap().samples, tone);
}

#[test]
fn limits_hold() {
    let bytes = wav(1, 1, 8_000, 16, &pcm16(&tone(8_000, 1_000)));
    let limits = ClipLimits { bytes_max: bytes.len() - 1, ..ClipLimits::default() };
    let expected = ReadError::TooLarge { bytes: bytes.len(), bytes_max: bytes.len() - 1 };
    assert_eq!(read_clip(&bytes, &limits), Err(expected));
    let limits = ClipLimits { duration_max: Duration::from_millis(999), ..ClipLimits::default() };
    assert_eq!(read_clip(&bytes, &limits), Err(ReadError::TooLong { seconds_max: 0 }));
    let limits = ClipLimits { duration_max: Duration::from_secs(1), ..ClipLimits::default() };
    assert!(read_clip(&bytes, &limits).is_ok());
}

#[test]
fn what_is_no_sound_is_named() {
    let check = |bytes: &[u8], expected: &str| {
        let error = read_clip(bytes, &ClipLimits::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(b"", "the file is empty");
    check(b"<!doctype html><title>404</title>", "this is an HTML page, not audio; send wav or mp3");
    check(b"{\"error\":\"no such file\"}", "this is JSON, not audio; send wav or mp3");
    check(b"\x00\x01\x02", "this is unknown data, not audio; send wav or mp3");
    check(b"OggS\x00\x02\x00", "this is Ogg sound, which is not supported; send wav (PCM or G.711) or mp3");
    check(
        &wav(0x31, 1, 8_000, 0, &[0; 65]),
        "this is wav sound in GSM 6.10, which is not supported; send wav (PCM or G.711) or mp3",
    );
    check(&wav(1, 0, 8_000, 16, &[0; 64]), "the wav file is damaged: it names 0 channels");
    check(&wav(1, 1, 8_000, 16, &[]), "the file contains no sound");
    check(
        &wav(1, 1, 1_000, 16, &[0; 64]),
        "this is sound at 1000 Hz, which is not supported; send wav (PCM or G.711) or mp3",
    );
}

#[test]
fn damage_is_named_or_survived() {
    for bytes in [
        wav(1, 0, 8_000, 16, &[0; 64]),
        wav(1, 1, 0, 16, &[0; 64]),
        wav(1, 1, 8_000, 0, &[0; 64]),
        wav(1, 1, 8_000, 13, &[0; 64]),
        wav(0x1234, 1, 8_000, 16, &[0; 64]),
        wav(1, 65_535, 8_000, 16, &[0; 64]),
        wav(1, 1, u32::MAX / 2, 16, &[0; 64]),
        b"RIFF\x04\x00\x00\x00WAVE".to_vec(),
        b"RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff".to_vec(),
        b"ID3\x04\x00\x00\x00\x00\x00\x00".to_vec(),
    ] {
        let result = read_clip(&bytes, &ClipLimits::default());
        assert!(result.is_err(), "{bytes:?}: {result:?}");
    }
    let mut holed = MP3_MONO.to_vec();
    holed[700..900].fill(0x55);
    assert!(read_clip(&holed, &ClipLimits::default()).is_ok(), "one bad frame does not spoil the rest");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read_clip(&bytes, &ClipLimits::default());
    }

    /// Bytes changed at random in files that were good reach the depths of the decoders.
    #[test]
    fn damaged_files_are_answered(
        which in 0..3_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let good = [wav(1, 2, 8_000, 16, &[7; 400]), MP3_MONO.to_vec(), MP3_STEREO.to_vec()];
        let mut bytes = good[which].clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let limits = ClipLimits::default();
        if let Ok(clip) = read_clip_at(&bytes, &limits, 8_000) {
            prop_assert!(clip.duration_ms() <= 3_600_000);
        }
        // The net under the decoder must not be what makes this pass.
        if which > 0 {
            let _ = decode_mp3(after_id3(&bytes), &limits, None);
        }
    }
}
