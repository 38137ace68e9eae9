//! Who tries keys at the real binary is slowed down, and nobody else.

#![cfg(test)]

use serde_json::Value;
use testkit::Server;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");

#[tokio::test]
async fn wrong_keys_in_a_row_have_to_wait_and_good_ones_do_not() {
    let server = Server::start(BINARY).await;
    server.live().get("/v1/calls").await.expect(200);
    let mut wrong = Vec::new();
    for number in 0..8 {
        let key = format!("sk_test_app_{number:025}");
        wrong.push(server.api(&key).get("/v1/calls").await);
    }
    let statuses: Vec<_> = wrong.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses[..6], [401; 6]);
    assert_eq!(statuses[6..], [429; 2], "{statuses:?}");
    let last = wrong.pop().expect("an answer");
    assert!(last.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=2).contains(&seconds)));
    assert!(matches!(&last.json["error"], Value::String(text) if text.starts_with("Rate limit exceeded.")));
    server.live().get("/v1/calls").await.expect(200);
    server.api("").get("/readyz").await.expect(200);
}

#[tokio::test]
async fn whoever_reads_figures_with_wrong_keys_waits_as_at_every_door() {
    let settings = testkit::Settings::default().set("LYREBIRD_METRICS__TOKEN", "scraper");
    let server = Server::start_with(BINARY, settings).await;
    let mut statuses = Vec::new();
    for number in 0..4 {
        statuses.push(server.api(&format!("token-{number}")).get("/metrics").await.status);
        statuses.push(server.api(&format!("sk_test_app_{number:025}")).get("/v1/calls").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(server.api("scraper").get("/metrics").await.status, 200);
}

#[tokio::test]
async fn key_and_url_may_stand_behind_the_action() {
    let server = Server::start(BINARY).await;
    let url = format!("http://{}", server.http);
    let added = server
        .command(
            "nobody",
            &["trunks", "add", "--name", "a", "--host", "192.0.2.1", "--key", &server.keys.admin],
        )
        .await;
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let listed =
        server.command("nobody", &["trunks", "list", "--url", &url, "--key", &server.keys.admin]).await;
    assert!(listed.stdout.contains("192.0.2.1"), "{}{}", listed.stdout, listed.stderr);
}
