//! Conferences: each member hears all others and not itself, in whatever codec.

use crate::world::*;
use model::RecordingId;
use model::id::IdSource;
use model::sound::Codec;
use ports::media::{CONFERENCE_MEMBERS_MAX, ConferenceId, FOREVER, PlaneOrder};
use ports::{MediaError, MediaPlane};

const ROOM: ConferenceId = ConferenceId(77);

fn join(world: &World, pair: Pair) {
    world.order(pair.near, PlaneOrder::JoinConference { conference: ROOM, muted: false, deaf: false });
}

/// Members that each say a tone of their own.
fn conference(codecs: &[Codec]) -> (World, Vec<(Pair, u32)>) {
    let mut world = World::new(9);
    let members: Vec<(Pair, u32)> = codecs
        .iter()
        .zip(1..)
        .map(|(codec, number): (&Codec, u32)| (world.pair(*codec, |_, _| {}), 300 + number * 130))
        .collect();
    for (pair, hz) in &members {
        join(&world, *pair);
        world.play(pair.far, 1, &tone(*hz), FOREVER);
    }
    world.run(600);
    (world, members)
}

/// Checks what each member hears in the next second: by the place of the listener and of who is heard.
fn check(world: &mut World, members: &[(Pair, u32)], hears: impl Fn(usize, usize) -> bool) {
    world.run(300);
    for (pair, _) in members {
        world.heard(*pair);
    }
    world.run(1_000);
    for (listener, (pair, _)) in members.iter().enumerate() {
        let heard = world.heard(*pair);
        for (speaker, (_, hz)) in members.iter().enumerate() {
            let level = if heard.is_empty() { -99.0 } else { level_of(*hz, &heard) };
            let expected = if hears(listener, speaker) { -3.0..2.0 } else { -99.0..-28.0 };
            assert!(expected.contains(&level), "{listener} of {:?} hears {speaker} at {level} dB", pair.near);
        }
    }
}

#[test]
fn each_hears_all_others_and_not_itself() {
    let (mut world, members) = conference(&[Codec::Pcmu, Codec::Pcma, Codec::Pcmu]);
    check(&mut world, &members, |listener, speaker| listener != speaker);
}

#[test]
fn codecs_mix() {
    let (mut world, members) = conference(&[Codec::Pcmu, Codec::G722, Codec::Opus, Codec::Pcma]);
    check(&mut world, &members, |listener, speaker| listener != speaker);
}

#[test]
fn the_muted_are_not_heard_and_the_deaf_hear_nothing() {
    let (mut world, members) = conference(&[Codec::Pcmu, Codec::Opus, Codec::Pcma]);
    world.order(members[0].0.near, PlaneOrder::ChangeMember { muted: true, deaf: false });
    world.order(members[1].0.near, PlaneOrder::ChangeMember { muted: false, deaf: true });
    world.run(600);
    check(&mut world, &members, |listener, speaker| listener != 1 && speaker != 0 && listener != speaker);
    world.order(members[0].0.near, PlaneOrder::ChangeMember { muted: false, deaf: false });
    world.order(members[1].0.near, PlaneOrder::ChangeMember { muted: false, deaf: false });
    check(&mut world, &members, |listener, speaker| listener != speaker);
}

#[test]
fn who_leaves_is_gone_and_who_joins_another_leaves_this_one() {
    let (mut world, members) = conference(&[Codec::Pcmu, Codec::Pcmu, Codec::Pcmu]);
    world.order(members[0].0.near, PlaneOrder::Unbridge);
    let other = PlaneOrder::JoinConference { conference: ConferenceId(1), muted: false, deaf: false };
    world.order(members[2].0.near, other);
    world.run(600);
    check(&mut world, &members, |_, _| false);
    join(&world, members[2].0);
    check(&mut world, &members, |listener, speaker| listener + speaker == 3);
    world.close(members[1].0.near);
    world.run(600);
    check(&mut world, &members, |_, _| false);
}

#[test]
fn of_many_the_loudest_are_heard_and_all_hear_them() {
    let codecs: Vec<Codec> = (0..40).map(|n| [Codec::Pcmu, Codec::Pcma][n % 2]).collect();
    let mut world = World::new(10);
    let members: Vec<Pair> = codecs.iter().map(|codec| world.pair(*codec, |_, _| {})).collect();
    members.iter().for_each(|pair| join(&world, *pair));
    world.play(members[3].far, 1, &tone(900), FOREVER);
    world.run(600);
    members.iter().for_each(|pair| drop(world.heard(*pair)));
    world.run(500);
    for (number, pair) in members.iter().enumerate() {
        let heard = world.heard(*pair);
        let level = if heard.is_empty() { -99.0 } else { level_of(900, &heard) };
        assert_eq!(level > -3.0, number != 3, "member {number}: {level}");
    }
}

#[test]
fn conferences_are_bounded_and_know_their_members() {
    let mut world = World::new(11);
    let pairs: Vec<Pair> = (0..=CONFERENCE_MEMBERS_MAX).map(|_| world.pair(Codec::Pcmu, |_, _| {})).collect();
    let (last, members) = pairs.split_last().unwrap();
    members.iter().for_each(|pair| join(&world, *pair));
    let order = PlaneOrder::JoinConference { conference: ROOM, muted: false, deaf: false };
    assert_eq!(world.near.order(last.near, order), Err(MediaError::ConferenceFull));
    let change = PlaneOrder::ChangeMember { muted: true, deaf: true };
    assert_eq!(world.near.order(last.near, change), Err(MediaError::NoConference));
    world.run(100);
}

#[test]
fn a_conference_is_recorded_with_all_its_members() {
    let (mut world, members) = conference(&[Codec::Pcmu, Codec::Opus]);
    let recording = RecordingId::generate(&mut IdSource::new(2), START);
    let spool = std::path::PathBuf::from("room");
    let leg = members[0].0.near;
    world.order(leg, PlaneOrder::RecordConference { recording, spool: spool.clone() });
    world.run(3_000);
    world.order(leg, PlaneOrder::StopConferenceRecording { recording });
    world.run(1_000);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let finished = runtime.block_on(world.near.finish_recording(spool, "b".into())).unwrap();
    assert!((2_960..=3_040).contains(&finished.duration_ms), "{finished:?}");
}
