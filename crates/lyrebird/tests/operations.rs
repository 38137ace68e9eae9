//! What an operator asks of the real binary: is it alive, is it ready, what are its figures.

#![cfg(test)]

use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Api, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");

#[tokio::test]
async fn a_server_says_that_it_lives_and_is_ready_to_anybody() {
    let server = Server::start(BINARY).await;
    let stranger = server.api("");
    assert_eq!(stranger.get("/healthz").await.expect(200), json!({ "status": "ok" }));
    let ready = stranger.get("/readyz").await.expect(200);
    let well = json!({ "accepting": "ok", "store": "ok", "sip": "ok", "media": "ok" });
    assert_eq!(ready, json!({ "status": "ready", "checks": well }));
}

#[tokio::test]
async fn a_full_disk_is_named_and_passes() {
    let server = Server::start_with(BINARY, Settings::default().surviving_file_size_limits()).await;
    server.limit_file_size(Some(0)).await;
    let failing = until(&server.api(""), "/readyz", 503).await;
    assert_eq!(failing["failing"], json!(["store"]), "{failing}");
    server.api("").get("/healthz").await.expect(200);
    server.limit_file_size(None).await;
    until(&server.api(""), "/readyz", 200).await;
}

/// Asks until the status is the expected one.
async fn until(api: &Api, path: &str, status: u16) -> Value {
    let asking = async {
        loop {
            let answer = api.get(path).await;
            if answer.status == status {
                return answer.json;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(testkit::PATIENCE, asking).await.expect("the status comes")
}

#[tokio::test]
async fn figures_need_a_key_on_the_apis_port() {
    let server =
        Server::start_with(BINARY, Settings::default().set("LYREBIRD_METRICS__TOKEN", "scraper")).await;
    for (key, status) in [("", 401), ("nonsense", 401), (server.keys.test.as_str(), 401), ("scraper", 200)] {
        assert_eq!(server.api(key).get("/metrics").await.status, status, "{key}");
    }
    let answer = server.admin().get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let page = String::from_utf8_lossy(&answer.bytes).into_owned();
    for line in page.lines() {
        assert!(line.starts_with("# HELP ") || line.starts_with("# TYPE ") || is_sample(line), "{line}");
    }
    assert!(page.contains("\nlyrebird_calls_running 0\n"), "{page}");
}

/// `name{label="value",…} 1.5`
fn is_sample(line: &str) -> bool {
    let Some((series, value)) = line.rsplit_once(' ') else { return false };
    let name = series.split('{').next().unwrap_or_default();
    let known = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    known && !name.is_empty() && value.parse::<f64>().is_ok()
}

#[tokio::test]
async fn figures_can_have_a_port_of_their_own_or_be_switched_off() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let own = Settings::default().set("LYREBIRD_METRICS__ADDR", &port.to_string());
    let server = Server::start_with(BINARY, own).await;
    assert_eq!(server.admin().get("/metrics").await.status, 404);
    let answer = Api::new(port, "").get("/metrics").await;
    assert!(String::from_utf8_lossy(&answer.bytes).contains("lyrebird_calls_running"));
    assert_eq!(Api::new(port, &server.keys.test).get("/v1/calls").await.status, 404);
    let off = Server::start_with(BINARY, Settings::default().set("LYREBIRD_METRICS__ENABLED", "false")).await;
    assert_eq!(off.admin().get("/metrics").await.status, 404);
}

#[tokio::test]
async fn a_stopping_server_is_not_ready_refuses_new_calls_and_ends_with_its_last_one() {
    let drain = Settings::default().set("LYREBIRD_SHUTDOWN__DRAIN_MS", "60000");
    let mut server = Server::start_with(BINARY, drain).await;
    let test = server.test();
    let order = json!({ "from": "+15005559999", "to": "+15005550000" });
    let call = test.place(&order).await;
    test.wait_for_status(&call, "in_progress").await;
    server.ask_to_stop().await;
    let failing = until(&server.api(""), "/readyz", 503).await;
    assert_eq!(failing["failing"], json!(["accepting"]));
    let refused = test.post("/v1/calls", &order).await;
    assert_eq!((refused.status, refused.fault().0), (503, "draining"));
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    let page = server.admin().get("/metrics").await;
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(
        page.contains("\nlyrebird_draining 1\n") && page.contains("\nlyrebird_calls_running 1\n"),
        "{page}"
    );
    assert!(page.contains("lyrebird_calls_refused_total{code=\"draining\"} 1\n"), "{page}");
    test.command(&call, &json!({ "type": "hangup" })).await.expect(200);
    let ended = std::time::Instant::now();
    assert!(server.wait_for_end(testkit::PATIENCE).await.success());
    assert!(ended.elapsed() < Duration::from_secs(3), "{:?} after the last call", ended.elapsed());
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    test.get("/v1/calls/call_test_000000000000000000000000000").await.expect(404);
    test.send(test.request(Method::GET, "/v1/none/+4915112345678")).await.expect(404);
    let page = server.admin().get("/metrics").await;
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    let counted =
        "lyrebird_http_requests_total{method=\"GET\",route=\"/v1/calls/{call}\",status=\"404\"} 1\n";
    assert!(page.contains(counted), "{page}");
    assert!(page.contains("route=\"none\"") && !page.contains("4915112345678"), "{page}");
}

/// The names in backquotes of the tables in docs/limits.md.
fn documented() -> Vec<&'static str> {
    let page = include_str!("../../../docs/limits.md");
    let words = page.split('`').filter(|word| word.starts_with("lyrebird_") || word.starts_with("process_"));
    words.collect()
}

#[tokio::test]
async fn every_documented_figure_is_there_after_a_call() {
    let receiver = testkit::Receiver::start().await;
    let settings =
        Settings::default().allow(receiver.addr()).set("LYREBIRD_OTEL__ENDPOINT", &receiver.url(""));
    let server = Server::start_with(BINARY, settings).await;
    let test = server.test();
    let hook = json!({ "url": receiver.url("/hook"), "events": ["calls.completed"] });
    test.post("/v1/webhooks", &hook).await.expect(201);
    let flow = json!([{ "command": "say", "text": "Hello." }, { "command": "hangup" }]);
    let call = test.place(&json!({ "from": "+15005559999", "to": "+15005550000", "flow": flow })).await;
    test.wait_for_end(&call).await;
    receiver.wait_for_event(&call, "calls.completed").await;
    let page = server.admin().get("/metrics").await;
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(documented().len() > 50);
    for name in documented() {
        assert!(page.contains(&format!("\n# TYPE {name} ")), "{name} is documented and not there:\n{page}");
    }
    for ended in [
        "lyrebird_calls_ended_total{direction=\"outbound\",mode=\"test\",reason=\"hangup\",source=\"flow\"} 1\n",
        "lyrebird_call_dial_seconds_count{mode=\"test\"} 1\n",
        "lyrebird_webhook_deliveries_made_total 1\n",
    ] {
        assert!(page.contains(ended), "{ended}:\n{page}");
    }
    // And what is there is documented.
    let known = documented();
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE lyrebird_")) {
        let name = format!("lyrebird_{}", line.split(' ').next().unwrap_or_default());
        assert!(known.contains(&name.as_str()), "{name} does not stand in docs/limits.md");
    }
}
