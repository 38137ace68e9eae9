//! Traces of the real binary, as a collector gets them.

#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const FROM: &str = "+4930777123456";
const TO: &str = "+4915177665544";

fn spans(hits: &[testkit::Hit]) -> Vec<Value> {
    let bodies = hits.iter().filter(|hit| hit.path == "/v1/traces").map(|hit| hit.json.clone());
    let of = |body: Value| {
        body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap_or_default()
    };
    bodies.flat_map(of).collect()
}

fn attribute<'a>(span: &'a Value, name: &str) -> &'a Value {
    let all = span["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter()
        .find(|attribute| attribute["key"] == name)
        .map_or(&Value::Null, |found| &found["value"]["stringValue"])
}

#[tokio::test]
async fn a_collector_gets_the_request_and_the_call_that_came_of_it_and_no_number() {
    let collector = Receiver::start().await;
    let settings = Settings::default()
        .set("LYREBIRD_OTEL__ENDPOINT", &collector.url(""))
        .set("LYREBIRD_LOG__LEVEL", "error");
    let server = Server::start_with(BINARY, settings).await;
    let test = server.test();
    let order = json!({ "from": FROM, "to": TO, "flow": [{ "command": "say", "text": "Hi." }, { "command": "hangup" }] });
    let request =
        test.request(reqwest::Method::POST, "/v1/calls").header("x-request-id", "mine-1").json(&order);
    let id = test.send(request).await.expect(201)["id"].as_str().unwrap_or_default().to_owned();
    test.wait_for_end(&id).await;
    let (request, call) = collector
        .wait_for("the spans of the request and the call", |hits| {
            let all = spans(hits);
            let request =
                all.iter().find(|s| s["name"] == "request" && attribute(s, "id") == "mine-1")?.clone();
            let call =
                all.iter().find(|s| s["name"] == "call" && attribute(s, "request") == "mine-1")?.clone();
            Some((request, call))
        })
        .await;
    assert_eq!(request["kind"], 2);
    assert_eq!(call["links"][0]["traceId"], request["traceId"], "{call}");
    assert_eq!(
        (attribute(&call, "mode"), attribute(&call, "end")),
        (&json!("test"), &json!("Hangup")),
        "{call}"
    );
    let steps: Vec<_> =
        call["events"].as_array().into_iter().flatten().filter_map(|e| e["name"].as_str()).collect();
    assert!(["answered", "ended"].iter().all(|step| steps.contains(step)), "{steps:?}");
    let all = collector.hits().iter().map(|hit| hit.json.to_string()).collect::<String>();
    for secret in [&FROM[1..], &TO[1..], server.keys.test.as_str()] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_nothing_but_spans() {
    let settings = Settings::default().set("LYREBIRD_OTEL__ENDPOINT", "http://127.0.0.1:9");
    let server = Server::start_with(BINARY, settings).await;
    let order = json!({ "from": FROM, "to": TO, "flow": [{ "command": "hangup" }] });
    let id = server.test().place(&order).await;
    server.test().wait_for_end(&id).await;
    let counted = async {
        loop {
            let page = server.admin().get("/metrics").await;
            if String::from_utf8_lossy(&page.bytes).contains("lyrebird_otel_spans_total{outcome=\"refused\"}")
            {
                return;
            }
        }
    };
    tokio::time::timeout(testkit::PATIENCE, counted).await.expect("refused spans are counted");
}

#[tokio::test]
async fn the_last_spans_are_sent_before_the_process_ends() {
    let collector = Receiver::start().await;
    let settings = Settings::default()
        .set("LYREBIRD_OTEL__ENDPOINT", &collector.url(""))
        .set("LYREBIRD_SHUTDOWN__DRAIN_MS", "0");
    let mut server = Server::start_with(BINARY, settings).await;
    let id = server.test().place(&json!({ "from": FROM, "to": "+15005550000" })).await;
    server.test().wait_for_status(&id, "in_progress").await;
    server.ask_to_stop().await;
    assert!(server.wait_for_end(testkit::PATIENCE).await.success());
    let ends: Vec<_> = spans(&collector.hits())
        .iter()
        .filter(|span| span["name"] == "call")
        .map(|call| attribute(call, "end").clone())
        .collect();
    assert_eq!(ends.len(), 1, "the call ended as the process did: {ends:?}");
}

#[tokio::test]
async fn a_collector_that_hangs_does_not_hold_the_stop() {
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", hanging.local_addr().expect("its address"));
    let mut server =
        Server::start_with(BINARY, Settings::default().set("LYREBIRD_OTEL__ENDPOINT", &url)).await;
    server.test().get("/v1/calls").await.expect(200);
    let asked = std::time::Instant::now();
    server.ask_to_stop().await;
    assert!(server.wait_for_end(testkit::PATIENCE).await.success());
    assert!(asked.elapsed() < std::time::Duration::from_secs(6), "{:?}", asked.elapsed());
}
