//! Calls that are connected with others, in the sandbox: what each party hears of the other is measured in what it really
//! received.

#![cfg(test)]

use serde_json::json;
use std::collections::BTreeMap;
use testkit::{Api, Server};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+15005559999";
/// Greets for 6 s, beeps at 1 kHz, then listens.
const VOICEMAIL: &str = "+15005550010";
/// Sends a tone of 2,100 Hz again and again.
const FAX: &str = "+15005550013";
/// Says a word and listens.
const HUMAN: &str = "+15005550000";
const BEEP_HZ: f64 = 1_000.0;
const FAX_HZ: f64 = 2_100.0;

/// What the persona of an ended test call heard.
async fn heard(test: &Api, call: &str) -> (u32, Vec<i16>) {
    let path = format!("/v1/calls/{call}/heard");
    test.wait_for_answer(&path, "both sounds", |list| list["totalCount"] == 2).await;
    let file = test.get(&format!("{path}/callee.wav")).await;
    let clip = audio::decode::read_clip(&file.bytes, &audio::decode::ClipLimits::default()).expect("a wav");
    (clip.rate_hz, clip.samples)
}

/// For how many milliseconds a tone of this pitch is most of the sound (Goertzel over 20 ms each).
fn tone_ms((rate_hz, samples): &(u32, Vec<i16>), hz: f64) -> usize {
    let length = *rate_hz as usize / 50;
    let step = std::f64::consts::TAU * hz / f64::from(*rate_hz);
    let is_tone = |frame: &&[i16]| {
        let (mut sin, mut cos, mut energy) = (0.0, 0.0, 0.0);
        for (at, sample) in frame.iter().enumerate() {
            let (sample, phase) = (f64::from(*sample), step * at as f64);
            sin += sample * phase.sin();
            cos += sample * phase.cos();
            energy += sample * sample;
        }
        let whole = energy * frame.len() as f64 / 2.0;
        energy > 100.0 * 100.0 * frame.len() as f64 && (sin * sin + cos * cos) / whole > 0.6
    };
    samples.chunks_exact(length).filter(is_tone).count() * 20
}

/// The call to this number.
async fn call_to(test: &Api, number: &str) -> String {
    let list = test.get("/v1/calls").await.expect(200);
    let calls = list["data"].as_array().expect("a list");
    let call = calls.iter().find(|call| call["toAddress"] == number).expect("the other call");
    call["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_bridge_carries_sound_both_ways_and_ends_with_the_other_call() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let flow = json!([{ "command": "bridge", "to": VOICEMAIL, "ringTone": "de", "maxDurationMs": 9_000, "hangupAfter": true }]);
    let call = test.place(&json!({ "from": OURS, "to": FAX, "flow": flow })).await;
    let ended = test.wait_for_end(&call).await;
    assert_eq!(ended["endReason"], "hangup", "{}", test.story(&call).await);
    let other = call_to(&test, VOICEMAIL).await;
    let story = test.story(&other).await;
    assert_eq!(test.wait_for_end(&other).await["endReason"], "max_duration", "{story}");
    assert!(story.contains("connected with another call"), "{story}");
    let (here, there) = (heard(&test, &call).await, heard(&test, &other).await);
    let (beep_ms, fax_ms) = (tone_ms(&here, BEEP_HZ), tone_ms(&there, FAX_HZ));
    assert!((200..1_500).contains(&beep_ms), "the fax heard {beep_ms} ms of the beep");
    assert!(fax_ms > 2_000, "the machine heard {fax_ms} ms of the fax");
}

#[tokio::test]
async fn a_busy_party_is_said_and_the_flow_goes_on() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let flow = json!([{ "command": "bridge", "to": "+15005550006" }, { "command": "hangup" }]);
    let call = test.place(&json!({ "from": OURS, "to": HUMAN, "flow": flow })).await;
    assert_eq!(test.wait_for_end(&call).await["endReason"], "hangup");
    let story = test.story(&call).await;
    assert!(story.contains("the called party is busy"), "{story}");
}

#[tokio::test]
async fn a_blind_transfer_lets_the_far_side_go_and_ends_the_call() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let flow =
        json!([{ "command": "transfer", "to": VOICEMAIL }, { "command": "say", "text": "Still here." }]);
    let call = test.place(&json!({ "from": OURS, "to": HUMAN, "flow": flow })).await;
    assert_eq!(test.wait_for_end(&call).await["endReason"], "hangup");
    let story = test.story(&call).await;
    assert!(story.contains("transfer: completed") && story.contains("REFER"), "{story}");
}

#[tokio::test]
async fn fifty_members_of_a_conference_hear_the_one_who_makes_a_sound() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let order = |to: &str| {
        let flow = json!([{ "command": "conference", "name": "room" }]);
        json!({ "from": OURS, "to": to, "flow": flow, "maxDurationMs": 15_000 })
    };
    let mut members = Vec::new();
    for _ in 1..50 {
        members.push(test.place(&order(HUMAN)).await);
    }
    for member in &members {
        test.wait_for_status(member, "in_progress").await;
    }
    let loud = test.place(&order(VOICEMAIL)).await;
    test.wait_for_end(&loud).await;
    let mut unheard = BTreeMap::new();
    for member in &members {
        test.wait_for_end(member).await;
        let beep_ms = tone_ms(&heard(&test, member).await, BEEP_HZ);
        if !(200..1_500).contains(&beep_ms) {
            unheard.insert(member, beep_ms);
        }
    }
    assert!(unheard.is_empty(), "{unheard:?}\n{}", test.story(&loud).await);
}
