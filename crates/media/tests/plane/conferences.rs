//! Conferences on real workers: members on different threads hear each other, and the recording holds all of them.

use crate::support::*;
use audio::Law;
use media::MediaConfig;
use model::id::IdSource;
use model::{RecordingId, Timestamp};
use ports::MediaPlane;
use ports::media::{ConferenceId, MediaError, PlaneOrder};

fn join(rig: &Rig, leg: model::LegId) {
    let conference = ConferenceId(5);
    rig.order(leg, PlaneOrder::JoinConference { conference, muted: false, deaf: false });
}

/// A loud constant, which no silence and no mixing with silence changes much.
fn loud(payload: &[u8]) -> bool {
    let mut pcm = vec![0; payload.len()];
    audio::g711::decode(Law::Mu, payload, &mut pcm);
    pcm.iter().any(|sample| sample.unsigned_abs() > 4_000)
}

#[test]
fn members_on_different_workers_hear_each_other_and_not_themselves() {
    let mut rig = Rig::new(MediaConfig { workers: 2, ..config() });
    let mut members: Vec<_> = (0..3).map(|_| rig.connect(|_| {})).collect();
    members.iter().for_each(|(leg, _)| join(&rig, *leg));
    let folder = tempfile::tempdir().unwrap();
    let (spool, file) = (folder.path().join("a.spool"), folder.path().join("a.wav"));
    let recording = RecordingId::generate(&mut IdSource::new(9), Timestamp::from_millis(4));
    rig.order(members[1].0, PlaneOrder::RecordConference { recording, spool: spool.clone() });
    let mut sound = vec![0; 8_000];
    let clip = clip(3, 8_000);
    audio::g711::encode(Law::Mu, &clip.samples, &mut sound);
    members[0].1.stream_sound(0, &sound);
    for listener in [1, 2] {
        members[listener].1.next_that(|got| loud(&got.payload));
    }
    members[0].1.socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 500];
    while let Ok(len) = members[0].1.socket.recv(&mut buffer) {
        assert!(!loud(&buffer[12..len]), "the speaker hears himself");
    }
    rig.order(members[1].0, PlaneOrder::StopConferenceRecording { recording });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let finished = runtime.block_on(rig.engine.finish_recording(spool, file.clone())).unwrap();
    assert!((900..3_000).contains(&finished.duration_ms), "{finished:?}");
    let recorded = audio::read_clip(&std::fs::read(file).unwrap(), &audio::ClipLimits::default()).unwrap();
    let alike = audio::correlate::align(&clip.samples, &recorded.samples, 8_000).unwrap().similarity;
    assert!(alike > 0.9, "{alike}");
    for (leg, _) in &members {
        rig.close(*leg);
    }
    let (leg, _peer) = rig.connect(|_| {});
    let change = PlaneOrder::ChangeMember { muted: true, deaf: true };
    assert_eq!(rig.engine.order(leg, change), Err(MediaError::NoConference));
}
