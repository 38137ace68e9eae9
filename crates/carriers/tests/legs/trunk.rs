//! Calls over trunks, both ways, over real SIP on loopback: the far side is the persona network or a second trunk
//! carrier. Limits hold, strangers hear nothing, and nothing stays behind.

use crate::support::{Facts, FakePlane, FakeTts, Inbound, Lines, WallClock, dial, leg, loopback, trunk};
use carriers::{PersonaNetwork, TrunkCarrier, TrunkConfig};
use model::call::Mode;
use model::leg::{LegEndKind, LegEndedBy, LegFact, LegOrder, Refusal};
use model::trunk::Trunk;
use ports::{Carrier, CarrierError, MediaPlane, Route, Timeline};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// A trunk carrier on loopback.
pub(crate) struct Side {
    pub(crate) plane: Arc<FakePlane>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) inbound: Arc<Inbound>,
    pub(crate) carrier: Arc<TrunkCarrier>,
}

impl Side {
    pub(crate) async fn start() -> Self {
        Self::start_at(loopback()).await
    }

    pub(crate) async fn start_at(bind: SocketAddr) -> Self {
        Self::start_as(TrunkConfig::new(bind)).await
    }

    pub(crate) async fn start_as(config: TrunkConfig) -> Self {
        let (plane, lines) = (Arc::new(FakePlane::default()), Arc::new(Lines::default()));
        let carrier = TrunkCarrier::start(
            config,
            Arc::<FakePlane>::clone(&plane) as Arc<dyn MediaPlane>,
            Arc::<Lines>::clone(&lines) as Arc<dyn Timeline>,
            Arc::new(WallClock::default()),
        )
        .await
        .unwrap();
        let inbound = Arc::new(Inbound::default());
        carrier.attach(Arc::<Inbound>::clone(&inbound) as _);
        Self { plane, lines, inbound, carrier }
    }

    pub(crate) async fn dial(
        &self,
        nth: u64,
        to: &str,
        trunk: &Arc<Trunk>,
    ) -> (Arc<Facts>, Result<(), CarrierError>) {
        let facts = Arc::new(Facts::default());
        let result = self.carrier.dial(dial(leg(nth), to, Route::Trunk(Arc::clone(trunk)), &facts)).await;
        (facts, result)
    }
}

/// A caller and a callee, whose trunk takes calls from loopback, and the caller's trunk to it.
async fn two_sides(change: impl FnOnce(&mut Trunk)) -> (Side, Side, Arc<Trunk>) {
    let (caller, callee) = (Side::start().await, Side::start().await);
    let mut taken = trunk("127.0.0.1", 5060);
    taken.allowed_sources = vec!["127.0.0.0/8".parse().unwrap()];
    change(&mut taken);
    callee.carrier.configure(vec![Arc::new(taken)]).await;
    let to = Arc::new(trunk("127.0.0.1", callee.carrier.local_addr().port()));
    (caller, callee, to)
}

async fn personas() -> (Arc<FakePlane>, Arc<PersonaNetwork>, Trunk) {
    let plane = Arc::new(FakePlane::default());
    let media: Arc<dyn MediaPlane> = Arc::<FakePlane>::clone(&plane);
    let network = PersonaNetwork::start(
        loopback(),
        media,
        Arc::new(FakeTts::default()),
        Arc::new(WallClock::default()),
    );
    let network = network.await.unwrap();
    let port = network.local_addr().port();
    (plane, network, trunk("127.0.0.1", port))
}

#[tokio::test]
async fn a_trunk_call_rings_answers_and_ends() {
    let (far, _network, trunk) = personas().await;
    let side = Side::start().await;
    let (facts, result) = side.dial(1, "+15005550001", &Arc::new(trunk)).await;
    result.unwrap();
    let end = facts.end().await;
    assert!(facts.legs.all().contains(&LegFact::Answered));
    assert_eq!((end.kind, end.by), (LegEndKind::HungUp, LegEndedBy::Remote));
    side.plane.is_empty().await;
    far.is_empty().await;
    let from = |lines: &[model::timeline::TimelineEntry]| {
        lines
            .iter()
            .any(|line| line.summary.starts_with("→ INVITE sip:+15005550001@127.0.0.1:"))
            .then_some(())
    };
    side.lines.0.wait("the INVITE", from).await;
}

#[tokio::test]
async fn what_cannot_be_dialled_is_an_error_and_opens_nothing() {
    let side = Side::start().await;
    let facts = Arc::new(Facts::default());
    let to_sandbox = dial(leg(1), "+15550101", Route::Sandbox(Box::default()), &facts);
    assert_eq!(side.carrier.dial(to_sandbox).await, Err(CarrierError::WrongRoute));
    let (_, result) = side.dial(2, "+15550101", &Arc::new(trunk("no such host", 5060))).await;
    assert!(matches!(result, Err(CarrierError::Unresolvable { .. })), "{result:?}");
    assert_eq!(side.carrier.order(leg(2), LegOrder::HangUp), Err(CarrierError::UnknownLeg));
    assert_eq!(side.plane.open_legs(), 0);
    assert!(facts.legs.all().is_empty());
}

#[tokio::test]
async fn a_trunk_has_no_more_calls_than_it_may_and_gets_its_places_back() {
    let (_far, _network, mut trunk) = personas().await;
    trunk.concurrent_calls_max = 2;
    let trunk = Arc::new(trunk);
    let side = Side::start().await;
    let (first, result) = side.dial(1, "+15005550007", &trunk).await;
    result.unwrap();
    side.dial(2, "+15005550007", &trunk).await.1.unwrap();
    assert_eq!(side.dial(3, "+15005550007", &trunk).await.1, Err(CarrierError::Full));
    side.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    first.end().await;
    side.dial(4, "+15005550007", &trunk).await.1.unwrap();
}

#[tokio::test]
async fn calls_beyond_the_pace_wait_and_can_be_withdrawn_meanwhile() {
    let (_far, _network, mut trunk) = personas().await;
    trunk.calls_per_second_max = 1;
    let trunk = Arc::new(trunk);
    let side = Side::start().await;
    side.dial(0, "+15005550007", &trunk).await.1.unwrap();
    let mut waiting = Vec::new();
    for nth in 2..=11 {
        let facts = Arc::new(Facts::default());
        let call = dial(leg(nth), "+15005550007", Route::Trunk(Arc::clone(&trunk)), &facts);
        let carrier = Arc::clone(&side.carrier);
        let (started, begun) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let dialling = carrier.dial(call);
            tokio::pin!(dialling);
            let first =
                std::future::poll_fn(|context| std::task::Poll::Ready(dialling.as_mut().poll(context)));
            assert!(first.await.is_pending());
            started.send(()).unwrap();
            dialling.await
        });
        begun.await.unwrap();
        waiting.push((nth, facts, task));
    }
    assert_eq!(side.dial(12, "+15005550007", &trunk).await.1, Err(CarrierError::Full));
    for (nth, facts, task) in waiting {
        side.carrier.order(leg(nth), LegOrder::HangUp).unwrap();
        // Long before its place in time.
        tokio::time::timeout(Duration::from_millis(900), task).await.unwrap().unwrap().unwrap();
        let end = facts.end().await;
        assert_eq!((end.kind, end.by), (LegEndKind::Canceled, LegEndedBy::Local));
        assert_eq!(facts.legs.all().len(), 1);
    }
}

#[tokio::test]
async fn an_incoming_call_is_taken_rung_answered_and_hung_up_by_either_side() {
    for callee_ends in [true, false] {
        let (caller, callee, to) = two_sides(|_| {}).await;
        let (out, result) = caller.dial(1, "+4930123456", &to).await;
        result.unwrap();
        let call = callee.inbound.call(0).await;
        assert_eq!((call.mode, !call.trunks.is_empty()), (Mode::Live, true));
        assert_eq!((call.from.expose().as_str(), call.to.expose().as_str()), ("+15550100", "+4930123456"));
        assert_eq!(call.source, caller.carrier.local_addr());

        let facts = Arc::new(Facts::default());
        callee.carrier.adopt(call.reference, leg(2), Arc::<Facts>::clone(&facts) as _).unwrap();
        callee.carrier.order(leg(2), LegOrder::Ring { early_media: false }).unwrap();
        out.fact(LegFact::Ringing { early_media: false }).await;
        callee.carrier.order(leg(2), LegOrder::Answer).unwrap();
        out.fact(LegFact::Answered).await;
        facts.fact(LegFact::Answered).await;
        assert_eq!(caller.plane.connected(leg(1)).await.remote, callee.plane.local(leg(2)));
        assert_eq!(callee.plane.connected(leg(2)).await.remote, caller.plane.local(leg(1)));
        let invited = |lines: &[model::timeline::TimelineEntry]| {
            let line = lines.iter().find(|line| line.summary.starts_with("← INVITE "))?;
            Some(line.call)
        };
        assert_eq!(callee.lines.0.wait("the INVITE", invited).await, leg(2).call);

        let (ender, ended) = if callee_ends { (&callee, leg(2)) } else { (&caller, leg(1)) };
        ender.carrier.order(ended, LegOrder::HangUp).unwrap();
        let (out, facts) = (out.end().await, facts.end().await);
        assert_eq!((out.kind, facts.kind), (LegEndKind::HungUp, LegEndKind::HungUp));
        assert_eq!(out.by == LegEndedBy::Remote, callee_ends);
        assert_eq!(facts.by == LegEndedBy::Local, callee_ends);
        caller.plane.is_empty().await;
        callee.plane.is_empty().await;
    }
}

async fn check_refused(refusal: Refusal, kind: LegEndKind, code: u16, adopted: bool) {
    let (caller, callee, to) = two_sides(|_| {}).await;
    let (out, result) = caller.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let call = callee.inbound.call(0).await;
    if adopted {
        let facts = Arc::new(Facts::default());
        callee.carrier.adopt(call.reference, leg(2), Arc::<Facts>::clone(&facts) as _).unwrap();
        callee.carrier.order(leg(2), LegOrder::Reject { refusal }).unwrap();
        let end = facts.end().await;
        assert_eq!((end.kind, end.by, end.cause.code), (kind, LegEndedBy::Local, Some(code)));
    } else {
        callee.carrier.refuse(call.reference, refusal);
    }
    let end = out.end().await;
    assert_eq!((end.kind, end.by, end.cause.code), (kind, LegEndedBy::Remote, Some(code)), "{refusal:?}");
    caller.plane.is_empty().await;
    callee.plane.is_empty().await;
}

#[tokio::test]
async fn an_incoming_call_is_refused_before_and_after_it_was_taken() {
    for adopted in [false, true] {
        check_refused(Refusal::Busy, LegEndKind::Busy, 486, adopted).await;
        check_refused(Refusal::Declined, LegEndKind::Declined, 603, adopted).await;
        check_refused(Refusal::Unavailable, LegEndKind::NoAnswer, 480, adopted).await;
        check_refused(Refusal::NotFound, LegEndKind::Failed, 404, adopted).await;
        check_refused(Refusal::ServerBusy, LegEndKind::Failed, 503, adopted).await;
    }
}

#[tokio::test]
async fn a_caller_may_be_gone_before_or_after_the_call_was_taken() {
    let (caller, callee, to) = two_sides(|_| {}).await;
    let (out, result) = caller.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let call = callee.inbound.call(0).await;
    // Once it has heard of the callee, its end waits for the callee to know.
    out.fact(LegFact::Trying).await;
    caller.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    out.end().await;
    let facts = Arc::new(Facts::default());
    let adopted = callee.carrier.adopt(call.reference, leg(2), Arc::<Facts>::clone(&facts) as _);
    assert_eq!(adopted, Err(CarrierError::UnknownLeg));
    assert!(facts.legs.all().is_empty());

    let (out, result) = caller.dial(3, "+4930123456", &to).await;
    result.unwrap();
    let call = callee.inbound.call(1).await;
    let facts = Arc::new(Facts::default());
    callee.carrier.adopt(call.reference, leg(4), Arc::<Facts>::clone(&facts) as _).unwrap();
    callee.carrier.order(leg(4), LegOrder::Ring { early_media: false }).unwrap();
    out.fact(LegFact::Ringing { early_media: false }).await;
    caller.carrier.order(leg(3), LegOrder::HangUp).unwrap();
    let end = facts.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::Canceled, LegEndedBy::Remote));
    callee.plane.is_empty().await;
}

#[tokio::test]
async fn a_full_trunk_tells_callers_to_come_back() {
    let (caller, callee, to) = two_sides(|trunk| trunk.concurrent_calls_max = 1).await;
    caller.dial(1, "+4930123456", &to).await.1.unwrap();
    callee.inbound.call(0).await;
    let (second, result) = caller.dial(2, "+4930123456", &to).await;
    result.unwrap();
    let end = second.end().await;
    assert_eq!((end.cause.code, end.cause.retry_after_s), (Some(503), Some(5)));
    assert_eq!(callee.inbound.calls.all().len(), 1);
}

#[tokio::test]
async fn strangers_hear_nothing() {
    let (_caller, callee, _) = two_sides(|trunk| {
        trunk.allowed_sources = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let target = callee.carrier.local_addr();
    for method in ["INVITE", "OPTIONS", "REGISTER", "MESSAGE"] {
        let request = format!(
            "{method} sip:+4930123456@{target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {0};branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:100@{0}>;tag=1\r\nTo: <sip:+4930123456@{target}>\r\nCall-ID: {method}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:100@{0}>\r\nContent-Length: 0\r\n\r\n",
            stranger.local_addr().unwrap(),
        );
        stranger.send_to(request.as_bytes(), target).unwrap();
    }
    stranger.send_to(b"no SIP at all", target).unwrap();
    let counted = async {
        while callee.carrier.figures().strangers < 5 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), counted).await.unwrap();
    assert_eq!(stranger.recv(&mut [0; 2_000]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(callee.carrier.figures().sent, 0);
    assert!(callee.inbound.calls.all().is_empty());
}

#[tokio::test]
async fn a_trunk_without_allowed_sources_takes_calls_of_its_host_alone() {
    let (caller, callee, to) = two_sides(|trunk| trunk.allowed_sources = Vec::new()).await;
    caller.dial(1, "+4930123456", &to).await.1.unwrap();
    assert!(!callee.inbound.call(0).await.trunks.is_empty());
}
