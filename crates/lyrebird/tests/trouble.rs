//! What can go wrong around a server: media that cannot be played, a trunk that leads nowhere, a port that is taken, a
//! disk that is full. Each is said clearly, nothing is lost, and the server goes on.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::{TcpListener, UdpSocket};
use testkit::{Answer, Phone, Receiver, Reply, Server, Settings, run};
use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";

/// A call to a persona, to whom `media` is played.
async fn play(server: &Server, media: &str) -> String {
    let flow = json!([{ "command": "playback", "media": [media] }, { "command": "hangup" }]);
    server.test().place_test("+15005550000", &flow).await
}

/// The step must fail for a reason that says `reason`, and the call go on to its end.
async fn check_media(server: &Server, events: &Receiver, call: &str, media: &str, reason: &str) {
    let test = server.test();
    events.wait_for_event(call, "calls.completed").await;
    let story = test.story(call).await;
    let steps: Vec<Value> =
        events.events(call).iter().map(|event| event["data"]["command"].clone()).collect();
    let step =
        steps.iter().find(|step| step["name"] == "playback").unwrap_or_else(|| panic!("{steps:?}\n{story}"));
    assert_eq!(step["status"], "failed", "{media}: {story}");
    assert!(step["reason"].as_str().is_some_and(|text| text.contains(reason)), "{media}: {step}\n{story}");
    assert!(story.contains(reason), "{media}: the timeline does not say {reason:?}\n{story}");
    let hung_up = steps.iter().any(|step| step["name"] == "hangup" && step["status"] == "completed");
    assert!(hung_up, "{media}: the flow did not go on\n{story}");
}

#[tokio::test]
async fn media_that_cannot_be_played_fail_their_step_with_a_reason() {
    let events = Receiver::start().await;
    let files = Receiver::start().await;
    files.reply("/page", &[Reply::Body("audio/wav", "<!doctype html><html>".into())]);
    files.reply("/gone", &[Reply::Status(404)]);
    files.reply("/elsewhere", &[Reply::With(302, "location", "http://127.0.0.1:1/")]);
    files.reply("/endless", &[Reply::Endless("audio/wav")]);
    files.reply("/damaged", &[Reply::Body("audio/wav", b"RIFF\x10\0\0\0WAVEfmt ".as_slice().into())]);
    let settings = Settings::default().allow(events.addr()).allow(files.addr());
    let settings = settings.set("LYREBIRD_MEDIA__FILE_BYTES_MAX", "1000000");
    let server = Server::start_with(BINARY, settings).await;
    server.test().make_webhook(&events.url("/"), &["calls.command.completed", "calls.completed"]).await;
    std::fs::write(server.media_folder().join("notes.wav"), "not sound at all")
        .expect("a file can be written");
    let mut calls = Vec::new();
    for (media, reason) in [
        (files.url("/page"), "not audio"),
        (files.url("/gone"), "404"),
        (files.url("/elsewhere"), "302"),
        (files.url("/endless"), "larger than 1000000 bytes"),
        (files.url("/damaged"), "wav"),
        ("notes.wav".into(), "not audio"),
        ("missing.wav".into(), "there is no file"),
        ("../data/lyrebird.db".into(), "no file name"),
        ("https://10.0.0.1/a.wav".into(), "not allowed"),
        ("https://[::1]/a.wav".into(), "not allowed"),
        ("https://2130706433/a.wav".into(), "not allowed"),
        ("http://example.com/a.wav".into(), "not allowed"),
        ("https://no-such-host.invalid/a.wav".into(), "address"),
    ] {
        calls.push((play(&server, &media).await, media, reason));
    }
    for (call, media, reason) in calls {
        check_media(&server, &events, &call, &media, reason).await;
    }
}

#[tokio::test]
async fn media_from_an_allowed_host_are_played() {
    let files = Receiver::start().await;
    let samples: Vec<i16> = (0..8_000).map(|n| if n % 16 < 8 { 4_000 } else { -4_000 }).collect();
    let mut wav = std::io::Cursor::new(Vec::new());
    audio::wav::write_wav(&mut wav, 8_000, &samples).expect("a wav can be written to memory");
    files.reply("/tone.wav", &[Reply::Body("application/octet-stream", wav.into_inner().into())]);
    let server = Server::start_with(BINARY, Settings::default().allow(files.addr())).await;
    let test = server.test();
    let flow = json!([{ "command": "playback", "media": [files.url("/tone.wav")] }, { "command": "hangup" }]);
    let call = test.place_test("+15005550000", &flow).await;
    test.wait_for_end(&call).await;
    let story = test.story(&call).await;
    assert!(story.contains("playback: completed") && story.contains("1000 ms"), "{story}");
}

#[tokio::test]
async fn media_that_never_come_fail_their_step_in_time() {
    let events = Receiver::start().await;
    let files = Receiver::start().await;
    files.reply("/hang", &[Reply::Hang]);
    let settings = Settings::default().allow(events.addr()).allow(files.addr());
    let server = Server::start_with(BINARY, settings).await;
    server.test().make_webhook(&events.url("/"), &["calls.command.completed", "calls.completed"]).await;
    let media = files.url("/hang");
    let call = play(&server, &media).await;
    check_media(&server, &events, &call, &media, "too slow").await;
}

#[tokio::test]
async fn an_unknown_voice_fails_its_step_with_a_reason() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let flow = json!([{ "command": "say", "text": "Hi.", "voice": "nobody" }, { "command": "hangup" }]);
    let call = test.place_test("+15005550000", &flow).await;
    test.wait_for_end(&call).await;
    let story = test.story(&call).await;
    assert!(story.contains("no voice nobody"), "{story}");
}

#[tokio::test]
async fn a_trunk_that_leads_nowhere_fails_the_call_with_a_reason() {
    let server = Server::start(BINARY).await;
    let host = json!({ "host": "no-such-carrier.invalid" });
    server.connect("127.0.0.1:5060".parse().expect("an address"), &host, OURS).await;
    let live = server.live();
    let call = live.place(&json!({ "from": OURS, "to": "+4930200000" })).await;
    let ended = live.wait_for_end(&call).await;
    let story = live.story(&call).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("failed"), &json!("failed")), "{story}");
    assert!(story.contains("no-such-carrier.invalid") && story.contains("no address"), "{story}");
}

/// `serve` with these settings must end at once, with a message that says `words`.
async fn check_no_start(settings: &[(&str, &str)], words: &[&str]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(BINARY);
    command.arg("serve").current_dir(dir.path()).env("LYREBIRD_DATA_DIR", dir.path().join("data"));
    command.env("LYREBIRD_HTTP_ADDR", "127.0.0.1:0").env("LYREBIRD_SIP_ADDR", "127.0.0.1:0");
    command.env("LYREBIRD_RTP_PORTS", "0").envs(settings.iter().copied());
    let output = run(command, "no package: build it first").await;
    assert_eq!(output.code, Some(1), "{settings:?}: {output:?}");
    for word in words {
        assert!(output.stderr.contains(word), "{settings:?}: {} does not say {word:?}", output.stderr);
    }
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let http = taken.local_addr().expect("an address").to_string();
    check_no_start(&[("LYREBIRD_HTTP_ADDR", &http)], &[&http, "--http-addr"]).await;
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let sip = taken.local_addr().expect("an address").to_string();
    check_no_start(&[("LYREBIRD_SIP_ADDR", &sip)], &[&sip]).await;
    check_no_start(&[("LYREBIRD_RTP_PORTS", "9-5")], &["port range"]).await;
    check_no_start(&[("LYREBIRD_SIP__USER_AGEN", "x")], &["user_agen"]).await;
    check_no_start(&[("LYREBIRD_LIMITS__REQUESTS_PER_MINUTE", "0")], &["limits.requests_per_minute"]).await;
    check_no_start(&[("LYREBIRD_SANDBOX__NETWORK", "192.0.2.1:5070")], &["192.0.2.1:5070"]).await;
    check_no_start(&[("LYREBIRD_CONFIG", "none.toml")], &["none.toml"]).await;
    check_no_start(&[("LYREBIRD_EGRESS__ALLOWED_HOSTS", "[\"a b\"]")], &["allowed_hosts"]).await;
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_does_not_start() {
    let server = Server::start(BINARY).await;
    let second = server.command(&server.keys.test, &["serve"]).await;
    assert_eq!(second.code, Some(1));
    assert!(
        second.stderr.contains(&server.id().to_string()),
        "it names the other's process: {}",
        second.stderr
    );
    server.test().get("/v1/calls").await.expect(200);
}

fn check_unavailable(answer: &Answer) {
    assert_eq!((answer.status, answer.fault().0), (503, "store_unavailable"), "{}", answer.json);
    assert_eq!(answer.json["error"]["type"], "api_error");
}

#[tokio::test]
async fn a_full_disk_refuses_calls_and_loses_none() {
    let carrier = Phone::polite().await;
    let server = Server::start_with(BINARY, Settings::default().surviving_file_size_limits()).await;
    server.connect(carrier.addr(), &json!({}), OURS).await;
    let live = server.live();
    let order = |to: u32| json!({ "from": OURS, "to": format!("+49302{to:05}") });
    let before = live.place(&order(0)).await;
    live.wait_for_status(&before, "in_progress").await;
    server.limit_file_size(Some(512)).await;
    for to in 1..=5 {
        check_unavailable(&live.post("/v1/calls", &order(to)).await);
    }
    server.limit_file_size(None).await;
    let listed = live.get("/v1/calls").await.expect(200);
    assert_eq!(listed["totalCount"], 1, "a refused call is no call");
    live.command(&before, &json!({ "type": "hangup" })).await.expect(200);
    assert_eq!(live.wait_for_end(&before).await["status"], "completed", "the call that was there goes on");
    let after = live.place(&order(6)).await;
    live.wait_for_status(&after, "in_progress").await;
    let rung: Vec<_> = carrier.came().into_iter().filter(|datagram| datagram.method() == "INVITE").collect();
    assert_eq!(rung.len(), 2, "nobody was rung for a refused call: {rung:#?}");
}
