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
