//! What a recorder keeps, sample by sample: channels, and that a pause leaves nothing behind.

use super::*;
use audio::{Encoder, OpusSettings};
use model::id::IdSource;
use std::time::Duration;

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// What the far side says before, during and after the pause, and what it is sent then.
const SAID_HZ: [f64; 3] = [400.0, 1_000.0, 600.0];
const RELAYED_HZ: [f64; 3] = [1_500.0, 2_000.0, 1_700.0];
const OWN_HZ: [f64; 3] = [2_400.0, 2_900.0, 2_600.0];

/// Makes packets of a tone.
struct Source {
    codec: Codec,
    encoder: Encoder,
    sequence: u16,
    samples: u32,
    payload: [u8; 1_000],
}

impl Source {
    fn new(codec: Codec) -> Self {
        let encoder = Encoder::new(codec, NARROW_HZ, OpusSettings::default()).unwrap();
        Self { codec, encoder, sequence: 65_530, samples: 0, payload: [0; 1_000] }
    }

    fn next(&mut self, hz: f64, ssrc: u32) -> Packet<'_> {
        let wave = |n: u32| {
            let turns = f64::from(self.samples + n) * hz / 8_000.0;
            ((turns * std::f64::consts::TAU).sin() * 5_000.0) as i16
        };
        let pcm: Vec<i16> = (0..160).map(wave).collect();
        let len = self.encoder.encode(&pcm, &mut self.payload).unwrap();
        self.samples += 160;
        self.sequence = self.sequence.wrapping_add(1);
        let timestamp = self.samples / 160 * (self.codec.rtp_clock_hz() / 50);
        let payload = &self.payload[..len];
        Packet { payload_type: 0, marker: false, sequence: self.sequence, timestamp, ssrc, payload }
    }
}

/// A recorder, and what it gave to the writer.
fn recorder(source: RecordSource) -> (Recorder, Receiver<SpoolMessage>) {
    let (writer, written) = std::sync::mpsc::sync_channel(1_000);
    let (spares, empty) = std::sync::mpsc::sync_channel(1_000);
    (0..1_000).for_each(|_| spares.send(Chunk::empty()).unwrap());
    let id = RecordingId::generate(&mut IdSource::new(1), START);
    (Recorder::new(id, source, Tape::Spool(SpoolTape::new(0, writer, empty))), written)
}

/// The channels of all that was kept.
fn channels(written: &Receiver<SpoolMessage>, count: usize) -> Vec<Vec<i16>> {
    let mut samples: Vec<i16> = Vec::new();
    while let Ok(message) = written.recv() {
        if let SpoolMessage::Data { chunk, .. } = message {
            samples.extend(chunk.samples().as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)));
        }
    }
    (0..count).map(|channel| samples.iter().copied().skip(channel).step_by(count).collect()).collect()
}

/// A tone's level in 20 ms, dB below the tones as they were said.
fn level(hz: f64, frame: &[i16]) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in frame.iter().enumerate() {
        let window = (std::f64::consts::PI * n as f64 / 160.0).sin().powi(2);
        let angle = n as f64 * hz / 8_000.0 * std::f64::consts::TAU;
        real += window * f64::from(*sample) * angle.cos();
        imaginary += window * f64::from(*sample) * angle.sin();
    }
    20.0 * (real.hypot(imaginary) * 4.0 / 160.0 / 5_000.0).max(1e-6).log10()
}

fn frames(pcm: &[i16]) -> impl Iterator<Item = &[i16]> {
    pcm.windows(160).step_by(80)
}

/// The greatest level of a tone.
fn level_of(hz: f64, pcm: &[i16]) -> f64 {
    frames(pcm).map(|frame| level(hz, frame)).fold(-120.0, f64::max)
}

/// The greatest level of a tone where it stands out.
fn tone_in(hz: f64, pcm: &[i16]) -> f64 {
    let stands_out =
        |frame: &&[i16]| level(hz, frame) > level(hz - 200.0, frame).min(level(hz + 200.0, frame)) + 12.0;
    frames(pcm).filter(stands_out).map(|frame| level(hz, frame)).fold(-120.0, f64::max)
}

/// A second, a second of pause, and a second; the far side may fall silent with the end of the pause.
fn check(codec: Codec, source: RecordSource, talks_on: bool) {
    let what = format!("{codec:?} {source:?} talks on: {talks_on}");
    let (mut recorder, written) = recorder(source);
    let mut hearing = Hearing::new(codec, NARROW_HZ).unwrap();
    let mut sources = [Source::new(codec), Source::new(codec), Source::new(codec)];
    for tick in 0..150_usize {
        let now = START + Duration::from_millis(20) * u32::try_from(tick).unwrap();
        let phase = tick / 50;
        match tick {
            50 => recorder.pause(),
            100 => recorder.resume(),
            _ => {}
        }
        let [said, relayed, own] = &mut sources;
        if phase < 2 || talks_on {
            hearing.put(&said.next(SAID_HZ[phase], 1), now);
            recorder.put_relayed(codec, &relayed.next(RELAYED_HZ[phase], 2), now);
        }
        let mut heard: Pcm = [0; NARROW];
        hearing.next(now, &mut heard);
        let own = own.next(OWN_HZ[phase], 3);
        let buffers = Buffers { heard: Some(&hearing), under: None };
        recorder.tick(&heard, Some((codec, own.payload)), buffers, now);
    }
    drop(recorder);
    let kept = channels(&written, source.channels().into());
    for pcm in &kept {
        // Two seconds but for what waited in buffers at the pause's beginning and end.
        assert!((15_999 - 8 * 350..=16_000).contains(&pcm.len()), "{what}: {} samples", pcm.len());
        // Where sound begins, and where it is cut, every pitch is heard a little.
        let (before, after) = pcm[12 * NARROW..].split_at(38 * NARROW);
        for hz in [SAID_HZ[1], RELAYED_HZ[1], OWN_HZ[1]] {
            let level = tone_in(hz, before).max(tone_in(hz, after));
            // What Opus makes up while nothing comes is noise of that loudness.
            assert!(level < -34.0, "{what}: {hz} Hz of the pause is heard at {level} dB");
        }
    }
    let said = |channel: usize, hz: f64| level_of(hz, &kept[channel]) > -6.0;
    let (left, right) = (0, kept.len() - 1);
    assert!(said(left, SAID_HZ[0]), "{what}");
    assert_eq!(said(right, RELAYED_HZ[0]), source != RecordSource::Received, "{what}");
    assert_eq!(said(right, OWN_HZ[2]), source != RecordSource::Received, "{what}");
    assert_eq!(said(right, SAID_HZ[0]), source != RecordSource::Stereo, "{what}: sides stay apart");
    assert_eq!(said(left, OWN_HZ[0]), source == RecordSource::Mixed, "{what}: sides stay apart");
    assert_eq!(said(left, SAID_HZ[2]), talks_on, "{what}: it goes on after the pause");
}

#[test]
fn nothing_of_a_pause_is_kept_and_sides_are_where_they_belong() {
    for codec in Codec::ALL {
        for source in [RecordSource::Received, RecordSource::Mixed, RecordSource::Stereo] {
            check(codec, source, true);
            check(codec, source, false);
        }
    }
}

#[test]
fn a_recording_that_is_not_paused_cannot_be_resumed_and_loses_nothing() {
    let (mut recorder, written) = recorder(RecordSource::Received);
    recorder.resume();
    for tick in 0..12 {
        let now = START + Duration::from_millis(20) * tick;
        recorder.tick(&[7; NARROW], None, Buffers::default(), now);
    }
    drop(recorder);
    assert_eq!(channels(&written, 1), [vec![7; 12 * NARROW]]);
}
