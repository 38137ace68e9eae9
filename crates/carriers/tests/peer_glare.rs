//! Glare with sipp: both sides offer a change at once, both refuse, and who waits longer gives way or comes again (RFC 3261
//! 14.1); on a clean network and through a relay that loses a tenth of the packets.

#![cfg(test)]

#[path = "legs/support.rs"]
#[allow(dead_code, reason = "shared with the other tests of legs, which use the rest")]
mod support;

use carriers::{TrunkCarrier, TrunkConfig};
use model::leg::{LegEndKind, LegFact, LegOrder, LegSide};
use ports::{Carrier, MediaPlane, Route, Timeline};
use std::sync::Arc;
use support::{Facts, FakePlane, Lines, WallClock, dial, leg, loopback, trunk};
use testkit::{NetworkProfile, Relay, Sipp};

const SEED: u64 = 491;

/// Both offer at once, and both say 491.
const CROSSING: &str = "
    < INVITE
    > 200 INVITE sdp resend
    < ACK
    < INVITE within
    > INVITE hold
    <? 100
    < 491
    > ACK refused
    > 491 INVITE within resend
    < ACK";

/// sipp did not begin the call: it comes again first, and ours is given up.
const THEIRS_FIRST: &str = "
    pause 300
    > INVITE sdp
    <? 100
    < 200
    > ACK
    > BYE
    < 200";

/// sipp gives way, and ours comes again.
const OURS_AGAIN: &str = "
    < INVITE within
    > 200 INVITE within sdp resend
    < ACK
    > BYE
    < 200";

/// Holds the call that sipp answers; what is told of that.
async fn check(network: NetworkProfile, rest: &str, told: &str, held: bool) -> usize {
    let relay = Relay::start(network, SEED).await;
    let linger = if network == NetworkProfile::CLEAN { "" } else { "\n linger 3000" };
    let callee = Sipp::callee_behind(&relay, &format!("{CROSSING}{rest}{linger}")).await;
    let (plane, lines) = (Arc::new(FakePlane::default()), Arc::new(Lines::default()));
    let media: Arc<dyn MediaPlane> = Arc::<FakePlane>::clone(&plane);
    let timeline: Arc<dyn Timeline> = Arc::<Lines>::clone(&lines);
    let clock = Arc::new(WallClock::default());
    let carrier = TrunkCarrier::start(TrunkConfig::new(loopback()), media, timeline, clock).await.unwrap();
    let facts = Arc::new(Facts::default());
    let to = Route::Trunk(Arc::new(trunk("127.0.0.1", relay.front().port())));
    carrier.dial(dial(leg(1), "+4930123456", to, &facts)).await.unwrap();
    facts.fact(LegFact::Answered).await;
    carrier.order(leg(1), LegOrder::Hold).unwrap();
    let end = facts.end().await;
    let said = |lines: &[model::timeline::TimelineEntry]| {
        lines.iter().any(|line| line.summary.contains(told)).then_some(())
    };
    lines.0.wait(told, said).await;
    let fact = LegFact::Held { by: LegSide::Local };
    assert_eq!(facts.legs.all().contains(&fact), held, "{:?}", facts.legs.all());
    assert_eq!(end.kind, LegEndKind::HungUp, "{end:?}");
    plane.is_empty().await;
    callee.finish().await;
    relay.lost()
}

#[tokio::test]
async fn a_change_that_met_glare_gives_way_to_the_peers() {
    let told = "Hold refused by the far side: 491";
    assert_eq!(check(NetworkProfile::CLEAN, THEIRS_FIRST, told, false).await, 0);
}

#[tokio::test]
async fn a_change_that_met_glare_comes_again() {
    assert_eq!(check(NetworkProfile::CLEAN, OURS_AGAIN, "491", true).await, 0);
}

#[tokio::test]
async fn a_change_that_met_glare_comes_again_on_a_bad_network() {
    assert!(check(NetworkProfile::BAD, OURS_AGAIN, "491", true).await > 0, "nothing was lost");
}
