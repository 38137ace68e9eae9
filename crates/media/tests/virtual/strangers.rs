//! A stranger sprays every port before, during and after a call is set up: he hears nothing and is not heard.

use crate::world::*;
use model::sound::{Codec, MediaFact};
use ports::media::{FOREVER, LatchPolicy, PlaneOrder};
use std::net::SocketAddr;

const STRANGER: &str = "203.0.113.9:4000";

fn spray(world: &mut World, ports: std::ops::RangeInclusive<u16>, sequence: &mut u16) {
    let stranger: SocketAddr = STRANGER.parse().unwrap();
    for port in ports {
        for codec in [Codec::Pcmu, Codec::Opus] {
            *sequence = sequence.wrapping_add(1);
            let mut packet = stray(codec, *sequence, 0xbad);
            world.near.on_packet((HERE, port).into(), stranger, &mut packet, world.now);
        }
        // A report of his, too: an empty one of a receiver.
        let mut report = vec![0x80, 201, 0, 1, 0, 0, 0xb, 0xad];
        world.near.on_packet((HERE, port).into(), stranger, &mut report, world.now);
    }
}

#[test]
fn nothing_goes_to_a_stranger_and_nothing_of_his_comes_in() {
    let mut world = World::new(19);
    let mut sequence = 0;
    let near = std::sync::Arc::clone(&world.near);
    let (leg, local) = world.open(&near, HERE);
    let ports = local.port() - 4..=local.port() + 8;
    // The leg has its port, and nothing is agreed yet.
    spray(&mut world, ports.clone(), &mut sequence);
    let far = std::sync::Arc::clone(&world.far);
    let (far_leg, far_at) = world.open(&far, THERE);
    world.order(leg, PlaneOrder::Echo { on: true });
    world.order(leg, PlaneOrder::Connect(connection(far_at, Codec::Pcmu)));
    world.order(far_leg, PlaneOrder::Connect(connection(local, Codec::Pcmu)));
    world.play(far_leg, 1, &voice(1, 1_000), FOREVER);
    for _ in 0..100 {
        spray(&mut world, ports.clone(), &mut sequence);
        let stranger: SocketAddr = STRANGER.parse().unwrap();
        world.run(20);
        assert!(world.near.poll_packet().is_none_or(|packet| packet.to != stranger));
    }
    let total = world.close(leg);
    spray(&mut world, ports, &mut sequence);
    assert_eq!(world.near.poll_packet().filter(|packet| packet.to != far_at), None);
    assert!((98..=102).contains(&total.received_packets), "{total:?}");
    assert_eq!(total.received_bytes, total.received_packets * 160);
    assert!(total.foreign_packets >= 100, "{total:?}");
    let first = world.facts(leg).iter().filter(|fact| **fact == MediaFact::FirstSound).count();
    assert_eq!(first, 1);
}

#[test]
fn behind_address_translation_a_stranger_gets_five_packets_at_most() {
    let mut world = World::new(20);
    let near = std::sync::Arc::clone(&world.near);
    let (leg, local) = world.open(&near, HERE);
    let described: SocketAddr = (THERE, 5_000).into();
    let translated =
        ports::media::MediaConnection { latch: LatchPolicy::Nat, ..connection(described, Codec::Pcmu) };
    world.order(leg, PlaneOrder::Connect(translated));
    let (true_one, stranger): (SocketAddr, SocketAddr) =
        ("203.0.113.1:7".parse().unwrap(), STRANGER.parse().unwrap());
    let mut to_stranger = 0;
    for sequence in 0..200_u16 {
        world.near.on_packet(local, true_one, &mut stray(Codec::Pcmu, sequence, 1), world.now);
        world.near.on_packet(local, stranger, &mut stray(Codec::Pcmu, sequence, 2), world.now);
        world.now = world.now + std::time::Duration::from_millis(20);
        world.near.tick(world.now);
        while let Some(packet) = world.near.poll_packet() {
            to_stranger += u32::from(packet.to == stranger);
        }
    }
    assert!(to_stranger <= 5, "{to_stranger}");
}
