//! linphonec as a phone that registers, over UDP and over TLS: it is called and it calls, holds and takes up again, and
//! each side hears the other.

#![cfg(test)]

use audio::correlate::similarity_in_pieces;
use audio::decode::{ClipLimits, read_clip_at};
use audio::resample::resample_clip;
use serde_json::{Value, json};
use std::net::SocketAddr;
use testkit::{
    Certificates, Linphone, Receiver, SOURCE_RATE_HZ, Server, Settings, free_udp_port, prompt, wav,
};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
/// It looks for addresses among a certificate's DNS names.
const NAMES: &str = "IP:127.0.0.1,DNS:127.0.0.1";
/// Length of what we play, in seconds.
const PROMPT_S: u32 = 3;
/// Furthest a recording may begin from where its sound does.
const OFFSET_MAX: usize = 4 * SOURCE_RATE_HZ as usize;
/// Pieces in which sounds are compared, and how far jitter buffers may move one, in samples.
const PIECES: (usize, usize) = (6_400, 800);
/// How like its source a sound must be.
const SIMILARITY_MIN: f64 = 0.9;

/// A server with the phone `alice` that has registered.
struct Scene {
    server: Server,
    events: Receiver,
    phone: Linphone,
    /// Where the phone finds the server.
    at: SocketAddr,
    _source: tempfile::TempDir,
    _files: Option<Certificates>,
}

impl Scene {
    async fn new() -> Self {
        Self::start(None).await
    }

    async fn secure() -> Self {
        Self::start(Some(Certificates::make_for(NAMES).await)).await
    }

    async fn start(files: Option<Certificates>) -> Self {
        let events = Receiver::start().await;
        let tls = SocketAddr::from(([127, 0, 0, 1], free_udp_port()));
        let settings = Settings::default().allow(events.addr());
        let settings = files.iter().fold(settings, |settings, files| {
            let path = |path: std::path::PathBuf| path.display().to_string();
            settings
                .set("LYREBIRD_SIP__TLS_ADDR", &tls.to_string())
                .set("LYREBIRD_SIP__TLS__CERT", &path(files.certificate()))
                .set("LYREBIRD_SIP__TLS__KEY", &path(files.key()))
        });
        let server = Server::start_with(BINARY, settings).await;
        let live = server.live();
        live.make_webhook(&events.url("/"), &["calls.initiated"]).await;
        let sound = wav(SOURCE_RATE_HZ, &prompt(7, SOURCE_RATE_HZ, PROMPT_S));
        std::fs::write(server.media_folder().join("prompt.wav"), sound).expect("it takes a file");
        let source = tempfile::tempdir().expect("a temporary directory");
        let path = source.path().join("source.wav");
        std::fs::write(&path, wav(8_000, &prompt(99, 8_000, 20))).expect("it takes a file");
        let password = "a-password-of-hers";
        let account = json!({ "username": "alice", "password": password });
        let made = live.post("/v1/endpoints", &account).await.expect(201);
        let (phone, at) = match &files {
            Some(files) => (Linphone::registering_securely("alice", password, tls, &path, files).await, tls),
            None => (Linphone::registering("alice", password, server.sip, &path).await, server.sip),
        };
        let path = format!("/v1/endpoints/{}", made["id"].as_str().expect("a text"));
        live.wait_for_answer(&path, "a registration", |shown| shown["status"] == "registered").await;
        Self { server, events, phone, at, _source: source, _files: files }
    }

    async fn ended(&self, call: &str) -> String {
        let ended = self.server.live().wait_for_end(call).await;
        let story = self.server.live().story(call).await;
        let shown = (&ended["status"], &ended["endReason"]);
        assert_eq!(shown, (&json!("completed"), &json!("hangup")), "{story}");
        story
    }

    /// The call that arrives.
    async fn arrival(&self) -> String {
        let event = self.events.wait_for_event("", "calls.initiated").await;
        assert_eq!(event["data"]["call"]["direction"], "inbound", "{event:#}");
        event["data"]["call"]["id"].as_str().expect("a call has an id").to_owned()
    }

    async fn said(&self, call: &str, what: &str) {
        let says = |line: &Value| line["summary"].as_str().is_some_and(|summary| summary.contains(what));
        self.server.live().wait_for_line(call, what, says).await;
    }
}

#[track_caller]
fn check_alike(what: &str, seed: u32, heard: &[u8], story: &str) {
    let source = prompt(seed, SOURCE_RATE_HZ, PROMPT_S);
    let heard = read_clip_at(heard, &ClipLimits::default(), SOURCE_RATE_HZ).expect("it can be read");
    let heard = resample_clip(&heard.samples, heard.rate_hz, SOURCE_RATE_HZ).expect("it can be converted");
    let found = similarity_in_pieces(&source, &heard, OFFSET_MAX, PIECES);
    let alike = found.is_some_and(|found| found > SIMILARITY_MIN);
    assert!(alike, "{what}, {} samples: {found:?}\n{story}", heard.len());
}

/// We call it, and each side hears the other; gives the call's messages.
async fn check_called(scene: Scene) -> String {
    let flow = json!([
        { "command": "record", "lengthMsMax": 2_500, "silenceMs": 60_000 },
        { "command": "playback", "media": ["prompt.wav"] },
        { "command": "pause", "lengthMs": 1_000 },
        { "command": "hangup" },
    ]);
    let order = json!({ "from": OURS, "to": "sip:alice", "flow": flow });
    let call = scene.server.live().place(&order).await;
    let story = scene.ended(&call).await;
    let recordings = scene.server.live().wait_for_recordings(&call).await;
    let file = scene.server.live().recording_file(&recordings[0]).await;
    let messages = Value::from(scene.server.live().timeline(&call).await).to_string();
    check_alike("what we hear", 99, &file, &story);
    check_alike("what it hears", 7, &scene.phone.heard().await, &story);
    messages
}

/// It calls us, puts the call on hold and takes it up again.
async fn check_calls(mut scene: Scene) {
    scene.phone.call(&format!("sip:100@{}", scene.at)).await;
    let call = scene.arrival().await;
    scene.server.live().command(&call, &json!({ "type": "answer" })).await.expect(200);
    scene.server.live().wait_for_status(&call, "in_progress").await;
    scene.phone.pause().await;
    scene.said(&call, "the far side put the call on hold").await;
    scene.phone.resume().await;
    scene.said(&call, "the far side took the call off hold").await;
    scene.phone.hang_up().await;
    scene.ended(&call).await;
}

#[tokio::test]
async fn it_is_called_and_each_side_hears_the_other() {
    check_called(Scene::new().await).await;
}

#[tokio::test]
async fn it_is_called_over_tls_and_each_side_hears_the_other_encrypted() {
    let messages = check_called(Scene::secure().await).await;
    assert!(messages.contains("SIP/2.0/TLS") && messages.contains("a=crypto"), "{messages}");
}

#[tokio::test]
async fn it_calls_holds_and_takes_up_again() {
    check_calls(Scene::new().await).await;
}

#[tokio::test]
async fn it_calls_over_tls_holds_and_takes_up_again() {
    check_calls(Scene::secure().await).await;
}

#[tokio::test]
async fn it_calls_and_we_hang_up() {
    let mut scene = Scene::new().await;
    scene.phone.call(&format!("sip:100@{}", scene.server.sip)).await;
    let call = scene.arrival().await;
    scene.server.live().command(&call, &json!({ "type": "answer" })).await.expect(200);
    scene.server.live().wait_for_status(&call, "in_progress").await;
    scene.server.live().command(&call, &json!({ "type": "hangup" })).await.expect(200);
    scene.ended(&call).await;
}
