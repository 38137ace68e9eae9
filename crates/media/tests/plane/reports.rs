//! RTCP and figures.

use crate::support::*;
use media::MediaConfig;
use model::Timestamp;
use model::sound::{Codec, MediaFact};
use ports::Clock;
use ports::media::PlaneOrder;
use rtp::rtcp::{Compound, Item, NtpTime, Outgoing, ReportBlock, SenderInfo, write_compound};
use std::time::Duration;

fn reporting() -> MediaConfig {
    MediaConfig {
        report_interval: Duration::from_millis(60),
        figures_interval: Duration::from_millis(200),
        ..config()
    }
}

/// The next report that `peer` gets on its socket: the sender's part, the first block, and whether it is a BYE.
fn next_report(peer: &Peer) -> (u32, Option<SenderInfo>, Option<ReportBlock>, bool) {
    loop {
        let mut buffer = [0; 1_000];
        let len = peer.socket.recv(&mut buffer).unwrap();
        let Ok(compound) = Compound::parse(&buffer[..len]) else { continue };
        let items: Vec<Item<'_>> = compound.collect();
        assert!(matches!(items[1], Item::Cname { cname, .. } if cname.len() == 16), "{items:?}");
        let bye = items.iter().any(|item| matches!(item, Item::Bye { .. }));
        return match items[0] {
            Item::SenderReport { ssrc, info, mut blocks } => (ssrc, Some(info), blocks.next(), bye),
            Item::ReceiverReport { ssrc, mut blocks } => (ssrc, None, blocks.next(), bye),
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn reports_go_to_their_own_port_and_measure_the_round_trip() {
    let mut rig = Rig::new(reporting());
    let mut rtcp = Peer::new();
    let (leg, mut peer) = rig.connect(|connection| connection.remote_rtcp = Some(rtcp.address()));
    rtcp.to = (peer.to.ip(), peer.to.port() + 1).into();
    for _ in 0..3 {
        peer.say(0, &[1; 160]);
    }
    let (ssrc, info, block) = loop {
        let (ssrc, info, block, _) = next_report(&rtcp);
        if let (Some(info), Some(block)) = (info, block) {
            break (ssrc, info, block);
        }
    };
    assert_eq!(ssrc, peer.next().ssrc);
    assert_eq!(info.octets, info.packets * 160);
    assert_eq!((block.ssrc, block.cumulative_lost), (0xabcd, 0));
    let answer = ReportBlock { ssrc, last_sr: info.ntp.middle(), ..ReportBlock::default() };
    let mut out = [0; 200];
    let outgoing = Outgoing { ssrc: 0xabcd, sender: None, blocks: &[answer], cname: "test", bye: false };
    let len = write_compound(&mut out, &outgoing).unwrap();
    rtcp.socket.send_to(&out[..len], rtcp.to).unwrap();
    rig.facts
        .wait_for(leg, |fact| matches!(fact, MediaFact::Figures(figures) if figures.round_trip_ms.is_some()));
    let total = rig.close(leg);
    assert!(total.round_trip_ms.is_some_and(|ms| (0.0..500.0).contains(&ms)), "{total:?}");
    while !next_report(&rtcp).3 {}
}

#[test]
fn reports_go_with_the_sound_where_the_far_side_multiplexes() {
    let mut rig = Rig::new(reporting());
    let (leg, peer) = rig.connect(|_| {});
    let (_, info, block, bye) = next_report(&peer);
    assert!(info.is_some() && block.is_none() && !bye);
    let now = WallClock.now();
    let ntp = NtpTime::from_timestamp(now).0.abs_diff(info.unwrap().ntp.0) >> 32;
    assert!(ntp <= 5, "the report says wall-clock time");
    rig.order(leg, PlaneOrder::Mute { on: true });
    rig.close(leg);
}

#[test]
fn figures_come_by_windows_and_as_a_whole() {
    let mut rig = Rig::new(reporting());
    let (leg, mut peer) = rig.connect(|connection| {
        connection.codec = Codec::Pcma;
        connection.payload_type = 8;
        connection.receive_payload_type = 8;
    });
    peer.next();
    for number in 0..50 {
        if number % 10 == 9 {
            // Lost on the way.
            peer.stream.media(8, 160, 160, Timestamp::default());
        } else {
            peer.say(8, &[0xd5; 160]);
        }
    }
    peer.say(8, &[0xd5; 160]);
    let windows = rig.facts.wait(|all| {
        let windows: Vec<_> = all
            .iter()
            .filter_map(|(_, fact)| match fact {
                MediaFact::Figures(figures) => Some(*figures),
                _ => None,
            })
            .collect();
        (windows.len() >= 3).then_some(windows)
    });
    assert!(windows.iter().all(|window| !window.total));
    let received: u64 = windows.iter().map(|window| window.received_packets).sum();
    let total = rig.close(leg);
    assert_eq!((received, total.received_packets, total.lost_packets), (46, 46, 5));
    assert_eq!((total.received_bytes, total.codec), (46 * 160, Some(Codec::Pcma)));
    assert_eq!(total.sent_bytes, total.sent_packets * 160);
    assert!(total.sent_packets >= 30 && total.mos.is_some_and(|mos| (1.0..4.5).contains(&mos)), "{total:?}");
}
