//! Transfers over real SIP on loopback: ours, the peer's where the trunk follows them, and calls that would take the place
//! of others.

use crate::unusual::ring_by;
use model::leg::{LegFact, LegOrder};
use model::transfer::{TransferFact, TransferId, TransferReply, TransferTarget};
use model::trunk::{TransferPolicy, Trunk};
use ports::Carrier;
use sip::{Event, Order, Refer, ReferId, ReferProgress, ReferTarget};

/// What a peer is told of its REFER.
async fn progress(rung: &mut crate::unusual::Rung) -> ReferProgress {
    let told = |event: &Event| match event {
        Event::ReferProgress { progress: ReferProgress::Trying { .. }, .. } => None,
        Event::ReferProgress { progress, .. } => Some(progress.clone()),
        _ => None,
    };
    rung.peer.until("the progress", told).await
}

#[tokio::test]
async fn a_peer_is_sent_elsewhere_and_says_how_it_goes() {
    for (code, last) in [(200, TransferFact::Done), (486, TransferFact::Failed { code: 486 })] {
        let mut rung = ring_by(|trunk| trunk).await.answers().await;
        let target = TransferTarget::Address("+4930999".to_owned().into());
        rung.side.carrier.order(crate::support::leg(1), LegOrder::Transfer { target }).unwrap();
        let asked = |event: &Event| match event {
            Event::ReferReceived { refer, request, .. } => Some((*refer, request.target_uri.clone())),
            _ => None,
        };
        let (refer, uri): (ReferId, String) = rung.peer.until("the REFER", asked).await;
        assert!(uri.starts_with("sip:+4930999@127.0.0.1"), "{uri}");
        let key = rung.key;
        rung.peer.order(Order::AnswerRefer { key, refer, code: 202 }).await;
        rung.peer.serve_until(rung.facts.fact(LegFact::Transfer(TransferFact::Agreed))).await;
        rung.peer.order(Order::NotifyRefer { key, refer, code, reason: None }).await;
        rung.peer.serve_until(rung.facts.fact(LegFact::Transfer(last))).await;
        rung.ends(false).await;
    }
}

#[tokio::test]
async fn a_peers_wish_is_told_where_the_trunk_follows_it_and_answered() {
    let follows = |trunk| Trunk { transfers: TransferPolicy::Follow, ..trunk };
    let mut rung = ring_by(follows).await.answers().await;
    let target = ReferTarget::Uri("sip:+4930999@elsewhere.example".to_owned());
    let refer = Refer { target, referred_by: true, wants_progress: true };
    rung.peer.order(Order::Refer { key: rung.key, refer }).await;
    let asked = |facts: &[LegFact]| {
        facts.iter().find_map(|fact| match fact {
            LegFact::TransferAsked { transfer, to } => Some((*transfer, to.expose().clone())),
            _ => None,
        })
    };
    let (transfer, to): (TransferId, String) =
        rung.peer.serve_until(rung.facts.legs.wait("the wish", asked)).await;
    assert_eq!(to, "+4930999");
    let leg = crate::support::leg(1);
    for (reply, told) in [
        (TransferReply::Agreed, ReferProgress::Accepted),
        (TransferReply::Done, ReferProgress::Succeeded { code: 200 }),
    ] {
        rung.side.carrier.order(leg, LegOrder::AnswerTransfer { transfer, reply }).unwrap();
        assert_eq!(progress(&mut rung).await, told);
    }
    rung.ends(true).await;
}
