//! Phones that registered at several places: all of them ring at once, the first answer wins, and a refusal of one is not
//! that of the others.

use crate::peer::{Peer, answer, local, offer};
use crate::support::{Facts, dial, leg, trunk};
use crate::trunk::Side;
use model::endpoint::{DigestSecrets, PhoneEndpoint};
use model::leg::{LegEndKind, LegFact, LegOrder};
use model::timeline::TimelineEntry;
use model::{AppId, EndpointId, IdSource, OrganizationId, Secret, Timestamp};
use ports::{Carrier, Route};
use sip::digest::{Algorithm, hashed_secret};
use sip::sdp::{Codec, MediaDirection};
use sip::{
    CallKey, Credentials, Event, IncomingCall, Order, OutgoingCall, Party, Registration, RegistrationKey,
    Rejection,
};
use std::sync::Arc;
use std::time::Duration;

const PASSWORD: &str = "chord-minor-seven";

pub(crate) fn phone(name: &str) -> Arc<PhoneEndpoint> {
    let (mut ids, now) = (IdSource::new(5), Timestamp::default());
    let hash = |algorithm| Secret::new(hashed_secret(algorithm, name, PhoneEndpoint::REALM, PASSWORD));
    Arc::new(PhoneEndpoint {
        id: EndpointId::generate(&mut ids, now),
        organization: OrganizationId::generate(&mut ids, now),
        app: AppId::generate(&mut ids, now),
        username: name.to_owned(),
        secrets: DigestSecrets { md5: hash(Algorithm::Md5), sha256: hash(Algorithm::Sha256) },
        created_at: now,
    })
}

pub(crate) fn credentials(name: &str) -> Credentials {
    Credentials { username: name.to_owned(), password: PASSWORD.to_owned(), realm: None }
}

/// The peer registers as this phone.
pub(crate) async fn register(peer: &mut Peer, side: &Side, name: &str) {
    let server = side.carrier.local_addr();
    let registration = Registration {
        registrar_uri: format!("sip:{server}"),
        aor: format!("sip:{name}@{server}"),
        contact_user: name.to_owned(),
        destination: server.into(),
        credentials: Some(credentials(name)),
        expires: Duration::from_secs(600),
    };
    peer.order(Order::Register { key: RegistrationKey(1), registration: Box::new(registration) }).await;
    let registered = |event: &Event| matches!(event, Event::Registered { .. }).then_some(());
    peer.until("the registration", registered).await;
}

/// A phone that is registered at two places, and a call to it that has reached both.
struct Scene {
    side: Side,
    places: [Peer; 2],
    calls: [(CallKey, IncomingCall); 2],
    facts: Arc<Facts>,
}

impl Scene {
    async fn new() -> Self {
        let side = Side::start().await;
        let alice = phone("alice");
        side.carrier.admit_phones(vec![Arc::clone(&alice)]).await;
        let mut places = [Peer::start_as(1).await, Peer::start_as(2).await];
        for place in &mut places {
            register(place, &side, "alice").await;
        }
        let facts = Arc::new(Facts::default());
        side.carrier.dial(dial(leg(1), "sip:alice", Route::Phone(alice), &facts)).await.unwrap();
        let [first, second] = &mut places;
        let calls = tokio::join!(first.incoming(), second.incoming());
        Self { side, places, calls: calls.into(), facts }
    }

    async fn order(&mut self, place: usize, order: impl FnOnce(CallKey, &IncomingCall) -> Order) {
        let (key, call) = &self.calls[place];
        self.places[place].order(order(*key, call)).await;
    }

    async fn refuse(&mut self, place: usize, code: u16) {
        self.order(place, |key, _| Order::Reject { key, rejection: Rejection::with_code(code) }).await;
    }

    async fn take(&mut self, place: usize) {
        let answered = |key, call: &IncomingCall| {
            let ours = local(4_000, Codec::Pcmu, MediaDirection::SendReceive, 1);
            Order::Answer { key, sdp: answer(call.sdp.as_deref().unwrap(), &ours) }
        };
        self.order(place, answered).await;
        let facts = Arc::clone(&self.facts);
        self.places[place].serve_until(facts.fact(LegFact::Answered)).await;
    }

    async fn withdrawn(&mut self, place: usize) {
        let canceled = |event: &Event| matches!(event, Event::Canceled { .. }).then_some(());
        self.places[place].until("the CANCEL", canceled).await;
    }

    async fn said(&self, text: &str) {
        let says = |lines: &[TimelineEntry]| {
            let found =
                |line: &TimelineEntry| line.summary.contains(text) || line.detail.to_string().contains(text);
            lines.iter().any(found).then_some(())
        };
        self.side.lines.0.wait(text, says).await;
    }
}

#[tokio::test]
async fn a_phone_rings_at_all_its_places_and_the_first_answer_wins() {
    let mut scene = Scene::new().await;
    assert_ne!(scene.calls[0].1.call_id, scene.calls[1].1.call_id);
    for place in [0, 1] {
        scene.order(place, |key, _| Order::Ring { key, code: 180, sdp: None }).await;
    }
    scene.facts.fact(LegFact::Ringing { early_media: false }).await;
    scene.said("Rings at 2 places at once").await;
    scene.take(1).await;
    scene.withdrawn(0).await;
    scene.said("Call completed elsewhere").await;
    scene.side.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    scene.places[1].ended().await;
    let end = scene.places[1].serve_until(scene.facts.end()).await;
    assert_eq!(end.kind, LegEndKind::HungUp);
    let rings = scene.facts.legs.all().into_iter().filter(|fact| matches!(fact, LegFact::Ringing { .. }));
    assert_eq!(rings.count(), 1, "who calls hears of one phone");
    scene.side.plane.is_empty().await;
}

#[tokio::test]
async fn a_refusal_of_one_place_leaves_the_other_ringing() {
    for taken in [0, 1] {
        let mut scene = Scene::new().await;
        scene.refuse(1 - taken, 486).await;
        scene.take(taken).await;
        scene.side.carrier.order(leg(1), LegOrder::HangUp).unwrap();
        scene.places[taken].ended().await;
        scene.side.plane.is_empty().await;
    }
}

async fn check_refused(codes: [u16; 2], kind: LegEndKind, code: u16) {
    let mut scene = Scene::new().await;
    scene.refuse(0, codes[0]).await;
    scene.refuse(1, codes[1]).await;
    let end = scene.facts.end().await;
    assert_eq!((end.kind, end.cause.code), (kind, Some(code)), "{codes:?}");
    scene.side.plane.is_empty().await;
}

#[tokio::test]
async fn the_most_telling_refusal_is_the_end() {
    check_refused([486, 480], LegEndKind::Busy, 486).await;
    check_refused([480, 486], LegEndKind::Busy, 486).await;
    check_refused([503, 480], LegEndKind::NoAnswer, 480).await;
}

#[tokio::test]
async fn a_place_that_speaks_for_all_ends_the_call() {
    let mut scene = Scene::new().await;
    scene.refuse(0, 603).await;
    let end = scene.facts.end().await;
    assert_eq!((end.kind, end.cause.code), (LegEndKind::Declined, Some(603)));
    scene.withdrawn(1).await;
}

#[tokio::test]
async fn a_call_that_is_withdrawn_is_withdrawn_everywhere() {
    let mut scene = Scene::new().await;
    for place in [0, 1] {
        scene.order(place, |key, _| Order::Ring { key, code: 180, sdp: None }).await;
    }
    scene.facts.fact(LegFact::Ringing { early_media: false }).await;
    scene.side.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    scene.withdrawn(0).await;
    scene.withdrawn(1).await;
    assert_eq!(scene.facts.end().await.kind, LegEndKind::Canceled);
    scene.side.plane.is_empty().await;
}

#[tokio::test]
async fn two_answers_at_once_end_as_one_call() {
    let mut scene = Scene::new().await;
    let ours = |port| local(port, Codec::Pcmu, MediaDirection::SendReceive, 1);
    for (place, port) in [(0, 4_000), (1, 4_010)] {
        let answered = |key, call: &IncomingCall| Order::Answer {
            key,
            sdp: answer(call.sdp.as_deref().unwrap(), &ours(port)),
        };
        scene.order(place, answered).await;
    }
    scene.facts.fact(LegFact::Answered).await;
    let over = |event: &Event| matches!(event, Event::Ended { .. }).then_some(());
    let [first, second] = &mut scene.places;
    let loser = tokio::select! {
        () = first.until("the end of one", over) => 0,
        () = second.until("the end of one", over) => 1,
    };
    scene.side.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    scene.places[1 - loser].ended().await;
    assert_eq!(scene.facts.end().await.kind, LegEndKind::HungUp);
    let connected = scene.side.plane.connected(leg(1)).await;
    assert_eq!(connected.remote.port(), [4_010, 4_000][loser]);
}

/// The call that the peer places as `alice` of this host, before it has registered anywhere.
async fn early_call(host: &str) -> ports::carrier::IncomingCall {
    let (side, mut peer) = (Side::start().await, Peer::start().await);
    side.carrier.admit_phones(vec![phone("alice")]).await;
    side.carrier.configure(vec![Arc::new(trunk("127.0.0.1", 5060))]).await;
    let target = side.carrier.local_addr();
    let call = Box::new(OutgoingCall {
        to_uri: format!("sip:100@{target}"),
        from: Party {
            display: None,
            user: "alice".to_owned(),
            host: host.replace("server", &target.to_string()),
        },
        destination: target.into(),
        sdp: offer(&local(4_000, Codec::Pcmu, MediaDirection::SendReceive, 1)),
        credentials: Some(credentials("alice")),
        replaces: None,
        route: Vec::new(),
        session_timers: None,
        extra_headers: Vec::new(),
        ring_timeout: Duration::from_secs(30),
        large_over_tcp: false,
    });
    peer.order(Order::Invite { key: CallKey(1), call }).await;
    peer.serve_until(side.inbound.call(0)).await
}

#[tokio::test]
async fn a_phone_that_shares_a_trunks_address_proves_itself_before_it_has_registered() {
    let of_phone = early_call("server").await;
    assert_eq!((of_phone.phone, of_phone.trunks.len()), (Some(phone("alice").id), 0));
    let of_trunk = early_call("carrier.example").await;
    assert_eq!((of_trunk.phone, of_trunk.trunks.len()), (None, 1), "a carrier's caller of that name");
}
