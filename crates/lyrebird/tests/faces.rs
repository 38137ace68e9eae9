//! A call's timeline in other forms, of real calls on the running binary: explained, drawn, captured, streamed.

#![cfg(test)]

use serde_json::{Value, json};
use std::path::Path;
use testkit::{Api, Receiver, Server, Settings, run};
use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    id: u32,
    name: String,
    data: Value,
}

/// All events of a stream that ends by itself.
async fn stream(api: &Api, call: &str, last_event_id: Option<u32>) -> Vec<Sent> {
    let mut request = api.request(reqwest::Method::GET, &format!("/v1/calls/{call}/events"));
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let answer = api.send(request.header("accept", "text/event-stream")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    let text = String::from_utf8(answer.bytes.to_vec()).expect("a stream is UTF-8");
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim_start().to_owned())
    };
    let sent = text.split("\n\n").filter_map(|block| {
        Some(Sent {
            id: field(block, "id:")?.parse().expect("an id is a number"),
            name: field(block, "event:")?,
            data: serde_json::from_str(&field(block, "data:")?).expect("data is JSON"),
        })
    });
    sent.collect()
}

#[tokio::test]
async fn a_stream_holds_every_event_once_and_goes_on_where_it_was_cut() {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    test.make_webhook(&events.url("/"), &["calls.initiated", "calls.answered", "calls.completed"]).await;
    let flow = json!([{ "command": "say", "text": "Hello." }, { "command": "hangup" }]);
    let call = test.place_test("+15005550000", &flow).await;
    // Opened while the call runs, and read to its end.
    let all = stream(&test, &call, None).await;
    let ids: Vec<_> = all.iter().map(|sent| sent.id).collect();
    assert_eq!(ids, (1..=ids.len() as u32).collect::<Vec<_>>(), "numbered without a gap");
    assert_eq!(all.first().map(|sent| sent.name.as_str()), Some("calls.initiated"));
    assert!(all.iter().any(|sent| sent.name == "calls.completed"), "{all:#?}");
    let hooked = events.wait_for("the end by webhook", |hits| {
        hits.iter().find(|hit| hit.json["event"] == "calls.completed").map(|hit| hit.json.clone())
    });
    let completed = all.iter().find(|sent| sent.name == "calls.completed").map(|sent| sent.data.clone());
    assert_eq!(completed, Some(hooked.await), "the stream says what webhooks say");
    assert_eq!(stream(&test, &call, Some(2)).await, all[2..], "resumed after the second");
    let as_json = test.request(reqwest::Method::GET, &format!("/v1/calls/{call}/events?after=2"));
    let as_json = test.send(as_json.header("accept", "application/json")).await.expect(200);
    assert_eq!(as_json["data"].as_array().map(Vec::len), Some(all.len() - 2));
    assert_eq!(as_json["lastSequence"], all.len());
}

#[tokio::test]
async fn faces_belong_to_whom_the_call_belongs_and_refuse_what_they_do_not_know() {
    let server = Server::start(BINARY).await;
    let (test, live) = (server.test(), server.live());
    let call = test.place_test("+15005550006", &Value::Null).await;
    test.wait_for_end(&call).await;
    for face in ["explain", "ladder.svg", "capture.pcap", "events"] {
        let path = format!("/v1/calls/{call}/{face}");
        assert_eq!(test.get(&path).await.status, 200, "{face}");
        assert_eq!(live.get(&path).await.status, 404, "{face} with a key of the other mode");
        let odd = test.get(&format!("{path}?colour=red")).await;
        assert_eq!((odd.status, odd.fault().1), (400, "colour"), "{face}");
    }
    let request = test.request(reqwest::Method::GET, &format!("/v1/calls/{call}/events"));
    let odd = test.send(request.header("last-event-id", "seven")).await;
    assert_eq!((odd.status, odd.fault().1), (400, "Last-Event-ID"));
}

#[tokio::test]
async fn a_busy_call_explains_itself_in_words_and_in_a_drawing() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let call = test.place_test("+15005550006", &Value::Null).await;
    test.wait_for_end(&call).await;
    let told = test.get(&format!("/v1/calls/{call}/explain")).await.expect(200);
    assert_eq!(told["endReason"], "busy", "{told:#}");
    assert_eq!(told["findings"][0]["code"], "callee_busy", "{told:#}");
    let lines = test.timeline(&call).await;
    let shown = told["findings"][0]["timeline"][0].as_u64().expect("a line shows it");
    let line = lines.iter().find(|line| line["index"] == shown).expect("the line exists");
    assert!(line["summary"].as_str().is_some_and(|text| text.contains("486")), "{line:#}");
    let request = test.request(reqwest::Method::GET, &format!("/v1/calls/{call}/explain"));
    let text = test.send(request.header("accept", "text/plain")).await;
    let text = String::from_utf8_lossy(&text.bytes).into_owned();
    assert!(text.contains("the callee was busy") && text.contains("What happened"), "{text}");
    let drawing = test.get(&format!("/v1/calls/{call}/ladder.svg")).await;
    assert_eq!(drawing.header("content-type"), "image/svg+xml");
    let svg = String::from_utf8_lossy(&drawing.bytes).into_owned();
    for expected in ["INVITE", "486 Busy Here (INVITE)", "ACK", "Your app", "Lyrebird"] {
        assert!(svg.contains(expected), "{expected} in {svg}");
    }
}

/// What tshark says of a capture, one field a column.
async fn tshark(file: &Path, more: &[&str]) -> String {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(more);
    let output = run(command, "tshark").await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    output.stdout
}

#[tokio::test]
async fn tshark_reads_every_message_of_a_capture_and_finds_none_malformed() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let flow = json!([{ "command": "say", "text": "Hello." }, { "command": "hangup" }]);
    let call = test.place_test("+15005550000", &flow).await;
    test.wait_for_end(&call).await;
    let place = tempfile::tempdir().expect("a temporary directory");
    let file = place.path().join("call.pcap");
    let mut command = Command::new(BINARY);
    command.args(["calls", "--key", test.key(), "--url", test.url(), &call, "--capture"]).arg(&file);
    assert_eq!(run(command, "lyrebird").await.code, Some(0));
    let messages = test.timeline(&call).await.iter().filter(|line| line["kind"] == "sip").count();
    assert!(messages >= 6, "INVITE, 100, 180, 200, ACK, BYE, 200");
    let methods = tshark(&file, &["-Y", "sip", "-T", "fields", "-e", "sip.CSeq.method"]).await;
    assert_eq!(methods.lines().count(), messages, "{methods}");
    assert!(methods.contains("INVITE") && methods.contains("BYE"), "{methods}");
    let checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
    let bad = "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0";
    let malformed = tshark(&file, &[checks.as_slice(), &["-Y", bad]].concat()).await;
    assert_eq!(malformed, "", "nothing is malformed");
}
