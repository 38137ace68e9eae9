//! Tests of the codecs: what comes out is what went in, at every rate and frame length.

use super::g722::{G722Decoder, G722Encoder};
use super::*;
use crate::correlate::align;
use crate::level::level_dbfs;

/// A voice-like sound: a buzz with moving formants, louder and softer, below 3.4 kHz.
fn speech(rate_hz: u32, ms: usize) -> Vec<i16> {
    let count = rate_hz as usize * ms / 1_000;
    let rate = f64::from(rate_hz);
    let mut phase = 0.0;
    (0..count)
        .map(|n| {
            let t = n as f64 / rate;
            phase += (110.0 + 25.0 * (t * 2.1).sin()) / rate;
            let formant = 600.0 + 350.0 * (t * 5.3).sin();
            let harmonics = (1..24).map(|k| {
                let hz = 110.0 * f64::from(k);
                let near = (-((hz - formant) / 250.0).powi(2)).exp()
                    + 0.35 * (-((hz - 2_100.0) / 400.0).powi(2)).exp();
                near * (std::f64::consts::TAU * phase * f64::from(k)).sin()
            });
            let loud = 0.55 + 0.45 * (t * 7.9).sin();
            (harmonics.sum::<f64>() * 5_000.0 * loud) as i16
        })
        .collect()
}

fn through(codec: Codec, rate_hz: u32, frame_ms: usize, sound: &[i16]) -> Vec<i16> {
    let mut encoder = Encoder::new(codec, rate_hz, OpusSettings::default()).unwrap();
    let mut decoder = Decoder::new(codec, rate_hz).unwrap();
    let mut payload = [0; PAYLOAD_OCTETS_MAX];
    let mut pcm = vec![0; PACKET_MS_MAX * rate_hz as usize / 1_000];
    let frame = rate_hz as usize * frame_ms / 1_000;
    let mut heard = Vec::new();
    for frame in sound.chunks_exact(frame) {
        let octets = encoder.encode(frame, &mut payload).unwrap();
        let samples = decoder
            .decode(&payload[..octets], &mut pcm)
            .unwrap_or_else(|e| panic!("{codec:?} {rate_hz} {frame_ms}: {e}"));
        assert_eq!(samples, frame.len(), "{codec:?} {rate_hz} {frame_ms}");
        heard.extend_from_slice(&pcm[..samples]);
    }
    heard
}

#[test]
fn what_is_heard_is_what_was_said_in_every_codec_rate_and_frame() {
    for codec in Codec::ALL {
        for rate_hz in RATES_HZ {
            for frame_ms in [10, 20, 30, 40, 60].into_iter().filter(|ms| codec != Codec::Opus || *ms != 30) {
                let said = speech(rate_hz, 1_200);
                let heard = through(codec, rate_hz, frame_ms, &said);
                let from = rate_hz as usize / 10;
                let found = align(&said[from..heard.len() - from], &heard, 2 * from).unwrap();
                let least = if codec == Codec::Opus { 0.93 } else { 0.98 };
                assert!(found.similarity > least, "{codec:?} {rate_hz} Hz {frame_ms} ms: {found:?}");
                let gain = level_dbfs(&heard) - level_dbfs(&said);
                assert!(gain.abs() < 1.5, "{codec:?} {rate_hz} Hz {frame_ms} ms: {gain} dB");
            }
        }
    }
}

/// The digest of these octets and samples is that of an independent implementation fed with the same sound.
#[test]
fn g722_is_bit_exact() {
    let mut noise = 12_345_u32;
    let said: Vec<i16> = speech(16_000, 2_000)
        .into_iter()
        .map(|sample| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sample.saturating_mul(2).saturating_add((noise >> 20) as i16)
        })
        .collect();
    let mut octets = vec![0; said.len() / 2];
    assert_eq!(G722Encoder::new().encode(&said, &mut octets), octets.len());
    let mut heard = vec![0; said.len()];
    assert_eq!(G722Decoder::new().decode(&octets, &mut heard), heard.len());
    let digest = |bytes: &mut dyn Iterator<Item = u8>| {
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    assert_eq!(digest(&mut octets.iter().copied()), 0x4c85_dc50_69ab_a44d);
    assert_eq!(digest(&mut heard.iter().flat_map(|sample| sample.to_le_bytes())), 0xacfc_90a8_15e4_7005);
}

#[test]
fn opus_tells_of_the_packet_before() {
    let rate_hz = 16_000;
    let said = speech(rate_hz, 3_000);
    let settings = OpusSettings { loss_percent: 20, ..OpusSettings::default() };
    let heard = |recover: bool| {
        let mut encoder = Encoder::new(Codec::Opus, rate_hz, settings).unwrap();
        let mut decoder = Decoder::new(Codec::Opus, rate_hz).unwrap();
        let packets: Vec<Vec<u8>> = said
            .chunks_exact(320)
            .map(|frame| {
                let mut payload = vec![0; PAYLOAD_OCTETS_MAX];
                let len = encoder.encode(frame, &mut payload).unwrap();
                payload.truncate(len);
                payload
            })
            .collect();
        let mut heard = Vec::new();
        for (n, packet) in packets.iter().enumerate() {
            let mut pcm = [0; 1_920];
            let len = match n % 5 {
                2 if recover => {
                    decoder.recover(&packets[n + 1], &mut pcm[..320]);
                    320
                }
                2 => {
                    decoder.conceal(&mut pcm[..320]);
                    320
                }
                _ => decoder.decode(packet, &mut pcm).unwrap(),
            };
            heard.extend_from_slice(&pcm[..len]);
        }
        let middle = said.len() / 2;
        align(&said[middle / 2..middle], &heard[middle / 2 - 400..], 1_600).unwrap().similarity
    };
    let (recovered, concealed) = (heard(true), heard(false));
    assert!(recovered > concealed + 0.01, "recovered {recovered}, concealed {concealed}");
}

#[test]
fn what_is_missing_fades_and_comes_back_without_a_click() {
    for codec in Codec::ALL {
        for rate_hz in RATES_HZ {
            let said = speech(rate_hz, 400);
            let frame = rate_hz as usize / 50;
            let mut encoder = Encoder::new(codec, rate_hz, OpusSettings::default()).unwrap();
            let mut decoder = Decoder::new(codec, rate_hz).unwrap();
            let mut payload = [0; PAYLOAD_OCTETS_MAX];
            let mut pcm = vec![0; frame * 6];
            for frame in said.chunks_exact(frame) {
                let len = encoder.encode(frame, &mut payload).unwrap();
                decoder.decode(&payload[..len], &mut pcm).unwrap();
            }
            let mut levels = Vec::new();
            for _ in 0..12 {
                decoder.conceal(&mut pcm[..frame]);
                levels.push(level_dbfs(&pcm[..frame]));
            }
            assert!(levels[0] > -40.0, "{codec:?} {rate_hz}: {levels:?}");
            assert!(levels[11] < levels[0] - 12.0, "{codec:?} {rate_hz}: {levels:?}");
        }
    }
}

#[test]
fn nonsense_is_refused_and_harms_nothing() {
    let check = |rate_hz| Encoder::new(Codec::Pcmu, rate_hz, OpusSettings::default()).err();
    assert_eq!(check(44_100), Some(CodecError::Rate(44_100)));
    assert_eq!(Decoder::new(Codec::Opus, 11_025).err(), Some(CodecError::Rate(11_025)));
    let mut noise = 99_u32;
    for codec in Codec::ALL {
        let mut encoder = Encoder::new(codec, 8_000, OpusSettings::default()).unwrap();
        let mut payload = [0; PAYLOAD_OCTETS_MAX];
        for samples in [0, 1, 79, 81, 400, 481, 960] {
            assert_eq!(
                encoder.encode(&vec![0; samples], &mut payload),
                Err(CodecError::Frame(samples)),
                "{codec:?}"
            );
        }
        assert_eq!(encoder.encode(&[0; 160], &mut []), Err(CodecError::Room), "{codec:?}");
        let mut decoder = Decoder::new(codec, 48_000).unwrap();
        let mut pcm = vec![0; PACKET_MS_MAX * 48];
        assert_eq!(decoder.decode(&[], &mut pcm), Err(CodecError::Payload));
        for len in 0..600 {
            let rubbish: Vec<u8> = (0..len)
                .map(|_| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (noise >> 24) as u8
                })
                .collect();
            let _ = decoder.decode(&rubbish, &mut pcm);
            decoder.recover(&rubbish, &mut pcm[..960]);
        }
    }
}
