//! What must not be lost while the user agent has more to do than it may keep: ends of legs.

use crate::support::{Facts, leg, loopback, trunk};
use crate::trunk::Side;
use carriers::TrunkConfig;
use model::leg::{LegEndKind, LegFact, LegOrder, Refusal};
use ports::Carrier;
use std::sync::Arc;

/// Two sides, and a call between them that the callee has adopted.
struct Ringing {
    caller: Side,
    callee: Side,
    out: Arc<Facts>,
    facts: Arc<Facts>,
}

async fn ring() -> Ringing {
    let (caller, callee) = (Side::start().await, Side::start_as(TrunkConfig::new(loopback())).await);
    let mut taken = trunk("127.0.0.1", 5060);
    taken.allowed_sources = vec!["127.0.0.0/8".parse().unwrap()];
    callee.carrier.configure(vec![Arc::new(taken)]).await;
    let to = Arc::new(trunk("127.0.0.1", callee.carrier.local_addr().port()));
    let (out, result) = caller.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let call = callee.inbound.call(0).await;
    let facts = Arc::new(Facts::default());
    callee.carrier.adopt(call.reference, leg(2), Arc::<Facts>::clone(&facts) as _).unwrap();
    callee.carrier.order(leg(2), LegOrder::Ring { early_media: false }).unwrap();
    out.fact(LegFact::Ringing { early_media: false }).await;
    Ringing { caller, callee, out, facts }
}

/// Fills the queue of orders: nobody takes one before the test waits for something.
fn fill(side: &Side, nth: u64) {
    let filled =
        (0..100_000).any(|_| side.carrier.order(leg(nth), LegOrder::Ring { early_media: false }).is_err());
    assert!(filled, "the queue has no end");
}

#[tokio::test]
async fn a_leg_is_hung_up_and_refused_though_no_other_order_finds_room() {
    let busy = ring().await;
    fill(&busy.callee, 2);
    busy.callee.carrier.order(leg(2), LegOrder::Reject { refusal: Refusal::Busy }).unwrap();
    assert_eq!(busy.out.end().await.kind, LegEndKind::Busy);
    assert_eq!(busy.facts.end().await.kind, LegEndKind::Busy);
    busy.callee.plane.is_empty().await;

    let answered = ring().await;
    answered.callee.carrier.order(leg(2), LegOrder::Answer).unwrap();
    answered.out.fact(LegFact::Answered).await;
    fill(&answered.caller, 1);
    answered.caller.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    assert_eq!(answered.facts.end().await.kind, LegEndKind::HungUp);
    assert_eq!(answered.out.end().await.kind, LegEndKind::HungUp);
    answered.caller.plane.is_empty().await;
}

#[tokio::test]
async fn a_caller_whose_leg_finds_no_room_is_refused() {
    let busy = ring().await;
    let to = Arc::new(trunk("127.0.0.1", busy.callee.carrier.local_addr().port()));
    let (out, result) = busy.caller.dial(3, "+4930123456", &to).await;
    result.unwrap();
    let call = busy.callee.inbound.call(1).await;
    fill(&busy.callee, 2);
    let facts = Arc::new(Facts::default());
    busy.callee.carrier.adopt(call.reference, leg(4), Arc::<Facts>::clone(&facts) as _).unwrap();
    facts.end().await;
    let end = out.end().await;
    assert_eq!((end.kind, end.cause.code), (LegEndKind::Failed, Some(503)));
}
