//! Test calls: each persona's end, keys both ways, branches, recordings, the timeline, and that nothing else can be
//! reached.

#![cfg(test)]

use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{Api, Phone, Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+15005559999";

fn words(call: &Value) -> [&str; 2] {
    ["status", "endReason"].map(|name| call[name].as_str().unwrap_or_default())
}

/// All calls run at once; each must end as said, with this SIP code on its timeline's last answer.
#[tokio::test]
async fn each_persona_ends_as_its_page_says() {
    let table = [
        (
            "0001",
            json!({ "metadata": { "sandbox": { "hangUpAfterMs": 500 } } }),
            ["completed", "hangup"],
            None,
        ),
        ("0005", json!({}), ["failed", "rejected"], Some(603)),
        ("0006", json!({}), ["busy", "busy"], Some(486)),
        ("0007", json!({ "ringTimeoutMs": 3_000 }), ["no_answer", "no_answer"], None),
        ("0008", json!({}), ["failed", "failed"], Some(404)),
        ("0009", json!({}), ["failed", "failed"], Some(503)),
    ];
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    let names = ["calls.completed", "calls.failed", "calls.no_answer"];
    test.make_webhook(&events.url("/"), &names).await;
    let mut calls = Vec::new();
    for (persona, more, end, code) in table {
        let mut order = json!({ "from": OURS, "to": format!("+1500555{persona}") });
        order.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        calls.push((test.place(&order).await, persona, end, code));
    }
    for (id, persona, end, code) in calls {
        let call = test.wait_for_end(&id).await;
        assert_eq!(words(&call), end, "{persona}\n{}", test.story(&id).await);
        let of_call = |hits: &[testkit::Hit]| {
            hits.iter().find(|hit| hit.json["data"]["call"]["id"] == json!(id)).map(|hit| hit.json.clone())
        };
        let event = events.wait_for("the end's event", of_call).await;
        if let Some(code) = code {
            assert_eq!(event["data"]["call"]["sipCode"], code, "{event:#}");
        }
        if persona == "0008" {
            assert_eq!(event["data"]["call"]["q850Cause"], 1, "{event:#}");
        }
    }
}

/// Personas that make trouble, all at once: each call ends by itself, and its timeline shows what was special.
#[tokio::test]
async fn the_trouble_that_a_persona_makes_stands_on_the_timeline() {
    let table = [
        ("early_media", json!({ "hangUpAfterMs": 500 }), "← 183 "),
        ("media_loss", json!({ "muteAfterMs": 200 }), "← 200 OK"),
        ("bad_network", json!({ "hangUpAfterMs": 2_000 }), "← 200 OK"),
        ("slow", json!({ "tryingAfterMs": 700, "hangUpAfterMs": 500 }), "(again)"),
        ("challenge", json!({ "hangUpAfterMs": 500 }), "← 401 "),
        ("redirect", json!({ "hangUpAfterMs": 500 }), "← 302 "),
        ("hold", json!({ "holdAfterMs": 200, "holdMs": 200, "hangUpAfterMs": 2_000 }), "recvonly"),
        ("transfer", json!({ "transferAfterMs": 200, "hangUpAfterMs": 2_000 }), "Transfer refused"),
    ];
    let settings = Settings::default().set("LYREBIRD_RTP__SILENCE_LIMIT_MS", "1500");
    let server = Server::start_with(BINARY, settings).await;
    let test = server.test();
    let mut calls = Vec::new();
    for (persona, mut sandbox, shown) in table {
        sandbox["persona"] = json!(persona);
        sandbox["answerAfterMs"] = json!(200);
        let order = json!({ "from": OURS, "to": "+4930123456", "metadata": { "sandbox": sandbox } });
        calls.push((test.place(&order).await, persona, shown));
    }
    for (id, persona, shown) in calls {
        let call = test.wait_for_end(&id).await;
        let story = test.story(&id).await;
        assert!(story.contains(shown), "{persona}: no {shown:?}\n{story}");
        assert!(!call["answeredAt"].is_null(), "{persona}: {call}\n{story}");
        let completed = words(&call) == ["completed", "hangup"];
        assert_eq!(completed, persona != "media_loss", "{persona}: {:?}\n{story}", words(&call));
    }
}

#[tokio::test]
async fn the_patient_human_and_the_echo_stay_until_we_hang_up() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    for persona in ["0000", "0002", "1234"] {
        let call = test.place_test(&format!("+1500555{persona}"), &Value::Null).await;
        test.wait_for_status(&call, "in_progress").await;
        test.command(&call, &json!({ "type": "hangup" })).await.expect(200);
        assert_eq!(words(&test.wait_for_end(&call).await), ["completed", "hangup"], "{persona}");
    }
}

/// The persona presses `keys` after the prompt; the matching branch must run and the other not.
async fn check_branches(persona: &str, keys: &str) {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    test.make_webhook(
        &events.url("/"),
        &["calls.gather.completed", "calls.command.completed", "calls.completed"],
    )
    .await;
    let says = |text: &str, operator: &str| {
        let condition = json!({ "variable": "keys", "operator": operator, "value": keys });
        json!({ "command": "say", "text": text, "conditions": [condition] })
    };
    let order = json!({
        "from": OURS,
        "to": format!("+1500555{persona}"),
        "metadata": { "sandboxDigits": format!("{keys}#") },
        "flow": [
            { "command": "gather", "prompt": { "say": { "text": "Pin, please." } }, "endKey": "#", "timeoutMs": 10_000 },
            says("Right.", "eq"),
            says("Wrong.", "ne"),
            { "command": "hangup" },
        ],
    });
    let call = test.place(&order).await;
    events.wait_for_event(&call, "calls.completed").await;
    let story = test.story(&call).await;
    let seen = events.events(&call);
    let gather =
        seen.iter().find(|event| event["event"] == "calls.gather.completed").expect("a gather's end");
    assert_eq!(gather["data"]["gather"]["keys"], keys, "{story}");
    assert_eq!(gather["data"]["gather"]["endedBy"], "end_key", "{story}");
    let commands: Vec<_> = seen.iter().filter(|event| event["event"] == "calls.command.completed").collect();
    let outcomes: Vec<_> =
        commands.iter().map(|e| [&e["data"]["command"]["name"], &e["data"]["command"]["status"]]).collect();
    let expected =
        [["gather", "completed"], ["say", "completed"], ["say", "skipped"], ["hangup", "completed"]];
    assert_eq!(json!(outcomes), json!(expected), "{story}");
}

#[tokio::test]
async fn pressed_keys_choose_the_branch() {
    check_branches("0003", "1234").await;
}

#[tokio::test]
async fn keys_pressed_as_tones_choose_the_branch() {
    check_branches("0004", "2580").await;
}

#[tokio::test]
async fn the_menu_hears_the_keys_we_send() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let order = json!({ "from": OURS, "to": "+15005550014", "metadata": { "sandbox": { "text": "One or two?" } },
        "flow": [{ "command": "record", "lengthMsMax": 6_000, "silenceMs": 60_000 }, { "command": "hangup" }] });
    let call = test.place(&order).await;
    test.wait_for_status(&call, "in_progress").await;
    test.command(&call, &json!({ "type": "send_dtmf", "digits": "1" })).await.expect(200);
    test.wait_for_end(&call).await;
    let recordings = test.wait_for_recordings(&call).await;
    let duration = recordings[0]["duration"].as_f64().unwrap_or_default();
    assert!((5.5..6.5).contains(&duration), "{recordings:#?}");
    let file = test.recording_file(&recordings[0]).await;
    let clip = audio::decode::read_clip(&file, &audio::decode::ClipLimits::default()).expect("a wav");
    let loud =
        clip.samples.chunks(160).filter(|frame| frame.iter().any(|s| s.unsigned_abs() > 1_000)).count();
    assert!(loud > 50, "the menu is not heard: {loud} frames");
}

#[tokio::test]
async fn a_test_key_reaches_no_trunk() {
    let carrier = Phone::polite().await;
    let server = Server::start(BINARY).await;
    server.connect(carrier.addr(), &json!({}), "+4930100000").await;
    let test = server.test();
    // From the live number, and to whom only the trunk could reach: a persona answers.
    let call = test
        .place(&json!({ "from": "+4930100000", "to": "+4930200000", "flow": [{ "command": "hangup" }] }))
        .await;
    assert_eq!(words(&test.wait_for_end(&call).await), ["completed", "hangup"]);
    assert!(call.starts_with("call_test_"), "{call}");
    // The live key reaches it, so that its silence before means something.
    let call = server.live().place(&json!({ "from": "+4930100000", "to": "+4930200000" })).await;
    let came = carrier.wait_for_request("INVITE").await;
    assert!(came.text.starts_with("INVITE sip:+4930200000@"), "{}", came.text);
    let invites = carrier.came().iter().filter(|datagram| datagram.method() == "INVITE").count();
    assert_eq!(invites, 1);
    server.live().command(&call, &json!({ "type": "hangup" })).await.expect(200);
    server.live().wait_for_end(&call).await;
}

#[tokio::test]
async fn the_timeline_tells_all_and_no_credential() {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    let webhook = test.make_webhook(&events.url("/"), &["calls.initiated", "calls.completed"]).await;
    let flow = json!([
        { "command": "say", "text": "Your pin." },
        { "command": "gather", "endKey": "#", "timeoutMs": 10_000 },
        { "command": "hangup" },
    ]);
    let call = test.place_test("+15005550003", &flow).await;
    test.wait_for_end(&call).await;
    events.wait_for_event(&call, "calls.completed").await;
    test.wait_for_line(&call, "the last webhook attempt", |line| {
        line["kind"] == "webhook"
            && line["summary"].as_str().is_some_and(|text| text.contains("calls.completed"))
    })
    .await;
    check_timeline(&test, &call).await;
    let text = json!(test.timeline(&call).await).to_string();
    let secret = webhook["signingSecret"].as_str().unwrap_or_default().trim_start_matches("whsec_");
    for secret in [secret, &server.keys.test, &server.keys.live, &server.keys.admin] {
        assert!(!text.contains(secret), "the timeline shows a secret");
        assert!(!server.log().contains(secret), "the log shows a secret");
    }
}

async fn check_timeline(test: &Api, call: &str) {
    let lines = test.timeline(call).await;
    let kinds: BTreeSet<_> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    for kind in ["api", "sip", "sdp", "flow", "dtmf", "media", "speech", "webhook", "call"] {
        assert!(kinds.contains(kind), "no line of kind {kind}:\n{}", test.story(call).await);
    }
    let indices: Vec<_> = lines.iter().map(|line| line["index"].as_u64().unwrap_or_default()).collect();
    assert!(indices.is_sorted_by(|a, b| a < b), "{indices:?}");
    let pressed = lines.iter().filter(|line| line["kind"] == "dtmf").count();
    assert_eq!(pressed, 5, "{}", test.story(call).await);
}

/// A refusal in the door's shape: status, code, and the field.
async fn check_refused(test: &Api, path: &str, body: &Value, status: u16, code: &str, param: &str) {
    let answer = test.post(path, body).await;
    assert_eq!(answer.status, status, "{body}: {}", answer.json);
    assert_eq!(answer.fault(), (code, param), "{body}: {}", answer.json);
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_when_the_call_is_placed() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let table = [
        (json!({ "sandbox": { "greetingMs": "long" } }), "invalid_field", "metadata.sandbox.greetingMs"),
        (json!({ "sandbox": { "greeting": 1 } }), "unknown_field", "metadata.sandbox.greeting"),
        (json!({ "sandbox": { "persona": "nobody" } }), "invalid_field", "metadata.sandbox.persona"),
        (json!({ "sandbox": [] }), "invalid_field", "metadata.sandbox"),
        (json!({ "sandboxDigits": "x" }), "invalid_field", "metadata.sandboxDigits"),
    ];
    for (metadata, code, param) in table {
        let order = json!({ "from": OURS, "to": "+15005550000", "metadata": metadata });
        check_refused(&test, "/v1/calls", &order, 400, code, param).await;
    }
    let to = "+4930123456";
    let table = [
        (json!({}), "missing_field", "to"),
        (json!({ "to": "bob" }), "invalid_phone_number", "to"),
        (json!({ "to": to, "from": "bob" }), "invalid_phone_number", "from"),
        (json!({ "to": to, "persona": "nobody" }), "invalid_field", "persona"),
        (json!({ "to": to, "sandbox": { "seed": -1 } }), "invalid_field", "sandbox.seed"),
        (json!({ "to": to, "mood": 1 }), "unknown_field", "mood"),
    ];
    for (order, code, param) in table {
        check_refused(&test, "/v1/sandbox/calls", &order, 400, code, param).await;
    }
    let live = server.live().post("/v1/sandbox/calls", &json!({ "to": to })).await;
    assert_eq!(live.fault().0, "wrong_key_class", "{}", live.json);
}

#[tokio::test]
async fn named_personas_of_the_configuration_are_listed_and_called() {
    let personas = r#"[{name = "grump", number = "+15005551000", base = "impatient", settings = {hangUpAfterMs = 200}}]"#;
    let server =
        Server::start_with(BINARY, Settings::default().set("LYREBIRD_SANDBOX__PERSONAS", personas)).await;
    let test = server.test();
    let list = test.get("/v1/sandbox/personas").await.expect(200);
    let listed = list["data"].as_array().expect("a list");
    assert_eq!((listed.len(), &list["totalCount"]), (24, &json!(24)));
    let grump = json!({ "name": "grump", "number": "+15005551000", "base": "impatient",
        "summary": listed[1]["summary"], "settings": { "hangUpAfterMs": 200 } });
    assert_eq!(listed[23], grump);
    for order in [
        json!({ "from": OURS, "to": "+15005551000" }),
        json!({ "from": OURS, "to": "+15005550007", "metadata": { "sandbox": { "persona": "grump" } } }),
    ] {
        let call = test.place(&order).await;
        assert_eq!(words(&test.wait_for_end(&call).await), ["completed", "hangup"], "{order}");
    }
}

#[tokio::test]
async fn a_persona_calls_the_app_which_answers_and_hears_its_keys() {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    test.make_webhook(&events.url("/"), &["calls.initiated", "calls.completed"]).await;
    let order = json!({ "to": "+4930123456", "from": "+15005550003", "sandbox": { "digits": "7", "pressAfterMs": 100 } });
    let call = test.post("/v1/sandbox/calls", &order).await.expect(201);
    let shown = ["direction", "toAddress", "fromAddress"].map(|name| call[name].as_str().unwrap_or_default());
    assert_eq!(shown, ["inbound", "+4930123456", "+15005550003"]);
    let id = call["id"].as_str().expect("an id");
    assert!(id.starts_with("call_test_"), "{call}");
    events.wait_for_event(id, "calls.initiated").await;
    test.command(id, &json!({ "type": "answer" })).await.expect(200);
    test.wait_for_status(id, "in_progress").await;
    test.command(id, &json!({ "type": "say", "text": "Press a key, please." })).await.expect(200);
    test.wait_for_line(id, "the key", |line| line["kind"] == "dtmf").await;
    test.command(id, &json!({ "type": "hangup" })).await.expect(200);
    assert_eq!(words(&test.wait_for_end(id).await), ["completed", "hangup"]);
    events.wait_for_event(id, "calls.completed").await;
    let heard = heard(&test, id).await;
    assert_eq!(heard.len(), 2, "{heard:?}");
    let story = test.story(id).await;
    assert!(story.contains("← INVITE sip:"), "no real call came in:\n{story}");
}

#[tokio::test]
async fn a_personas_call_is_refused_given_up_and_placed_once() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let call = test.post("/v1/sandbox/calls", &json!({ "to": "+4930123456" })).await.expect(201);
    let id = call["id"].as_str().expect("an id");
    test.command(id, &json!({ "type": "reject" })).await.expect(200);
    test.wait_for_end(id).await;

    let impatient = json!({ "to": "+4930123456", "persona": "human", "ringTimeoutMs": 3_000 });
    let call = test.post("/v1/sandbox/calls", &impatient).await.expect(201);
    let id = call["id"].as_str().expect("an id");
    assert_eq!(words(&test.wait_for_end(id).await), ["canceled", "canceled"], "{}", test.story(id).await);

    let order = json!({ "to": "+4930123456", "persona": "impatient" });
    let post = || test.request(reqwest::Method::POST, "/v1/sandbox/calls").json(&order);
    let first = test.send(post().header("Idempotency-Key", "once")).await;
    let again = test.send(post().header("Idempotency-Key", "once")).await;
    assert_eq!((first.status, again.status), (201, 201), "{} {}", first.json, again.json);
    assert_eq!(first.json, again.json);
    assert_eq!(again.header("idempotent-replayed"), "true");
    let id = first.json["id"].as_str().expect("an id");
    test.command(id, &json!({ "type": "answer" })).await.expect(200);
    assert_eq!(words(&test.wait_for_end(id).await), ["completed", "hangup"]);
}

/// What both sides of an ended test call heard: party and sound.
async fn heard(test: &Api, call: &str) -> Vec<(String, Vec<i16>)> {
    let path = format!("/v1/calls/{call}/heard");
    let list = test.wait_for_answer(&path, "both sides", |list| list["totalCount"] == 2).await;
    let mut sounds = Vec::new();
    for shown in list["data"].as_array().into_iter().flatten() {
        let party = shown["party"].as_str().expect("a party").to_owned();
        let url = shown["url"].as_str().expect("a url");
        let path = url.find("/v1/").map(|at| &url[at..]).expect("a path");
        let answer = test.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "audio/wav"));
        assert_eq!(json!(answer.bytes.len()), shown["bytes"]);
        let clip = audio::decode::read_clip(&answer.bytes, &audio::decode::ClipLimits::default());
        sounds.push((party, clip.expect("a wav").samples));
    }
    sounds
}

/// How much of `sound` is found in what was heard, -1 to 1.
fn similarity(sound: &[i16], heard: &[i16]) -> f64 {
    let found = audio::correlate::align(sound, heard, heard.len());
    found.map_or(0.0, |alignment| alignment.similarity)
}

/// A prompt of ours: a chirp through the telephone band, which resembles nothing but itself.
fn sweep() -> Vec<i16> {
    let rate = 8_000.0_f64;
    let sample = |n: u32| {
        let t = f64::from(n) / rate;
        let phase = std::f64::consts::TAU * (300.0 * t + 600.0 * t * t);
        (phase.sin() * 12_000.0) as i16
    };
    (0..16_000).map(sample).collect()
}

fn write_wav(path: &std::path::Path, samples: &[i16]) {
    let bytes = (samples.len() * 2) as u32;
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + bytes).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    for field in [16_u32, 0x0001_0001, 8_000, 16_000, 0x0010_0002] {
        wav.extend_from_slice(&field.to_le_bytes());
    }
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    std::fs::write(path, wav).expect("a file can be written");
}

#[tokio::test]
async fn what_each_side_heard_is_what_the_other_side_said() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let prompt = sweep();
    write_wav(&server.media_folder().join("sweep.wav"), &prompt);
    let sandbox = json!({ "text": "Good morning, this is the greeting of a test." });
    let order = json!({ "from": OURS, "to": "+15005550000", "metadata": { "sandbox": sandbox },
        "flow": [{ "command": "pause", "lengthMs": 3_000 }, { "command": "playback", "media": ["sweep.wav"] },
                 { "command": "hangup" }] });
    let call = test.place(&order).await;
    test.wait_for_end(&call).await;
    let sounds = heard(&test, &call).await;
    let of = |party: &str| &sounds.iter().find(|sound| sound.0 == party).expect("both sides").1;
    assert!(similarity(&prompt, of("callee")) > 0.9, "the persona did not hear our prompt");

    // The same voice says the same words once more: what was heard resembles it.
    let second = test.place(&order).await;
    test.wait_for_end(&second).await;
    let again = heard(&test, &second).await;
    let first = of("caller");
    let spoken: Vec<i16> =
        first.iter().copied().skip_while(|sample| sample.unsigned_abs() < 500).take(12_000).collect();
    assert!(spoken.len() == 12_000, "we heard no greeting");
    let caller = &again.iter().find(|sound| sound.0 == "caller").expect("both sides").1;
    assert!(similarity(&spoken, caller) > 0.9, "we did not hear its greeting");
    let nothing = test.get(&format!("/v1/calls/{call}/heard/nobody.wav")).await;
    assert_eq!(nothing.status, 404);
}

#[tokio::test]
async fn nothing_is_kept_where_that_is_switched_off() {
    let server =
        Server::start_with(BINARY, Settings::default().set("LYREBIRD_SANDBOX__HEARD", "false")).await;
    let test = server.test();
    let call = test.place_test("+15005550000", &json!([{ "command": "hangup" }])).await;
    test.wait_for_end(&call).await;
    let list = test.get(&format!("/v1/calls/{call}/heard")).await.expect(200);
    assert_eq!(list["totalCount"], 0);
    assert!(std::fs::read_dir(server.data_dir().join("heard")).expect("the folder").next().is_none());
}
