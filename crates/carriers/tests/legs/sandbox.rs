//! Calls to personas over real SIP on loopback: what the caller hears of each, and that nothing stays behind.

use crate::peer::{Peer, answer, local};
use crate::support::{Facts, FakePlane, FakeTts, Lines, WallClock, dial, leg, loopback, trunk};
use carriers::{PersonaNetwork, SandboxCarrier, SandboxConfig, StartError};
use model::leg::{LegEnd, LegEndKind, LegEndedBy, LegFact, LegOrder};
use model::sound::MediaFact;
use model::timeline::TimelineKind;
use model::{LegId, sound::Codec};
use persona::Settings;
use ports::media::PlaneOrder;
use ports::{Carrier, CarrierError, Clock, MediaPlane, Route, Timeline, Tts};
use serde_json::{Value, json};
use sip::Order;
use sip::sdp::MediaDirection;
use std::sync::Arc;

/// A sandbox with everything it needs.
pub(crate) struct Rig {
    pub(crate) plane: Arc<FakePlane>,
    pub(crate) tts: Arc<FakeTts>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) carrier: Arc<SandboxCarrier>,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(FakeTts::default()).await
    }

    async fn with(tts: FakeTts) -> Self {
        let (plane, tts, lines) = (Arc::new(FakePlane::default()), Arc::new(tts), Arc::new(Lines::default()));
        let carrier = SandboxCarrier::start(
            SandboxConfig::default(),
            Arc::<FakePlane>::clone(&plane) as Arc<dyn MediaPlane>,
            Arc::<FakeTts>::clone(&tts) as Arc<dyn Tts>,
            Arc::<Lines>::clone(&lines) as Arc<dyn Timeline>,
            Arc::new(WallClock::default()),
        )
        .await
        .unwrap();
        Self { plane, tts, lines, carrier }
    }

    pub(crate) async fn dial(&self, leg: LegId, number: &str, metadata: Value) -> Arc<Facts> {
        let facts = Arc::new(Facts::default());
        let settings = Settings::from_metadata(metadata.as_object().unwrap()).unwrap();
        let route = Route::Sandbox(Box::new(settings));
        self.carrier.dial(dial(leg, number, route, &facts)).await.unwrap();
        facts
    }

    /// The persona's leg of the only call.
    pub(crate) fn persona(&self, caller: LegId) -> LegId {
        self.plane.others(caller)[0]
    }
}

fn cause(end: &LegEnd) -> (Option<u16>, Option<u8>, Option<u32>) {
    (end.cause.code, end.cause.q850, end.cause.retry_after_s)
}

#[tokio::test]
async fn a_human_rings_answers_says_hello_and_is_hung_up() {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), "+15005550000", json!({"sandbox": {"answerAfterMs": 50}})).await;
    facts.fact(LegFact::Answered).await;
    let before = facts.legs.all();
    let ringing = LegFact::Ringing { early_media: false };
    assert_eq!(before, [LegFact::Trying, ringing, LegFact::Answered]);

    let said = rig.tts.said.wait("Hello", |said| said.first().cloned()).await;
    assert_eq!((said.text.as_str(), said.locale.as_str()), ("Hello?", "en-US"));
    let persona = rig.persona(leg(1));
    let connection = rig.plane.connected(leg(1)).await;
    assert_eq!((connection.codec, connection.ptime_ms), (Codec::Pcmu, 20));
    assert!(connection.send && connection.receive && connection.dtmf_payload_type.is_some());
    assert_eq!(connection.remote, rig.plane.local(persona));
    assert_eq!(rig.plane.connected(persona).await.remote, rig.plane.local(leg(1)));
    let played = |orders: &[(LegId, PlaneOrder)]| {
        orders
            .iter()
            .find(|order| order.0 == persona && matches!(order.1, PlaneOrder::Play { .. }))
            .map(|_| ())
    };
    rig.plane.orders.wait("Hello", played).await;

    rig.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    let end = facts.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::HungUp, LegEndedBy::Local));
    rig.plane.is_empty().await;
    assert_eq!(rig.carrier.order(leg(1), LegOrder::HangUp), Err(CarrierError::UnknownLeg));
}

#[tokio::test]
async fn an_impatient_human_hangs_up() {
    let rig = Rig::start().await;
    let wishes = json!({"sandbox": {"answerAfterMs": 0, "hangUpAfterMs": 50}});
    let facts = rig.dial(leg(1), "+15005550001", wishes).await;
    let end = facts.end().await;
    assert!(facts.legs.all().contains(&LegFact::Answered));
    assert_eq!((end.kind, end.by), (LegEndKind::HungUp, LegEndedBy::Remote));
    assert_eq!(end.cause.q850, Some(16));
    rig.plane.is_empty().await;
}

async fn check_end(
    number: &str,
    kind: LegEndKind,
    expected: (Option<u16>, Option<u8>, Option<u32>),
    phrase: &str,
) {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), number, json!({})).await;
    let end = facts.end().await;
    assert_eq!((end.kind, end.by), (kind, LegEndedBy::Remote), "{number}");
    assert_eq!((cause(&end), end.cause.phrase.as_str()), (expected, phrase), "{number}");
    let ends = facts.legs.all().into_iter().filter(|fact| matches!(fact, LegFact::Ended(_)));
    assert_eq!(ends.count(), 1, "{number}");
    rig.plane.is_empty().await;
}

#[tokio::test]
async fn refusals_keep_every_word_of_the_network() {
    check_end("+15005550005", LegEndKind::Declined, (Some(603), Some(21), None), "Decline").await;
    check_end("+15005550006", LegEndKind::Busy, (Some(486), Some(17), None), "Busy Here").await;
    check_end("+15005550008", LegEndKind::Failed, (Some(404), Some(1), None), "Not Found").await;
    check_end("+15005550009", LegEndKind::Failed, (Some(503), None, Some(30)), "Service Unavailable").await;
}

#[tokio::test]
async fn nobody_answers_within_the_ring_timeout() {
    let rig = Rig::start().await;
    let facts = Arc::new(Facts::default());
    let mut call = dial(leg(1), "+15005550007", Route::Sandbox(Box::default()), &facts);
    call.ring_timeout_ms = 200;
    rig.carrier.dial(call).await.unwrap();
    let end = facts.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::NoAnswer, LegEndedBy::Timeout));
    assert!(facts.legs.all().contains(&LegFact::Ringing { early_media: false }));
    rig.plane.is_empty().await;
}

#[tokio::test]
async fn a_ringing_call_is_withdrawn() {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), "+15005550007", json!({})).await;
    facts.fact(LegFact::Ringing { early_media: false }).await;
    rig.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    let end = facts.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::Canceled, LegEndedBy::Local));
    rig.plane.is_empty().await;
}

#[tokio::test]
async fn a_call_is_withdrawn_before_anything_came_back() {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), "+15005550000", json!({})).await;
    rig.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    let end = facts.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::Canceled, LegEndedBy::Local));
    rig.plane.is_empty().await;
}

async fn check_pressed(number: &str, metadata: Value, digits: &str, in_band: bool) {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), number, metadata).await;
    facts.fact(LegFact::Answered).await;
    let persona = rig.persona(leg(1));
    assert_eq!(rig.plane.connected(leg(1)).await.dtmf_payload_type.is_none(), in_band, "{number}");
    let watched = |orders: &[(LegId, PlaneOrder)]| {
        orders.iter().any(|order| matches!(order.1, PlaneOrder::WatchVoice { on: true })).then_some(())
    };
    rig.plane.orders.wait("listening", watched).await;
    rig.plane.happens(persona, MediaFact::VoiceStarted);
    rig.plane.happens(persona, MediaFact::VoiceStopped);
    let pressed = |orders: &[(LegId, PlaneOrder)]| {
        orders.iter().find_map(|order| match order {
            (of, PlaneOrder::SendDigits { digits, in_band, .. }) if *of == persona => {
                Some((digits.clone(), *in_band))
            }
            _ => None,
        })
    };
    let found = rig.plane.orders.wait("digits", pressed).await;
    assert_eq!(found, (digits.to_owned(), in_band), "{number}");

    rig.plane.happens(persona, MediaFact::VoiceStarted);
    rig.plane.happens(persona, MediaFact::VoiceStopped);
    let twice = |orders: &[(LegId, PlaneOrder)]| {
        let pressed = orders.iter().filter(|order| matches!(order.1, PlaneOrder::SendDigits { .. }));
        (pressed.count() == 2).then_some(())
    };
    rig.plane.orders.wait("digits after the second prompt", twice).await;
}

#[tokio::test]
async fn diallers_press_what_is_wished_when_the_prompt_is_over() {
    let quick = json!({"sandbox": {"answerAfterMs": 0, "pressAfterMs": 0}});
    check_pressed("+15005550003", quick.clone(), "1234#", false).await;
    check_pressed("+15005550004", quick, "1234#", true).await;
    let wished = json!({"sandbox": {"answerAfterMs": 0, "pressAfterMs": 0}, "sandboxDigits": "42"});
    check_pressed("+15005550003", wished, "42", false).await;
}

#[tokio::test]
async fn a_menu_says_what_was_pressed() {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), "+15005550014", json!({"sandbox": {"answerAfterMs": 0}})).await;
    facts.fact(LegFact::Answered).await;
    let persona = rig.persona(leg(1));
    rig.plane.happens(persona, MediaFact::Digit { digit: '2', duration_ms: 100 });
    let confirmed =
        |said: &[ports::Utterance]| said.iter().any(|line| line.text == "You pressed two.").then_some(());
    rig.tts.said.wait("the confirmation", confirmed).await;
}

#[tokio::test]
async fn a_persona_without_a_speaking_engine_still_makes_sound() {
    let rig = Rig::with(FakeTts { missing: true, ..FakeTts::default() }).await;
    let facts = rig.dial(leg(1), "+15005550000", json!({"sandbox": {"answerAfterMs": 0}})).await;
    facts.fact(LegFact::Answered).await;
    let played = |orders: &[(LegId, PlaneOrder)]| {
        orders.iter().find_map(|order| match &order.1 {
            PlaneOrder::Play { clips, .. } => {
                clips.first().map(|clip| clip.samples.iter().any(|s| *s > 1_000))
            }
            _ => None,
        })
    };
    assert!(rig.plane.orders.wait("sound", played).await);
}

#[tokio::test]
async fn the_timeline_tells_messages_and_sound() {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), "+15005550000", json!({"sandbox": {"answerAfterMs": 0}})).await;
    facts.fact(LegFact::Answered).await;
    rig.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    facts.end().await;
    for expected in
        ["→ INVITE sip:", "← 100 ", "← 180 Ringing", "← 200 OK", "→ ACK ", "→ BYE ", "Agreed PCMU 20 ms"]
    {
        let told = |lines: &[model::timeline::TimelineEntry]| {
            lines.iter().find(|line| line.summary.starts_with(expected)).cloned()
        };
        let line = rig.lines.0.wait(expected, told).await;
        assert_eq!(line.call, leg(1).call);
        let sound = expected.starts_with("Agreed");
        assert_eq!(line.kind, if sound { TimelineKind::Sdp } else { TimelineKind::Sip });
        assert!(line.detail.to_string().len() <= model::timeline::TIMELINE_DETAIL_BYTES_MAX, "{expected}");
    }
}

#[tokio::test]
async fn the_sandbox_reaches_nothing_else() {
    let rig = Rig::start().await;
    let facts = Arc::new(Facts::default());
    let to_trunk = dial(leg(1), "+15005550000", Route::Trunk(Arc::new(trunk("127.0.0.1", 5060))), &facts);
    assert_eq!(rig.carrier.dial(to_trunk).await, Err(CarrierError::WrongRoute));
    assert!(facts.legs.all().is_empty());

    let plane: Arc<dyn MediaPlane> = Arc::<FakePlane>::clone(&rig.plane);
    let tts: Arc<dyn Tts> = Arc::<FakeTts>::clone(&rig.tts);
    let clock: Arc<dyn Clock> = Arc::new(WallClock::default());
    let elsewhere = "192.0.2.1:5060".parse().unwrap();
    let config = SandboxConfig { network: Some(elsewhere), ..SandboxConfig::default() };
    let lines: Arc<dyn Timeline> = Arc::<Lines>::clone(&rig.lines);
    let started = SandboxCarrier::start(config, plane.clone(), tts.clone(), lines, clock.clone()).await;
    assert_eq!(started.err(), Some(StartError::NotLoopback(elsewhere)));
    let started = PersonaNetwork::start(elsewhere, plane, tts, clock).await;
    assert_eq!(started.err(), Some(StartError::NotLoopback(elsewhere)));
}

#[tokio::test]
async fn a_network_whose_sound_is_elsewhere_is_not_spoken_to() {
    let rig = Rig::start().await;
    let mut peer = Peer::start().await;
    let config = SandboxConfig { network: Some(peer.address()), ..SandboxConfig::default() };
    let plane: Arc<dyn MediaPlane> = Arc::<FakePlane>::clone(&rig.plane);
    let tts: Arc<dyn Tts> = Arc::<FakeTts>::clone(&rig.tts);
    let lines: Arc<dyn Timeline> = Arc::<Lines>::clone(&rig.lines);
    let carrier =
        SandboxCarrier::start(config, plane, tts, lines, Arc::new(WallClock::default())).await.unwrap();
    let facts = Arc::new(Facts::default());
    carrier.dial(dial(leg(1), "+15005550000", Route::Sandbox(Box::default()), &facts)).await.unwrap();
    let (key, call) = peer.incoming().await;
    let mut elsewhere = local(4_000, sip::sdp::Codec::Pcmu, MediaDirection::SendReceive, 1);
    elsewhere.address = "192.0.2.1:4000".parse().unwrap();
    let sdp = answer(call.sdp.as_deref().unwrap(), &elsewhere);
    peer.order(Order::Answer { key, sdp }).await;
    let end = peer.serve_until(facts.end()).await;
    assert_eq!(end.cause.phrase, "No sound: the far side's sound is not on loopback");
    assert!(rig.plane.orders.all().is_empty());
    rig.plane.is_empty().await;
}

#[tokio::test]
async fn the_longest_text_reaches_the_persona() {
    let rig = Rig::start().await;
    let text = "🙂".repeat(1_000);
    rig.dial(leg(1), "+15005550000", json!({"sandbox": {"text": text}})).await;
    let said = rig.tts.said.wait("the text", |said| said.first().cloned()).await;
    assert_eq!(said.text, text);
}

#[tokio::test]
async fn a_network_of_its_own_serves_a_carrier() {
    let rig = Rig::start().await;
    let plane: Arc<dyn MediaPlane> = Arc::<FakePlane>::clone(&rig.plane);
    let tts: Arc<dyn Tts> = Arc::<FakeTts>::clone(&rig.tts);
    let clock: Arc<dyn Clock> = Arc::new(WallClock::default());
    let network = PersonaNetwork::start(loopback(), plane.clone(), tts.clone(), clock.clone()).await.unwrap();
    let config = SandboxConfig { network: Some(network.local_addr()), ..SandboxConfig::default() };
    let lines: Arc<dyn Timeline> = Arc::<Lines>::clone(&rig.lines);
    let carrier = SandboxCarrier::start(config, plane, tts, lines, clock).await.unwrap();
    let facts = Arc::new(Facts::default());
    carrier.dial(dial(leg(1), "+15005550006", Route::Sandbox(Box::default()), &facts)).await.unwrap();
    assert_eq!(facts.end().await.kind, LegEndKind::Busy);
    assert_eq!(network.figures().incoming, 1);
}

#[tokio::test]
async fn a_carrier_that_goes_ends_its_legs() {
    let Rig { plane, carrier, .. } = Rig::start().await;
    let facts = Arc::new(Facts::default());
    carrier.dial(dial(leg(1), "+15005550007", Route::Sandbox(Box::default()), &facts)).await.unwrap();
    facts.fact(LegFact::Ringing { early_media: false }).await;
    drop(carrier);
    let end = facts.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::Failed, LegEndedBy::Transport));
    plane.is_empty().await;
}

#[tokio::test]
async fn many_calls_at_once_leave_nothing_behind() {
    let rig = Rig::start().await;
    let mut calls = Vec::new();
    for n in 0..100 {
        let wishes = json!({"sandbox": {"answerAfterMs": 0, "hangUpAfterMs": 20}});
        calls.push(rig.dial(leg(n), "+15005550000", wishes).await);
    }
    for facts in calls {
        let end = facts.end().await;
        assert_eq!((end.kind, end.by), (LegEndKind::HungUp, LegEndedBy::Remote));
    }
    rig.plane.is_empty().await;
}
