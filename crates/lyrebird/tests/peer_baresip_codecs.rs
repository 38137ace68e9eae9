//! What is played is what is heard, both ways, through each codec, in the clear and encrypted; by baresip's ears and ours.

#![cfg(test)]

use audio::correlate::similarity_in_pieces;
use audio::decode::{ClipLimits, read_clip_at};
use audio::resample::resample_clip;
use serde_json::{Value, json};
use testkit::{
    Baresip, Certificates, Equipment, Receiver, SOURCE_RATE_HZ, Server, Settings, free_udp_port, prompt, wav,
};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";
/// Rate at which sounds are compared: twice a telephone's, because what was converted lies between its samples.
const RATE_HZ: u32 = SOURCE_RATE_HZ;
/// Length of what we play.
const PROMPT_S: u32 = 3;
/// Furthest a recording may begin from where its sound does.
const OFFSET_MAX: usize = 4 * RATE_HZ as usize;
/// Pieces in which sounds are compared, and how far jitter buffers may move one, in samples.
const PIECES: (usize, usize) = (6_400, 800);
/// How like its source a sound must be.
const SIMILARITY_MIN: f64 = 0.9;

fn ours() -> Vec<i16> {
    prompt(7, SOURCE_RATE_HZ, PROMPT_S)
}

/// Longer than any call here: baresip hangs up at its end.
fn theirs() -> Vec<i16> {
    prompt(99, SOURCE_RATE_HZ, 20)
}

/// Listens first, then plays, so that each sound is looked for near its beginning.
fn flow() -> Value {
    json!([
        { "command": "record", "lengthMsMax": 2_500, "silenceMs": 60_000 },
        { "command": "playback", "media": ["prompt.wav"] },
        { "command": "pause", "lengthMs": 1_000 },
        { "command": "hangup" },
    ])
}

#[track_caller]
fn check_alike(what: &str, source: &[i16], heard: &[u8], story: &str) {
    let heard = read_clip_at(heard, &ClipLimits::default(), RATE_HZ).expect("the recording can be read");
    let heard = resample_clip(&heard.samples, heard.rate_hz, RATE_HZ).expect("such rates can be converted");
    let found = similarity_in_pieces(source, &heard, OFFSET_MAX, PIECES);
    assert!(
        found.is_some_and(|found| found > SIMILARITY_MIN),
        "{what}, {} samples: {found:?}\n{story}",
        heard.len()
    );
}

/// The call runs [`flow`] with `phone`, which plays [`theirs`].
async fn check_heard(server: &Server, phone: Baresip, call: &str, wire: &[&str]) {
    let live = server.live();
    let ended = live.wait_for_end(call).await;
    let story = live.story(call).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("hangup")), "{story}");
    let recordings = live.wait_for_recordings(call).await;
    let answer = Value::from(live.timeline(call).await).to_string();
    for text in wire {
        assert!(answer.contains(text), "{text} is not in the call's messages\n{answer}");
    }
    check_alike(
        "what we hear",
        &prompt(99, SOURCE_RATE_HZ, 6),
        &live.recording_file(&recordings[0]).await,
        &story,
    );
    check_alike("what they hear", &ours(), &phone.heard().await[0], &story);
}

/// The call that the phone dials: we listen while we play silence, then it listens.
async fn check_dialled(server: &Server, events: &Receiver, phone: Baresip) {
    let live = server.live();
    let event = events.wait_for_event("", "calls.initiated").await;
    assert_eq!(event["data"]["call"]["to"], "100", "{event:#}");
    let call = event["data"]["call"]["id"].as_str().expect("a call has an id").to_owned();
    let command = async |order: Value| live.command(&call, &order).await.expect(200);
    command(json!({ "type": "answer" })).await;
    live.wait_for_status(&call, "in_progress").await;
    let silence = wav(SOURCE_RATE_HZ, &vec![0; PROMPT_S as usize * SOURCE_RATE_HZ as usize]);
    std::fs::write(server.media_folder().join("silence.wav"), silence).expect("it takes a file");
    command(json!({ "type": "start_recording" })).await;
    for (nth, file) in (1..).zip(["silence.wav", "prompt.wav"]) {
        command(json!({ "type": "play_audio", "url": file })).await;
        let seen = std::cell::Cell::new(0);
        let played = |line: &Value| {
            let is_end = line["kind"] == "flow"
                && line["summary"].as_str().is_some_and(|s| s.contains("play_audio: completed"));
            seen.set(seen.get() + u32::from(is_end));
            is_end && seen.get() == nth
        };
        live.wait_for_line(&call, file, played).await;
        if nth == 1 {
            command(json!({ "type": "stop_recording" })).await;
        }
    }
    command(json!({ "type": "hangup" })).await;
    live.wait_for_end(&call).await;
    let story = live.story(&call).await;
    let recordings = live.wait_for_recordings(&call).await;
    let file = live.recording_file(&recordings[0]).await;
    check_alike("what we hear", &prompt(99, SOURCE_RATE_HZ, 6), &file, &story);
    check_alike("what they hear", &ours(), &phone.heard().await[0], &story);
}

/// A file for baresip to play, in a directory that goes with it.
fn source() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("source.wav");
    std::fs::write(&path, wav(SOURCE_RATE_HZ, &theirs())).expect("it takes a file");
    (dir, path)
}

async fn server_with_prompt(settings: Settings) -> Server {
    let server = Server::start_with(BINARY, settings).await;
    let prompt = wav(SOURCE_RATE_HZ, &ours());
    std::fs::write(server.media_folder().join("prompt.wav"), prompt).expect("it takes a file");
    server
}

/// We call over a trunk that has but this codec.
async fn check_codec(codec: &str, wire: &[&str]) {
    let (_dir, path) = source();
    let equipment = Equipment { codec: Some(codec), source: Some(&path), ..Equipment::default() };
    let phone = Baresip::answering_with(THEIRS, &equipment).await;
    let server = server_with_prompt(Settings::default()).await;
    server.connect(phone.addr(), &json!({ "codecs": [codec] }), OURS).await;
    let call = server.live().place(&json!({ "from": OURS, "to": THEIRS, "flow": flow() })).await;
    check_heard(&server, phone, &call, wire).await;
}

#[tokio::test]
async fn g722_sounds_right_both_ways() {
    check_codec("g722", &["G722/8000"]).await;
}

#[tokio::test]
async fn opus_sounds_right_both_ways() {
    check_codec("opus", &["opus/48000/2"]).await;
}

/// Settings of a server that takes TLS at the returned address.
fn secure(files: &Certificates) -> (Settings, std::net::SocketAddr) {
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], free_udp_port()));
    let path = |path: std::path::PathBuf| path.display().to_string();
    let settings = Settings::default()
        .set("LYREBIRD_SIP__TLS_ADDR", &addr.to_string())
        .set("LYREBIRD_SIP__TLS__CERT", &path(files.certificate()))
        .set("LYREBIRD_SIP__TLS__KEY", &path(files.key()))
        .set("LYREBIRD_SIP__TLS__CA", &path(files.authority()));
    (settings, addr)
}

#[tokio::test]
async fn a_trunk_over_tls_with_encrypted_sound_sounds_right_both_ways() {
    let (files, (_dir, path)) = (Certificates::make().await, source());
    let equipment = Equipment { secure: Some(&files), source: Some(&path), ..Equipment::default() };
    let phone = Baresip::answering_with(THEIRS, &equipment).await;
    let server = server_with_prompt(secure(&files).0).await;
    server.connect(phone.addr(), &json!({ "transport": "tls", "srtp": "required" }), OURS).await;
    let call = server.live().place(&json!({ "from": OURS, "to": THEIRS, "flow": flow() })).await;
    check_heard(&server, phone, &call, &["RTP/SAVP", "SIP/2.0/TLS"]).await;
}

#[tokio::test]
async fn a_phone_registers_over_tls_and_is_called_with_encrypted_sound() {
    let (files, (_dir, path)) = (Certificates::make().await, source());
    let (settings, tls) = secure(&files);
    let server = server_with_prompt(settings).await;
    let live = server.live();
    let made = live.post("/v1/endpoints", &json!({ "username": "alice" })).await.expect(201);
    let (id, password) = (made["id"].as_str().expect("a text"), made["password"].as_str().expect("a text"));
    let equipment = Equipment { secure: Some(&files), source: Some(&path), ..Equipment::default() };
    let phone = Baresip::registering_with("alice", password, tls, &equipment).await;
    let registered = |shown: &Value| shown["registrations"][0]["transport"] == "tls";
    live.wait_for_answer(&format!("/v1/endpoints/{id}"), "a registration", registered).await;
    let call = live.place(&json!({ "from": OURS, "to": "sip:alice", "flow": flow() })).await;
    check_heard(&server, phone, &call, &["a=crypto", "SIP/2.0/TLS"]).await;
}

#[tokio::test]
async fn a_phone_calls_over_tls_with_encrypted_sound() {
    let events = Receiver::start().await;
    let (files, (_dir, path)) = (Certificates::make().await, source());
    let (settings, tls) = secure(&files);
    let server = server_with_prompt(settings.allow(events.addr())).await;
    let live = server.live();
    live.make_webhook(&events.url("/"), &["calls.initiated"]).await;
    let made = live.post("/v1/endpoints", &json!({ "username": "alice" })).await.expect(201);
    let (id, password) = (made["id"].as_str().expect("a text"), made["password"].as_str().expect("a text"));
    let equipment = Equipment { secure: Some(&files), source: Some(&path), ..Equipment::default() };
    let mut phone = Baresip::registering_with("alice", password, tls, &equipment).await;
    let registered = |shown: &Value| shown["status"] == "registered";
    live.wait_for_answer(&format!("/v1/endpoints/{id}"), "a registration", registered).await;
    phone.dial("100", tls).await;
    check_dialled(&server, &events, phone).await;
}

#[tokio::test]
async fn a_phone_calls_and_each_side_hears_the_other() {
    let (events, (_dir, path)) = (Receiver::start().await, source());
    let server = server_with_prompt(Settings::default().allow(events.addr())).await;
    let live = server.live();
    live.make_webhook(&events.url("/"), &["calls.initiated"]).await;
    let made = live.post("/v1/endpoints", &json!({ "username": "alice" })).await.expect(201);
    let (id, password) = (made["id"].as_str().expect("a text"), made["password"].as_str().expect("a text"));
    let equipment = Equipment { source: Some(&path), ..Equipment::default() };
    let mut phone = Baresip::registering_with("alice", password, server.sip, &equipment).await;
    let registered = |shown: &Value| shown["status"] == "registered";
    live.wait_for_answer(&format!("/v1/endpoints/{id}"), "a registration", registered).await;
    phone.dial("100", server.sip).await;
    check_dialled(&server, &events, phone).await;
}

#[tokio::test]
async fn a_phone_that_calls_before_it_has_registered_is_heard_all_the_same() {
    let files = Certificates::make().await;
    let (settings, tls) = secure(&files);
    let server = Server::start_with(BINARY, settings).await;
    let live = server.live();
    let made = live.post("/v1/endpoints", &json!({ "username": "alice" })).await.expect(201);
    let (id, password) = (made["id"].as_str().expect("a text"), made["password"].as_str().expect("a text"));
    let equipment = Equipment { secure: Some(&files), ..Equipment::default() };
    // Both requests come on one connection, the call before the answer to the challenge.
    let _phone = Baresip::calling_with("alice", password, tls, "100", &equipment).await;
    let registered = |shown: &Value| shown["status"] == "registered";
    live.wait_for_answer(&format!("/v1/endpoints/{id}"), "a registration", registered).await;
    // The call was asked for a proof, too, and came again with it.
    live.wait_for_answer("/v1/calls", "its call", |calls| calls["totalCount"] == 1).await;
}
