//! Recordings hold what was heard and said, end with the leg, and fail with a reason.

use crate::support::*;
use audio::Law;
use audio::correlate::align;
use audio::wav::{SPOOL_HEADER_LEN, SpoolCodec, SpoolHeader};
use model::id::IdSource;
use model::sound::RecordSource;
use model::{LegId, RecordingId, Timestamp};
use ports::MediaPlane;
use ports::media::{Clip, ClipId, FinishedRecording, MediaError, PlaneOrder};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn finish(rig: &Rig, spool: &Path, file: &Path) -> Result<FinishedRecording, MediaError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(rig.engine.finish_recording(spool.to_owned(), file.to_owned()))
}

fn start(rig: &Rig, leg: LegId, source: RecordSource, spool: &Path) -> RecordingId {
    let recording = RecordingId::generate(&mut IdSource::new(9), Timestamp::from_millis(4));
    rig.order(leg, PlaneOrder::StartRecording { recording, source, spool: spool.to_owned() });
    recording
}

fn samples(file: &Path) -> Vec<i16> {
    let bytes = std::fs::read(file).unwrap();
    let clip = audio::read_clip(&bytes, &audio::ClipLimits::default()).unwrap();
    assert_eq!(clip.rate_hz, 8_000);
    clip.samples
}

fn similarity(sound: &[i16], recorded: &[i16]) -> f64 {
    align(sound, recorded, 16_000).map_or(0.0, |alignment| alignment.similarity)
}

struct Folder {
    _folder: tempfile::TempDir,
    spool: PathBuf,
    file: PathBuf,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let (spool, file) = (folder.path().join("a.spool"), folder.path().join("a.wav"));
    Folder { _folder: folder, spool, file }
}

#[test]
fn a_recording_of_the_far_side_is_what_it_said() {
    let mut rig = Rig::new(config());
    let at = folder();
    let (leg, mut peer) = rig.connect(|_| {});
    let recording = start(&rig, leg, RecordSource::Received, &at.spool);
    peer.next();
    let said = speech(1.0, 12_000);
    peer.stream_sound(0, &[said.octets.clone(), vec![0xff; 2_400]].concat());
    rig.order(leg, PlaneOrder::StopRecording { recording });
    let finished = finish(&rig, &at.spool, &at.file).unwrap();
    let recorded = samples(&at.file);
    assert_eq!(u64::from(finished.duration_ms), recorded.len() as u64 / 8);
    assert_eq!(finished.bytes, std::fs::metadata(&at.file).unwrap().len());
    assert!((1_600..2_400).contains(&finished.duration_ms), "{finished:?}");
    // A machine that stalls stretches time in one part of it, and not in all.
    let parts: Vec<f64> = said.pcm.chunks(3_000).map(|part| similarity(part, &recorded)).collect();
    let good = parts.iter().filter(|similar| **similar > 0.95).count();
    assert!(good >= 3, "of four parts: {parts:?}");
    assert!(!at.spool.exists(), "the spool is gone");
}

#[test]
fn a_mixed_recording_holds_both_sides_also_of_a_bridge() {
    let mut rig = Rig::new(config());
    let at = folder();
    let (leg, mut peer) = rig.connect(|_| {});
    let (other, mut far) = rig.connect(|_| {});
    rig.order(leg, PlaneOrder::Bridge { with: other });
    start(&rig, leg, RecordSource::Mixed, &at.spool);
    peer.next();
    far.next();
    let (said, relayed, prompt) = (speech(1.0, 8_000), speech(1.7, 6_400), speech(0.6, 6_400));
    peer.stream_sound(0, &said.octets);
    far.stream_sound(0, &relayed.octets);
    let played = Clip { id: ClipId([1; 16]), rate_hz: 8_000, samples: prompt.pcm.clone().into() };
    rig.play(leg, 1, &[&Arc::new(played)]);
    rig.facts.finished(leg, 1);
    rig.close(leg);
    finish(&rig, &at.spool, &at.file).unwrap();
    let recorded = samples(&at.file);
    for (what, sound) in [("said", &said.pcm), ("relayed", &relayed.pcm), ("prompt", &prompt.pcm)] {
        // Each was alone in its part of the recording.
        let similar = (0..recorded.len().saturating_sub(sound.len()) / 2_000)
            .map(|part| similarity(sound, &recorded[part * 2_000..]))
            .fold(0.0, f64::max);
        assert!(similar > 0.9, "{what}: {similar}");
    }
}

#[test]
fn a_spool_that_cannot_be_written_is_said_at_the_end() {
    let mut rig = Rig::new(config());
    let at = folder();
    let spool = at.spool.join("nowhere").join("a.spool");
    let (leg, peer) = rig.connect(|_| {});
    let recording = start(&rig, leg, RecordSource::Received, &spool);
    peer.next();
    rig.order(leg, PlaneOrder::StopRecording { recording });
    let error = finish(&rig, &spool, &at.file).unwrap_err();
    assert!(matches!(&error, MediaError::Recording(reason) if reason.contains("nowhere")), "{error}");
    assert!(!at.file.exists());
}

#[test]
fn a_full_disk_fails_the_recording_and_not_the_call() {
    let mut rig = Rig::new(config());
    let at = folder();
    let (leg, peer) = rig.connect(|_| {});
    let full = PathBuf::from("/dev/full");
    start(&rig, leg, RecordSource::Mixed, &full);
    peer.next();
    rig.play(leg, 1, &[&clip(1, 4_000)]);
    assert_eq!(rig.facts.finished(leg, 1), (500, true));
    rig.close(leg);
    let error = finish(&rig, &full, &at.file).unwrap_err();
    assert!(matches!(&error, MediaError::Recording(reason) if reason.contains("space")), "{error}");
}

#[test]
fn what_a_crash_left_becomes_a_file() {
    let rig = Rig::new(config());
    let at = folder();
    let header = SpoolHeader { codec: SpoolCodec::Pcm16, rate_hz: 8_000, channels: 1, started_at_us: 5 };
    let cut = [&header.encode()[..], &[1, 0].repeat(800), &[7]].concat();
    std::fs::write(&at.spool, cut).unwrap();
    let finished = finish(&rig, &at.spool, &at.file).unwrap();
    assert_eq!(finished.duration_ms, 100);
    assert_eq!(samples(&at.file), vec![1; 800]);
}

#[test]
fn what_is_no_spool_stays_and_leaves_no_half_file() {
    let rig = Rig::new(config());
    let at = folder();
    std::fs::write(&at.spool, vec![3; SPOOL_HEADER_LEN * 2]).unwrap();
    assert!(matches!(finish(&rig, &at.spool, &at.file), Err(MediaError::Recording(_))));
    let left: Vec<_> = std::fs::read_dir(at.spool.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "only the spool: {left:?}");
    let missing = at.spool.with_extension("gone");
    assert!(matches!(finish(&rig, &missing, &at.file), Err(MediaError::Recording(_))));
}

#[test]
fn recordings_are_limited_per_leg_and_in_all() {
    let mut rig = Rig::new(media::MediaConfig { recordings_max: 5, ..config() });
    let at = folder();
    let mut ids = IdSource::new(1);
    let mut begin = |rig: &Rig, leg, name: &str| {
        let recording = RecordingId::generate(&mut ids, Timestamp::default());
        let spool = at.spool.with_file_name(name);
        let source = RecordSource::Received;
        rig.engine.order(leg, PlaneOrder::StartRecording { recording, source, spool })
    };
    let (first, _a) = rig.connect(|_| {});
    let (second, _b) = rig.connect(|_| {});
    for name in ["1", "2", "3", "4"] {
        begin(&rig, first, name).unwrap();
    }
    assert!(matches!(begin(&rig, first, "5"), Err(MediaError::Recording(_))));
    begin(&rig, second, "6").unwrap();
    let error = begin(&rig, second, "7").unwrap_err();
    assert!(matches!(&error, MediaError::Recording(reason) if reason.contains('5')), "{error}");
}

struct Speech {
    pcm: Vec<i16>,
    octets: Vec<u8>,
}

/// Something that correlates with itself at one offset only: bursts of changing pitch.
fn speech(pitch: f64, samples: usize) -> Speech {
    let wave = |n: usize| {
        let time = n as f64 / 8_000.0;
        let loud = (time * 7.3).sin().abs() * 9_000.0;
        (loud * (pitch * (time * time * 900.0 + time * 1_300.0)).sin()) as i16
    };
    let pcm: Vec<i16> = (0..samples).map(wave).collect();
    let mut octets = vec![0; samples];
    audio::g711::encode(Law::Mu, &pcm, &mut octets);
    Speech { pcm, octets }
}
