//! What a running server is told by signals, and what it tells the service manager.

#![cfg(test)]

use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{PATIENCE, Server, Settings};
use tokio::net::UnixDatagram;
use tokio::time::timeout;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");

/// Asks until it holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, asking).await.is_ok(), "{what}");
}

async fn limit(server: &Server) -> String {
    server.test().get("/v1/calls").await.header("x-ratelimit-limit").to_owned()
}

#[tokio::test]
async fn a_changed_configuration_is_taken_and_a_bad_one_is_not() {
    let server = Server::start(BINARY).await;
    assert_eq!(limit(&server).await, "6000");
    let trunk = "[[trunks]]\nname = \"filed\"\nhost = \"192.0.2.9\"\nnumbers = [\"+493012345678\"]\n";
    let config = format!("[limits]\nrequests_per_minute = 500\n[sip]\nuser_agent = \"Other\"\n{trunk}");
    std::fs::write(server.config_file(), config).expect("a file can be written");
    server.hang_up().await;
    until("the new limit holds", async || limit(&server).await == "500").await;
    let trunks = server.admin().get("/v1/trunks").await.expect(200);
    assert_eq!(trunks["data"][0]["name"], "filed", "{trunks}");
    until("the log says what waits", async || {
        server.log().lines().any(|line| line.contains("need a restart") && line.contains("sip.user_agent"))
    })
    .await;
    for bad in [
        "[limits]\nrequests_per_minute = 0\n",
        "nonsense = 1\n",
        "[log]\nlevel = \"a=b=c\"\n[limits]\nrequests_per_minute = 7\n",
    ] {
        let told = server.log().matches("the configuration stays as it was").count();
        std::fs::write(server.config_file(), bad).expect("a file can be written");
        server.hang_up().await;
        until(bad, async || server.log().matches("the configuration stays as it was").count() > told).await;
        assert_eq!(limit(&server).await, "500", "{bad}");
    }
}

async fn reload(server: &Server, config: &str) {
    let told = server.log().matches("the configuration was read again").count();
    std::fs::write(server.config_file(), config).expect("a file can be written");
    server.hang_up().await;
    until("it is read", async || server.log().matches("the configuration was read again").count() > told)
        .await;
}

async fn names(server: &Server, path: &str, field: &str) -> Vec<String> {
    let listed = server.admin().get(path).await.expect(200);
    let mut names: Vec<_> = listed["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one[field].as_str().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn trunks_and_numbers_that_leave_the_file_leave_the_server_and_those_of_the_api_stay() {
    let server = Server::start(BINARY).await;
    let admin = server.admin();
    let made = json!({ "name": "made", "host": "192.0.2.7" });
    admin.post("/v1/trunks", &made).await.expect(201);
    let entry = |name: &str, numbers: &str| {
        format!("[[trunks]]\nname = \"{name}\"\nhost = \"192.0.2.9\"\nnumbers = [{numbers}]\n")
    };
    let (one, two) = ("\"+493012345678\"", "\"+493012345679\"");
    reload(&server, &format!("{}{}", entry("left", &format!("{one}, {two}")), entry("right", ""))).await;
    assert_eq!(names(&server, "/v1/trunks", "name").await, ["left", "made", "right"]);
    assert_eq!(names(&server, "/v1/numbers", "number").await, ["+493012345678", "+493012345679"]);
    // One number moves to the other trunk, one leaves.
    reload(&server, &format!("{}{}", entry("left", ""), entry("right", two))).await;
    assert_eq!(names(&server, "/v1/numbers", "number").await, ["+493012345679"]);
    // A trunk whose file leaves it stays while the API has put a number on it.
    let trunks = admin.get("/v1/trunks").await.expect(200);
    let id_of = |name: &str| {
        let mut trunks = trunks["data"].as_array().expect("a list").iter();
        trunks.find(|trunk| trunk["name"] == name).expect("a trunk")["id"].clone()
    };
    let number = json!({ "number": "+493012345670", "trunkId": id_of("left"), "appId": server.keys.app_id });
    let number = admin.post("/v1/numbers", &number).await.expect(201)["id"].clone();
    reload(&server, "").await;
    assert_eq!(names(&server, "/v1/trunks", "name").await, ["left", "made"]);
    assert_eq!(names(&server, "/v1/numbers", "number").await, ["+493012345670"]);
    let number = number.as_str().unwrap_or_default();
    admin.delete(&format!("/v1/numbers/{number}")).await;
    reload(&server, "").await;
    assert_eq!(names(&server, "/v1/trunks", "name").await, ["made"]);
}

#[tokio::test]
async fn limits_of_calls_and_of_draining_change_while_calls_run() {
    let mut server = Server::start(BINARY).await;
    let test = server.test();
    let order = json!({ "from": "+15005559999", "to": "+15005550000" });
    let first = test.place(&order).await;
    test.wait_for_status(&first, "in_progress").await;
    reload(&server, "[calls]\nat_once_max = 1\n[shutdown]\ndrain_ms = 0\n").await;
    assert!(!server.log().contains("need a restart"), "{}", server.log());
    let refused = test.post("/v1/calls", &order).await;
    assert_eq!((refused.status, refused.fault().0), (429, "concurrency_limit_exceeded"));
    reload(&server, "[calls]\nat_once_max = 2\n[shutdown]\ndrain_ms = 0\n").await;
    let second = test.place(&order).await;
    test.wait_for_status(&second, "in_progress").await;
    let asked = Instant::now();
    server.ask_to_stop().await;
    assert!(server.wait_for_end(PATIENCE).await.success());
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "the limit of 10 s holds no more: {:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn the_log_level_changes_while_the_server_runs() {
    let server = Server::start(BINARY).await;
    server.test().get("/v1/calls").await.expect(200);
    assert!(!server.log().contains("DEBUG"), "{}", server.log());
    std::fs::write(server.config_file(), "[log]\nlevel = \"debug\"\n").expect("a file can be written");
    server.hang_up().await;
    until("debug lines come", async || {
        server.test().get("/v1/calls").await;
        server.log().contains("DEBUG")
    })
    .await;
}

#[tokio::test]
async fn the_service_manager_hears_of_every_state() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join("notify");
    let manager = UnixDatagram::bind(&place).expect("a socket");
    let settings =
        Settings::default().set("NOTIFY_SOCKET", &place.display().to_string()).set("WATCHDOG_USEC", "200000");
    let mut server = Server::start_with(BINARY, settings).await;
    let heard = async |wanted: &str| {
        let mut bytes = [0; 512];
        loop {
            let received = timeout(PATIENCE, manager.recv(&mut bytes)).await;
            let length = received.unwrap_or_else(|_| panic!("{wanted} was not told")).expect("a datagram");
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if text.starts_with(wanted) {
                return text;
            }
        }
    };
    heard("READY=1").await;
    heard("WATCHDOG=1").await;
    heard("WATCHDOG=1").await;
    server.hang_up().await;
    let reloading = heard("RELOADING=1").await;
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    heard("READY=1").await;
    server.ask_to_stop().await;
    heard("STOPPING=1").await;
    assert!(server.wait_for_end(PATIENCE).await.success());
}

#[tokio::test]
async fn told_to_stop_twice_it_ends_its_calls_at_once_and_in_order() {
    let drain = Settings::default().set("LYREBIRD_SHUTDOWN__DRAIN_MS", "600000");
    let mut server = Server::start_with(BINARY, drain).await;
    let test = server.test();
    let call = test.place(&json!({ "from": "+15005559999", "to": "+15005550000" })).await;
    test.wait_for_status(&call, "in_progress").await;
    server.ask_to_stop().await;
    until("it drains", async || server.api("").get("/readyz").await.status == 503).await;
    let asked = Instant::now();
    server.ask_to_stop().await;
    assert!(server.wait_for_end(PATIENCE).await.success());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    server.restart().await;
    let ended = server.test().get(&format!("/v1/calls/{call}")).await.expect(200);
    assert_eq!(ended["endReason"], "server_shutdown", "{ended}");
}
