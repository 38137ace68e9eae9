//! Peers that do what not every peer does: early sound, answers without or with a useless description, hold, delayed
//! offers, challenges.

use crate::peer::{Peer, answer, local, offer};
use crate::support::{Facts, dial, leg, trunk};
use crate::trunk::Side;
use model::LegId;
use model::leg::{LegEndKind, LegEndedBy, LegFact, LegOrder, LegSide};
use model::sound::{Codec as Spoken, MediaFact};
use model::trunk::{Trunk, TrunkCredentials};
use ports::media::{LatchPolicy, MediaConnection, PlaneOrder};
use ports::{Carrier, LegSink, Route};
use sip::digest::Authorization;
use sip::sdp::{Codec, MediaDirection};
use sip::{
    CallKey, Event, IncomingCall, Order, OutgoingCall, Party, Refer, ReferProgress, ReferTarget, Rejection,
};
use std::sync::Arc;
use std::time::Duration;

/// A carrier's leg that has arrived at a peer.
pub(crate) struct Rung {
    pub(crate) side: Side,
    pub(crate) peer: Peer,
    pub(crate) facts: Arc<Facts>,
    pub(crate) key: CallKey,
    call: IncomingCall,
}

async fn ring() -> Rung {
    ring_by(|trunk| trunk).await
}

/// By a trunk that is not the usual one.
pub(crate) async fn ring_by(change: impl FnOnce(Trunk) -> Trunk) -> Rung {
    let (side, mut peer) = (Side::start().await, Peer::start().await);
    let to = Arc::new(change(trunk("127.0.0.1", peer.address().port())));
    let (facts, result) = side.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let (key, call) = peer.incoming().await;
    Rung { side, peer, facts, key, call }
}

impl Rung {
    fn answer(&self, port: u16) -> Vec<u8> {
        let local = local(port, Codec::Pcma, MediaDirection::SendReceive, 1);
        answer(self.call.sdp.as_deref().unwrap(), &local)
    }

    async fn answered() -> Self {
        ring().await.answers().await
    }

    /// The peer answers.
    pub(crate) async fn answers(self) -> Self {
        let mut rung = self;
        let sdp = rung.answer(4_000);
        rung.peer.order(Order::Answer { key: rung.key, sdp }).await;
        rung.facts.fact(LegFact::Answered).await;
        let acknowledged = |event: &Event| matches!(event, Event::AnswerAcknowledged { .. }).then_some(());
        rung.peer.until("the ACK", acknowledged).await;
        rung
    }

    /// The leg's connections so far.
    fn connections(&self) -> Vec<MediaConnection> {
        let orders = self.side.plane.orders.all().into_iter();
        let connect = |order| match order {
            (_, PlaneOrder::Connect(connection)) => Some(connection),
            _ => None,
        };
        orders.filter_map(connect).collect()
    }

    pub(crate) async fn ends(mut self, by_peer: bool) {
        if by_peer {
            self.peer.order(Order::HangUp { key: self.key, q850: None }).await;
        } else {
            self.side.carrier.order(leg(1), LegOrder::HangUp).unwrap();
        }
        assert_eq!(self.peer.serve_until(self.facts.end()).await.kind, LegEndKind::HungUp);
        self.peer.ended().await;
        self.side.plane.is_empty().await;
    }
}

#[tokio::test]
async fn early_sound_is_connected_before_the_answer_and_stands_when_the_answer_describes_nothing_new() {
    let mut rung = ring().await;
    let (key, sdp) = (rung.key, rung.answer(4_000));
    rung.peer.order(Order::Ring { key, code: 183, sdp: Some(sdp.clone()) }).await;
    rung.facts.fact(LegFact::Ringing { early_media: true }).await;
    let connected = rung.connections();
    assert_eq!((connected.len(), connected[0].codec, connected[0].remote.port()), (1, Spoken::Pcma, 4_000));
    assert_eq!(connected[0].latch, LatchPolicy::Strict);
    assert_eq!(connected[0].remote_rtcp.map(|rtcp| rtcp.port()), Some(4_001));
    let acknowledged = |event: &Event| matches!(event, Event::ProvisionalAcknowledged { .. }).then_some(());
    rung.peer.until("the acknowledgement of the early sound", acknowledged).await;
    rung.peer.order(Order::Ring { key, code: 180, sdp: None }).await;
    rung.peer.order(Order::Answer { key, sdp }).await;
    rung.facts.fact(LegFact::Answered).await;
    assert_eq!(rung.connections().len(), 1);
    let early = LegFact::Ringing { early_media: true };
    assert_eq!(rung.facts.legs.all(), [LegFact::Trying, early, LegFact::Answered]);
    rung.ends(true).await;
}

#[tokio::test]
async fn a_peer_may_name_other_payload_types_than_we_do_and_live_behind_address_translation() {
    let mut rung = ring().await;
    let sdp = String::from_utf8(rung.answer(4_000)).unwrap();
    let sdp = sdp.replace(" 101", " 96").replace(":101 ", ":96 ").replace("127.0.0.1", "192.168.7.7");
    rung.peer.order(Order::Answer { key: rung.key, sdp: sdp.into_bytes() }).await;
    rung.facts.fact(LegFact::Answered).await;
    let connection = rung.connections()[0].clone();
    assert_eq!((connection.payload_type, connection.receive_payload_type), (8, 8));
    assert_eq!(connection.dtmf_payload_type, Some(96), "what the peer wants");
    assert_eq!(connection.receive_dtmf_payload_type, Some(101), "what we offered");
    assert_eq!(connection.latch, LatchPolicy::Nat);
    rung.ends(true).await;
}

#[tokio::test]
async fn an_answer_whose_sound_does_not_do_fails_the_leg_and_hangs_up() {
    for sdp in [&b"v=0\r\nnonsense"[..], b"hello"] {
        let mut rung = ring().await;
        rung.peer.order(Order::Answer { key: rung.key, sdp: sdp.to_vec() }).await;
        rung.peer.ended().await;
        let end = rung.facts.end().await;
        assert_eq!((end.kind, end.by), (LegEndKind::Failed, LegEndedBy::Local));
        assert!(end.cause.phrase.starts_with("No sound: "), "{}", end.cause.phrase);
        assert!(!rung.facts.legs.all().contains(&LegFact::Answered));
        rung.side.plane.is_empty().await;
    }
}

#[tokio::test]
async fn a_peer_may_hold_resume_and_move() {
    let mut rung = Rung::answered().await;
    let key = rung.key;
    for (version, port, direction, send, receive) in [
        (2, 4_000, MediaDirection::SendOnly, false, true),
        (3, 4_000, MediaDirection::Inactive, false, false),
        (4, 4_010, MediaDirection::SendReceive, true, true),
    ] {
        let sdp = offer(&local(port, Codec::Pcma, direction, version));
        rung.peer.order(Order::Reinvite { key, sdp }).await;
        let answered = |event: &Event| match event {
            Event::ReinviteAnswered { sdp, .. } => Some(sdp.is_some()),
            _ => None,
        };
        assert!(rung.peer.until("the answer", answered).await);
        let last = rung.connections().pop().unwrap();
        assert_eq!((last.remote.port(), last.send, last.receive), (port, send, receive), "{direction:?}");
    }
    let by = LegSide::Remote;
    let changes =
        rung.facts.legs.all().into_iter().filter(|fact| !matches!(fact, LegFact::Trying | LegFact::Answered));
    assert_eq!(changes.collect::<Vec<_>>(), [LegFact::Held { by }, LegFact::Resumed { by }]);
    rung.ends(false).await;
}

#[tokio::test]
async fn we_hold_and_resume_and_a_peer_that_refuses_stays_as_it_is() {
    let mut rung = Rung::answered().await;
    let key = rung.key;
    let by = LegSide::Local;
    let asked = |event: &Event| match event {
        Event::ReinviteReceived { sdp: Some(sdp), .. } => Some(sdp.clone()),
        _ => None,
    };
    rung.side.carrier.order(leg(1), LegOrder::Hold).unwrap();
    rung.peer.until("the hold", asked).await;
    rung.peer.order(Order::RejectReinvite { key, code: 488 }).await;
    let refused = |lines: &[model::timeline::TimelineEntry]| {
        lines.iter().any(|line| line.summary.starts_with("Hold refused")).then_some(())
    };
    rung.peer.serve_until(rung.side.lines.0.wait("the refusal", refused)).await;
    for (order, direction, fact, receive, version) in [
        (LegOrder::Hold, "a=sendonly", LegFact::Held { by }, false, 2),
        (LegOrder::Resume, "a=sendrecv", LegFact::Resumed { by }, true, 3),
    ] {
        rung.side.carrier.order(leg(1), order).unwrap();
        let sdp = rung.peer.until("the change", asked).await;
        assert!(String::from_utf8_lossy(&sdp).contains(direction), "{direction}");
        let local = local(4_000, Codec::Pcma, MediaDirection::SendReceive, version);
        rung.peer.order(Order::AnswerReinvite { key, sdp: answer(&sdp, &local) }).await;
        rung.peer.serve_until(rung.facts.fact(fact)).await;
        let last = rung.connections().pop().unwrap();
        assert_eq!((last.send, last.receive), (true, receive), "{direction}");
    }
    rung.ends(false).await;
}

#[tokio::test]
async fn a_peer_may_not_transfer_the_call_and_the_timeline_says_so() {
    let mut rung = Rung::answered().await;
    let target = ReferTarget::Uri("sip:+882@premium.example".to_owned());
    let refer = Refer { target, referred_by: false, wants_progress: true };
    rung.peer.order(Order::Refer { key: rung.key, refer }).await;
    let failed = |event: &Event| match event {
        Event::ReferProgress { progress: ReferProgress::Failed { code, .. }, .. } => Some(*code),
        _ => None,
    };
    assert_eq!(rung.peer.until("the refusal", failed).await, 603);
    let told = |lines: &[model::timeline::TimelineEntry]| {
        lines.iter().any(|line| line.summary.starts_with("Transfer refused")).then_some(())
    };
    rung.side.lines.0.wait("the refusal", told).await;
    rung.ends(true).await;
}

#[tokio::test]
async fn a_change_that_does_not_do_is_refused_and_the_call_goes_on() {
    let mut rung = Rung::answered().await;
    let key = rung.key;
    rung.peer.order(Order::Reinvite { key, sdp: b"v=0\r\nnonsense".to_vec() }).await;
    let failed = |event: &Event| match event {
        Event::ReinviteFailed { code, .. } => Some(*code),
        _ => None,
    };
    assert_eq!(rung.peer.until("the refusal", failed).await, 400);
    assert_eq!(rung.connections().len(), 1);
    rung.ends(true).await;
}

/// A carrier that takes calls from the peer, and a call from it.
async fn called(sdp: Vec<u8>) -> (Side, Peer, CallKey) {
    let (side, mut peer) = (Side::start().await, Peer::start().await);
    side.carrier.configure(vec![Arc::new(trunk("127.0.0.1", 5060))]).await;
    let target = side.carrier.local_addr();
    let key = CallKey(1);
    let call = Box::new(OutgoingCall {
        to_uri: format!("sip:+4930123456@{target}"),
        from: Party { display: None, user: "+15550100".to_owned(), host: peer.address().to_string() },
        destination: target.into(),
        sdp,
        credentials: None,
        replaces: None,
        route: Vec::new(),
        session_timers: None,
        extra_headers: Vec::new(),
        ring_timeout: Duration::from_secs(30),
        large_over_tcp: false,
    });
    peer.order(Order::Invite { key, call }).await;
    (side, peer, key)
}

#[tokio::test]
async fn an_incoming_call_without_a_codec_of_ours_is_refused_before_anybody_is_asked() {
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n";
    for (sdp, code) in [(sdp.as_bytes(), 488), (b"nonsense", 400)] {
        let (side, mut peer, _) = called(sdp.to_vec()).await;
        let failed = |event: &Event| match event {
            Event::Failed { failure, .. } => Some(failure.code),
            _ => None,
        };
        assert_eq!(peer.until("the refusal", failed).await, code);
        assert!(side.inbound.calls.all().is_empty());
    }
}

#[tokio::test]
async fn an_incoming_call_speaks_the_callers_codec() {
    let sdp = offer(&local(4_000, Codec::Pcma, MediaDirection::SendReceive, 1));
    let (side, mut peer, key) = called(sdp).await;
    let call = side.inbound.call(0).await;
    let facts = Arc::new(Facts::default());
    side.carrier.adopt(call.reference, leg(2), Arc::<Facts>::clone(&facts) as _).unwrap();
    side.carrier.order(leg(2), LegOrder::Answer).unwrap();
    let answered = |event: &Event| matches!(event, Event::Answered { .. }).then_some(());
    peer.until("the answer", answered).await;
    facts.fact(LegFact::Answered).await;
    assert_eq!(side.plane.connected(leg(2)).await.codec, Spoken::Pcma);
    peer.order(Order::HangUp { key, q850: None }).await;
    let end = facts.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::HungUp, LegEndedBy::Remote));
    side.plane.is_empty().await;
}

#[tokio::test]
async fn a_caller_that_goes_while_the_call_is_being_taken_ends_the_leg() {
    // Which of the two the carrier sees first is chance: both ways must end the same.
    for _ in 0..16 {
        let sdp = offer(&local(4_000, Codec::Pcma, MediaDirection::SendReceive, 1));
        let (side, mut peer, key) = called(sdp).await;
        let call = side.inbound.call(0).await;
        let trying = |event: &Event| matches!(event, Event::Trying { .. }).then_some(());
        peer.until("100", trying).await;
        peer.order(Order::HangUp { key, q850: None }).await;
        let facts = Arc::new(Facts::default());
        if side.carrier.adopt(call.reference, leg(2), Arc::<Facts>::clone(&facts) as _).is_ok() {
            let end = facts.end().await;
            assert_eq!((end.kind, end.by), (LegEndKind::Canceled, LegEndedBy::Remote));
        }
        side.plane.is_empty().await;
    }
}

#[tokio::test]
async fn a_challenge_is_answered_with_the_trunks_credentials_and_they_stay_off_the_timeline() {
    let (side, mut peer) = (Side::start().await, Peer::start().await);
    let mut to = trunk("127.0.0.1", peer.address().port());
    to.credentials =
        Some(TrunkCredentials { username: "lyre".to_owned(), password: "chord-minor".to_owned().into() });
    let facts = Arc::new(Facts::default());
    side.carrier.dial(dial(leg(1), "+4930123456", Route::Trunk(Arc::new(to)), &facts)).await.unwrap();
    let (key, call) = peer.incoming().await;
    assert_eq!(call.authorizations, Vec::<String>::new());
    let challenge = "Digest realm=\"example\", nonce=\"n0nce\", algorithm=MD5, qop=\"auth\"".to_owned();
    let extra_headers = vec![("WWW-Authenticate".to_owned(), challenge)];
    let rejection = Rejection { extra_headers, ..Rejection::with_code(401) };
    peer.order(Order::Reject { key, rejection }).await;
    let (_, call) = peer.incoming().await;
    let shown = call.authorizations.first().unwrap();
    let shown = Authorization::parse(shown.as_bytes()).unwrap();
    assert_eq!((&*shown.username, &*shown.realm, &*shown.nonce), ("lyre", "example", "n0nce"));
    assert!(shown.is_right(sip::digest::Secret::Password("chord-minor"), "INVITE", b""));
    let twice = |lines: &[model::timeline::TimelineEntry]| {
        (lines.iter().filter(|line| line.summary.starts_with("→ INVITE")).count() == 2).then_some(())
    };
    side.lines.0.wait("both INVITEs", twice).await;
    for line in side.lines.0.all() {
        assert!(!line.detail.to_string().contains("response="), "{}", line.detail);
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_fails_the_leg_at_once() {
    let side = Side::start().await;
    // A socket on loopback has no way out.
    let (facts, result) = side.dial(1, "+4930123456", &Arc::new(trunk("192.0.2.1", 5060))).await;
    result.unwrap();
    let end = facts.end().await;
    assert_eq!((end.kind, end.by, end.cause.code), (LegEndKind::Failed, LegEndedBy::Transport, None));
    assert_eq!(side.carrier.figures().sent, 0);
    side.plane.is_empty().await;
}

#[tokio::test]
async fn a_peer_is_told_the_address_of_the_route_to_it() {
    let (side, mut peer) = (Side::start_at(([0, 0, 0, 0], 0).into()).await, Peer::start().await);
    let to = Arc::new(trunk("127.0.0.1", peer.address().port()));
    let (facts, result) = side.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let (key, call) = peer.incoming().await;
    let contact = format!("@127.0.0.1:{}", side.carrier.local_addr().port());
    assert!(call.contact.as_deref().is_some_and(|uri| uri.ends_with(&contact)), "{:?}", call.contact);
    peer.order(Order::Reject { key, rejection: Rejection::with_code(486) }).await;
    assert_eq!(peer.serve_until(facts.end()).await.kind, LegEndKind::Busy);
}

/// A sink that breaks when the call is answered.
struct Breaking(Arc<Facts>);

impl LegSink for Breaking {
    fn leg(&self, leg: LegId, fact: LegFact) {
        assert_ne!(fact, LegFact::Answered, "broken on purpose");
        self.0.leg(leg, fact);
    }

    fn media(&self, leg: LegId, fact: MediaFact) {
        self.0.media(leg, fact);
    }
}

#[tokio::test]
async fn a_panic_costs_its_own_call_and_no_other() {
    let (side, mut peer) = (Side::start().await, Peer::start().await);
    let to = Arc::new(trunk("127.0.0.1", peer.address().port()));
    let facts = Arc::new(Facts::default());
    let mut order = dial(leg(1), "+4930123456", Route::Trunk(Arc::clone(&to)), &facts);
    order.sink = Arc::new(Breaking(Arc::clone(&facts)));
    side.carrier.dial(order).await.unwrap();
    let (key, call) = peer.incoming().await;
    let local = local(4_000, Codec::Pcma, MediaDirection::SendReceive, 1);
    peer.order(Order::Answer { key, sdp: answer(call.sdp.as_deref().unwrap(), &local) }).await;
    peer.ended().await;
    assert_eq!(facts.end().await.kind, LegEndKind::Failed);
    assert_eq!(side.carrier.figures().panics, 1);
    side.plane.is_empty().await;
    let (facts, result) = side.dial(2, "+4930123456", &to).await;
    result.unwrap();
    let (key, call) = peer.incoming().await;
    peer.order(Order::Answer { key, sdp: answer(call.sdp.as_deref().unwrap(), &local) }).await;
    facts.fact(LegFact::Answered).await;
    side.carrier.order(leg(2), LegOrder::HangUp).unwrap();
    assert_eq!(peer.serve_until(facts.end()).await.kind, LegEndKind::HungUp);
}
