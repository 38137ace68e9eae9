//! The command line of the real binary, as a stranger uses it.

#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Child, Output, Server, Settings, run};
use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");

async fn plain(args: &[&str]) -> Output {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(dir.path()).env("LYREBIRD_DATA_DIR", dir.path().join("data"));
    run(command, "no package: build it first").await
}

fn check(output: &Output, code: i32, words: &[&str]) {
    let said = format!("{}\n{}", output.stdout, output.stderr);
    assert_eq!(output.code, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[tokio::test]
async fn help_leads_a_stranger() {
    let commands = [
        "serve", "init", "call", "calls", "keys", "trunks", "numbers", "simulate", "replay", "sandbox",
        "demo", "config",
    ];
    let help = plain(&["--help"]).await;
    check(&help, 0, &commands);
    check(&help, 0, &["LYREBIRD_DATA_DIR", "LYREBIRD_HTTP_ADDR", "LYREBIRD_SIP_ADDR", "LYREBIRD_RTP_PORTS"]);
    for command in commands {
        check(&plain(&[command, "--help"]).await, 0, &["Usage: lyrebird"]);
    }
    check(&plain(&[]).await, 2, &["Usage"]);
    check(&plain(&["sing"]).await, 2, &["sing"]);
    check(&plain(&["--version"]).await, 0, &["lyrebird "]);
}

#[tokio::test]
async fn the_manual_is_a_configuration_that_works() {
    let manual = plain(&["config"]).await;
    check(&manual, 0, &["[http]", "[sip]", "[rtp]", "[egress]", "data_dir"]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(dir.path().join("lyrebird.toml"), &manual.stdout).expect("a file can be written");
    let mut command = Command::new(BINARY);
    command.args(["init", "--json"]).current_dir(dir.path());
    let init = run(command, "no package: build it first").await;
    check(&init, 0, &[]);
    let keys: Value = serde_json::from_str(&init.stdout).expect("init --json prints JSON");
    let prefixes = [
        ("organizationId", "org_"),
        ("appId", "app_"),
        ("adminKey", "sk_admin_"),
        ("liveKey", "sk_live_app_"),
        ("testKey", "sk_test_app_"),
        ("workspaceId", ""),
        ("channelId", ""),
        ("liveChannelId", ""),
    ];
    assert_eq!(keys.as_object().map(|map| map.len()), Some(prefixes.len()), "{keys}");
    for (name, prefix) in prefixes {
        assert!(keys[name].as_str().is_some_and(|text| text.starts_with(prefix)), "{name}: {keys}");
    }
    let mut again = Command::new(BINARY);
    again.args(["init", "--json"]).current_dir(dir.path());
    check(&run(again, "no package: build it first").await, 1, &["lyrebird keys create"]);
}

#[tokio::test]
async fn keys_are_made_and_revoked_beside_a_running_server() {
    let server = Server::start(BINARY).await;
    let made = server.command("", &["keys", "create", "live", "--name", "desk"]).await;
    check(&made, 0, &["sk_live_app_"]);
    server.api(made.stdout.trim()).get("/v1/calls").await.expect(200);
    let made = server.command("", &["keys", "create", "test", "--name", "laptop"]).await;
    check(&made, 0, &["sk_test_app_"]);
    let key = made.stdout.trim().to_owned();
    let list = server.command("", &["keys", "list"]).await;
    check(&list, 0, &["laptop", "admin", "live", "test"]);
    assert!(!list.stdout.contains(&key), "a key is shown once");
    let line = list.stdout.lines().find(|line| line.contains("laptop")).expect("its line");
    let id = line.split_whitespace().next().expect("its id");
    check(&server.command("", &["keys", "revoke", id]).await, 0, &["revoked"]);
    assert_eq!(server.api(&key).get("/v1/calls").await.status, 401);
    check(&server.command("", &["keys", "revoke", "key_app_nobody"]).await, 1, &["no such key"]);
}

#[tokio::test]
async fn a_call_is_placed_followed_and_listed() {
    let server = Server::start(BINARY).await;
    let key = &server.keys.test;
    let followed = server.command(key, &["call", "--to", "+15005550000", "--say", "Hello"]).await;
    check(&followed, 0, &["INVITE", "180 Ringing", "say: completed", "completed (hangup"]);
    let listed = server.command(key, &["calls"]).await;
    check(&listed, 0, &["completed", "1 in all"]);
    let id = listed.stdout.split_whitespace().find(|word| word.starts_with("call_test_")).expect("its id");
    check(&server.command(key, &["calls", id]).await, 0, &["\"endReason\": \"hangup\"", "say: completed"]);
    let detached = server.command(key, &["call", "--to", "+15005550006", "--detach"]).await;
    check(&detached, 0, &["call_test_"]);
    server.test().wait_for_end(detached.stdout.trim()).await;
}

#[tokio::test]
async fn what_goes_wrong_is_said_and_counts_as_failed() {
    let server = Server::start(BINARY).await;
    let key = &server.keys.test;
    check(&server.command(key, &["call", "--to", "nobody"]).await, 1, &["400", "international form"]);
    check(&server.command("sk_test_app_wrong", &["calls"]).await, 1, &["401"]);
    check(
        &server.command(key, &["call", "--to", "+15005550000", "--flow", "none.json"]).await,
        1,
        &["none.json"],
    );
    check(&server.command(key, &["calls", "--url", "http://127.0.0.1:1"]).await, 1, &["lyrebird serve"]);
    check(&server.command(key, &["trunks", "list"]).await, 1, &["401"]);
}

#[tokio::test]
async fn trunks_and_numbers_are_made_and_removed() {
    let server = Server::start(BINARY).await;
    let key = &server.keys.admin;
    let made = server
        .command(
            key,
            &["trunks", "add", "--name", "carrier", "--host", "192.0.2.7", "--allow", "192.0.2.0/24"],
        )
        .await;
    check(&made, 0, &["trk_", "192.0.2.7"]);
    let made: Value = serde_json::from_str(&made.stdout).expect("JSON");
    let trunk = made["id"].as_str().expect("its id").to_owned();
    check(&server.command(key, &["trunks", "list"]).await, 0, &[&trunk, "carrier", "192.0.2.7 (auto)"]);
    let app = server.keys.app_id.clone();
    let added =
        server.command(key, &["numbers", "add", "+4930100000", "--app", &app, "--trunk", &trunk]).await;
    check(&added, 0, &["ph_", "+4930100000"]);
    let added: Value = serde_json::from_str(&added.stdout).expect("JSON");
    let number = added["id"].as_str().expect("its id").to_owned();
    check(&server.command(key, &["numbers", "list"]).await, 0, &[&number, "+4930100000"]);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let flow = dir.path().join("flow.json");
    std::fs::write(&flow, r#"[{"command": "hangup"}]"#).expect("a file can be written");
    let flow = flow.to_str().expect("a path in UTF-8");
    let set = server.command(key, &["numbers", "flow", &number, flow]).await;
    check(&set, 0, &["\"answersAtOnce\": true"]);
    check(&server.command(key, &["numbers", "flow", &number]).await, 0, &["\"answersAtOnce\": false"]);
    check(&server.command(key, &["trunks", "remove", &trunk]).await, 1, &["409"]);
    check(&server.command(key, &["numbers", "remove", &number]).await, 0, &["removed"]);
    check(&server.command(key, &["trunks", "remove", &trunk]).await, 0, &["removed"]);
    let secretless = server
        .command(key, &["trunks", "add", "--name", "x", "--host", "h.example", "--username", "u"])
        .await;
    check(&secretless, 1, &["LYREBIRD_TRUNK_PASSWORD"]);
}

#[tokio::test]
async fn the_sandbox_runs_as_a_process_of_its_own() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(BINARY);
    command.args(["sandbox", "--addr", "127.0.0.1:0"]).current_dir(dir.path()).env("LYREBIRD_RTP_PORTS", "0");
    let mut sandbox = Child::start(command, "no package: build it first");
    let address = |line: &str| line.strip_prefix("listening sip=").map(str::to_owned);
    let address = sandbox.wait_for_line(testkit::PATIENCE, address).await;
    let server =
        Server::start_with(BINARY, Settings::default().set("LYREBIRD_SANDBOX__NETWORK", &address)).await;
    let test = server.test();
    let flow = json!([{ "command": "gather", "prompt": { "say": { "text": "Pin?" } }, "endKey": "#", "timeoutMs": 10_000 },
        { "command": "hangup" }]);
    let call = test.place_test("+15005550003", &flow).await;
    let ended = test.wait_for_end(&call).await;
    let story = test.story(&call).await;
    assert_eq!(ended["status"], "completed", "{story}");
    assert!(story.contains(&address), "it went to the other process: {story}");
    sandbox.ask_to_stop().await;
    assert!(sandbox.wait(testkit::PATIENCE).await.success());
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_ends_its_calls_and_itself() {
    let settings = Settings::default().set("LYREBIRD_SHUTDOWN__DRAIN_MS", "200");
    let mut server = Server::start_with(BINARY, settings).await;
    let call = server.test().place_test("+15005550000", &Value::Null).await;
    server.test().wait_for_status(&call, "in_progress").await;
    assert!(server.terminate().await.success());
    server.restart().await;
    let ended = server.test().call(&call).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("server_shutdown")));
}

#[tokio::test]
async fn the_demonstration_shows_a_call_and_keeps_serving() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(BINARY);
    command.arg("demo").current_dir(dir.path()).env("LYREBIRD_DATA_DIR", dir.path().join("data"));
    command.env("LYREBIRD_HTTP_ADDR", "127.0.0.1:0").env("LYREBIRD_SIP_ADDR", "127.0.0.1:0");
    command.env("LYREBIRD_RTP_PORTS", "0");
    let mut demo = Child::start(command, "no package: build it first");
    let serving = |line: &str| line.contains("keeps running").then_some(());
    demo.wait_for_line(testkit::PATIENCE * 3, serving).await;
    let shown = demo.stdout().join("\n");
    for word in [
        "curl http",
        "INVITE",
        "gather: completed",
        "skipped",
        "calls.completed",
        "The call is completed (hangup)",
    ] {
        assert!(shown.contains(word), "{word:?} is not in: {shown}");
    }
    let recordings: Vec<_> = shown.lines().filter_map(|line| line.strip_prefix("Its recording:")).collect();
    assert!(!recordings.is_empty(), "{shown}");
    for path in recordings {
        assert!(dir.path().join(path.trim()).is_file(), "{path}");
    }
    demo.ask_to_stop().await;
    assert!(demo.wait(testkit::PATIENCE).await.success());
}

#[tokio::test]
async fn a_client_without_a_url_finds_the_server_where_the_configuration_says() {
    let server = Server::start(BINARY).await;
    let there = |text: String| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("lyrebird.toml"), text).expect("a file can be written");
        let mut command = Command::new(BINARY);
        command.args(["calls"]).current_dir(dir.path()).env("LYREBIRD_KEY", &server.keys.test);
        (dir, command)
    };
    let port = server.http.port();
    for text in [
        format!("[http]\naddr = \"127.0.0.1:{port}\"\n"),
        format!("[http]\naddr = \"0.0.0.0:{port}\"\n"),
        format!("[http]\npublic_url = \"http://127.0.0.1:{port}/\"\n"),
    ] {
        let (_dir, command) = there(text);
        check(&run(command, "no package: build it first").await, 0, &[]);
    }
    let (_dir, command) = there("nonsense = 1\n".to_owned());
    check(&run(command, "no package: build it first").await, 1, &["nonsense", "--url"]);
}
