//! The personas that do more than answer or refuse, over real SIP on loopback: machines, bad networks, challenges,
//! redirections, holds, transfers, and those who call.

use crate::sandbox::Rig;
use crate::support::{Facts, Watched, leg};
use model::call::Mode;
use model::leg::{LegEndKind, LegEndedBy, LegFact, LegOrder, LegSide};
use model::sound::{MediaFact, PlaybackId};
use model::{CallId, LegId, Pii};
use persona::Settings;
use ports::media::PlaneOrder;
use ports::{Carrier, InboundCalls, IncomingCall, PersonaCall, Sandbox};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the caller's timeline says, by the beginnings of its lines.
async fn told(rig: &Rig, beginning: &str) {
    let beginning = beginning.to_owned();
    let found = |lines: &[model::timeline::TimelineEntry]| {
        lines.iter().any(|line| line.summary.starts_with(&beginning)).then_some(())
    };
    rig.lines.0.wait(&beginning, found).await;
}

/// The clip that a leg plays next after `after` others, how often it plays, and under which number.
async fn played(rig: &Rig, leg: LegId, after: usize) -> (Arc<ports::media::Clip>, u16, PlaybackId) {
    let found = |orders: &[(LegId, PlaneOrder)]| {
        let mut plays = orders.iter().filter_map(|order| match order {
            (of, PlaneOrder::Play { clips, times, playback, .. }) if *of == leg => {
                clips.first().map(|clip| (Arc::clone(clip), *times, *playback))
            }
            _ => None,
        });
        plays.nth(after)
    };
    rig.plane.orders.wait("sound", found).await
}

fn finished(playback: PlaybackId) -> MediaFact {
    MediaFact::PlaybackFinished { playback, played_ms: 0, completed: true }
}

#[tokio::test]
async fn an_answering_machine_greets_for_as_long_as_set_then_beeps_then_listens() {
    let rig = Rig::start().await;
    let settings = json!({"sandbox": {"answerAfterMs": 0, "greetingMs": 1_500, "beepMs": 300}});
    let facts = rig.dial(leg(1), "+15005550010", settings).await;
    facts.fact(LegFact::Answered).await;
    let persona = rig.persona(leg(1));
    let (greeting, times, playback) = played(&rig, persona, 0).await;
    assert_eq!((greeting.duration().as_millis(), times), (1_500, 1));
    rig.plane.happens(persona, finished(playback));
    let (beep, _, playback) = played(&rig, persona, 1).await;
    assert_eq!(beep.duration().as_millis(), 300);
    rig.plane.happens(persona, finished(playback));
    let listens = |orders: &[(LegId, PlaneOrder)]| {
        orders.iter().any(|order| matches!(order.1, PlaneOrder::WatchVoice { on: true })).then_some(())
    };
    rig.plane.orders.wait("listening", listens).await;
}

#[tokio::test]
async fn a_fax_machine_plays_its_tone_without_end() {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), "+15005550013", json!({"sandbox": {"answerAfterMs": 0}})).await;
    facts.fact(LegFact::Answered).await;
    let (tone, times, _) = played(&rig, rig.persona(leg(1)), 0).await;
    assert_eq!((tone.duration().as_millis(), times), (6_000, u16::MAX));
}

#[tokio::test]
async fn ringback_is_heard_before_the_answer() {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), "+15005550015", json!({"sandbox": {"answerAfterMs": 200}})).await;
    facts.fact(LegFact::Ringing { early_media: true }).await;
    let persona = rig.persona(leg(1));
    let (_, times, playback) = played(&rig, persona, 0).await;
    assert_eq!(times, u16::MAX);
    assert!(rig.plane.connected(leg(1)).await.receive);
    facts.fact(LegFact::Answered).await;
    told(&rig, "← 183 ").await;
    let stopped = |orders: &[(LegId, PlaneOrder)]| {
        let stop =
            |order: &PlaneOrder| matches!(order, PlaneOrder::StopPlayback { playback: p } if *p == playback);
        orders.iter().any(|order| order.0 == persona && stop(&order.1)).then_some(())
    };
    rig.plane.orders.wait("the end of ringback", stopped).await;
    rig.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    facts.end().await;
    rig.plane.is_empty().await;
}

#[tokio::test]
async fn the_sound_of_one_stops() {
    let rig = Rig::start().await;
    let settings = json!({"sandbox": {"answerAfterMs": 0, "muteAfterMs": 20}});
    let facts = rig.dial(leg(1), "+15005550016", settings).await;
    facts.fact(LegFact::Answered).await;
    let persona = rig.persona(leg(1));
    let muted = |orders: &[(LegId, PlaneOrder)]| {
        let mute = |order: &(LegId, PlaneOrder)| matches!(order.1, PlaneOrder::Mute { on: true });
        orders.iter().any(|order| order.0 == persona && mute(order)).then_some(())
    };
    rig.plane.orders.wait("the end of its sound", muted).await;
}

#[tokio::test]
async fn a_slow_one_is_called_again_and_its_answer_comes_the_second_time() {
    let rig = Rig::start().await;
    let began = std::time::Instant::now();
    let settings = json!({"sandbox": {"answerAfterMs": 0, "tryingAfterMs": 700}});
    let facts = rig.dial(leg(1), "+15005550018", settings).await;
    facts.fact(LegFact::Answered).await;
    // 700 ms of silence, then T1 until the answer is repeated (RFC 3261 §13.3.1.4).
    assert!(began.elapsed().as_millis() >= 1_200, "{:?}", began.elapsed());
    told(&rig, "→ INVITE sip:+15005550018@").await;
    let again = |lines: &[model::timeline::TimelineEntry]| {
        lines
            .iter()
            .any(|line| line.summary.starts_with("→ INVITE") && line.summary.ends_with("(again)"))
            .then_some(())
    };
    rig.lines.0.wait("the INVITE again", again).await;
    let answers = rig.lines.0.all().iter().filter(|line| line.summary.starts_with("← 200 OK")).count();
    assert_eq!(answers, 1, "the first was lost");
}

#[tokio::test]
async fn a_challenge_is_answered_and_then_it_rings() {
    let rig = Rig::start().await;
    let facts = rig.dial(leg(1), "+15005550019", json!({"sandbox": {"answerAfterMs": 0}})).await;
    facts.fact(LegFact::Answered).await;
    assert_eq!(
        facts.legs.all(),
        [LegFact::Trying, LegFact::Ringing { early_media: false }, LegFact::Answered]
    );
    told(&rig, "← 401 ").await;
    told(&rig, "← 200 OK").await;
    let lines = format!("{:?}", rig.lines.0.all());
    assert!(lines.contains("uthorization: ***"), "{lines}");
}

#[tokio::test]
async fn a_redirection_is_followed_within_the_sandbox_and_not_for_ever() {
    let rig = Rig::start().await;
    let settings = json!({"sandbox": {"redirectTo": "+15005550006", "persona": "redirect"}});
    let facts = rig.dial(leg(1), "+15005550020", settings).await;
    let end = facts.end().await;
    assert_eq!((end.kind, end.cause.code), (LegEndKind::Busy, Some(486)));
    told(&rig, "← 302 ").await;
    told(&rig, "→ INVITE sip:+15005550006@").await;

    let facts = rig.dial(leg(2), "+15005550020", json!({"sandbox": {"redirectTo": "+15005550020"}})).await;
    let end = facts.end().await;
    assert_eq!((end.kind, end.cause.code), (LegEndKind::Failed, Some(302)));
    rig.plane.is_empty().await;
}

/// An engine's stand-in that adopts and answers whatever personas place.
#[derive(Default)]
struct Taker {
    facts: Arc<Facts>,
    came: Watched<IncomingCall>,
}

impl InboundCalls for Taker {
    fn arrived(&self, carrier: Arc<dyn Carrier>, incoming: IncomingCall) {
        let id = LegId::new(incoming.call, 0);
        let sink: Arc<dyn ports::LegSink> = Arc::<Facts>::clone(&self.facts) as Arc<dyn ports::LegSink>;
        carrier.adopt(incoming.reference, id, sink).unwrap();
        carrier.order(id, LegOrder::Answer).unwrap();
        self.came.push(incoming);
    }

    fn next_call_id(&self) -> CallId {
        leg(99).call
    }
}

#[tokio::test]
async fn a_persona_calls_and_only_those_who_were_ordered_are_let_in() {
    let rig = Rig::start().await;
    let taker = Arc::new(Taker::default());
    rig.carrier.attach(Arc::<Taker>::clone(&taker) as Arc<dyn InboundCalls>);
    let order = PersonaCall {
        call: leg(7).call,
        from: Pii::new("+15005550001".to_owned()),
        to: Pii::new("+4930123456".to_owned()),
        settings: Settings { hang_up_after_ms: Some(50), ..Settings::default() },
        ring_timeout_ms: 5_000,
    };
    rig.carrier.call_from_persona(order).await.unwrap();
    let end = taker.facts.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::HungUp, LegEndedBy::Remote));
    assert!(taker.facts.legs.all().contains(&LegFact::Answered));
    let came = taker.came.all();
    assert_eq!((came.len(), came[0].call, came[0].mode), (1, leg(7).call, Mode::Test));
    assert_eq!([came[0].from.expose().as_str(), came[0].to.expose()], ["+15005550001", "+4930123456"]);
    told(&rig, "← INVITE sip:+4930123456@").await;
    rig.plane.is_empty().await;
}

#[tokio::test]
async fn a_holder_holds_and_takes_back_and_the_caller_hears_of_it() {
    let rig = Rig::start().await;
    let settings = json!({"sandbox": {"answerAfterMs": 0, "holdAfterMs": 20, "holdMs": 20}});
    let facts = rig.dial(leg(1), "+15005550021", settings).await;
    facts.fact(LegFact::Held { by: LegSide::Remote }).await;
    facts.fact(LegFact::Resumed { by: LegSide::Remote }).await;
    let back = |orders: &[(LegId, PlaneOrder)]| {
        let directions: Vec<_> = orders
            .iter()
            .filter_map(|order| match &order.1 {
                PlaneOrder::Connect(connection) if order.0 == leg(1) => Some(connection.send),
                _ => None,
            })
            .collect();
        (directions == [true, false, true]).then_some(())
    };
    rig.plane.orders.wait("sound both ways again", back).await;
    rig.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    facts.end().await;
    rig.plane.is_empty().await;
}

#[tokio::test]
async fn a_transfer_is_refused_the_timeline_says_so_and_the_call_goes_on() {
    let rig = Rig::start().await;
    let settings = json!({"sandbox": {"answerAfterMs": 0, "transferAfterMs": 20}});
    let facts = rig.dial(leg(1), "+15005550022", settings).await;
    told(&rig, "Transfer refused").await;
    let sorry =
        |said: &[ports::Utterance]| said.iter().any(|line| line.text.starts_with("I am sorry")).then_some(());
    rig.tts.said.wait("that it did not work", sorry).await;
    let said_it = |orders: &[(LegId, PlaneOrder)]| {
        let plays = orders.iter().filter(|order| matches!(order.1, PlaneOrder::Play { .. }));
        (plays.count() >= 2).then_some(())
    };
    rig.plane.orders.wait("the persona saying so", said_it).await;
    assert!(!facts.legs.all().iter().any(|fact| matches!(fact, LegFact::Ended(_))));
}

/// Sends numbered packets from one address to another and gives those that arrive.
async fn sent_through(from: &tokio::net::UdpSocket, to: SocketAddr, at: &tokio::net::UdpSocket) -> Vec<u8> {
    for number in 0..200_u8 {
        from.send_to(&[number], to).await.unwrap();
    }
    let mut came = Vec::new();
    let mut buffer = [0; 8];
    // As long as packets may be late, and then some for a busy machine.
    while let Ok(Ok((1, _))) =
        tokio::time::timeout(std::time::Duration::from_millis(1_000), at.recv_from(&mut buffer)).await
    {
        came.push(buffer[0]);
    }
    came
}

#[tokio::test]
async fn the_packets_of_a_bad_network_are_lost_late_and_overtaken_both_ways_by_the_seed() {
    let rig = Rig::start().await;
    let settings =
        json!({"sandbox": {"answerAfterMs": 0, "lossPercent": 20, "jitterMs": 30, "reorderPercent": 10}});
    let facts = rig.dial(leg(1), "+15005550017", settings).await;
    facts.fact(LegFact::Answered).await;
    let persona = rig.persona(leg(1));
    let (ours, theirs) = (rig.plane.connected(leg(1)).await, rig.plane.connected(persona).await);
    assert_ne!(ours.remote, rig.plane.local(persona), "there is something between");
    // The fake plane names addresses without binding them: here stand the two legs.
    let caller = tokio::net::UdpSocket::bind(rig.plane.local(leg(1))).await.unwrap();
    let callee = tokio::net::UdpSocket::bind(rig.plane.local(persona)).await.unwrap();
    for (came, from) in [
        (sent_through(&caller, ours.remote, &callee).await, "caller"),
        (sent_through(&callee, theirs.remote, &caller).await, "callee"),
    ] {
        assert!((130..190).contains(&came.len()), "{from}: {} of 200 came", came.len());
        assert!(came.windows(2).any(|pair| pair[1] < pair[0]), "{from}: nothing was overtaken");
    }
    rig.carrier.order(leg(1), LegOrder::HangUp).unwrap();
    facts.end().await;
    rig.plane.is_empty().await;
}
