//! Simulations with the real binary: the command line's exit codes and comparisons, the examples of the manual, the API,
//! and a real sandbox call that is repeated.

#![cfg(test)]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use testkit::{Output, Server, run};
use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples")
}

async fn lyrebird(args: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(examples());
    run(command, "no package: build it first").await
}

fn check(output: &Output, code: i32, words: &[&str]) {
    let said = format!("{}\n{}", output.stdout, output.stderr);
    assert_eq!(output.code, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

fn file(dir: &Path, name: &str, content: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, content).expect("a file can be written");
    path.to_str().expect("a path in UTF-8").to_owned()
}

#[tokio::test]
async fn the_manuals_example_is_as_it_expects() {
    let reminder = [
        "simulate",
        "reminder.json",
        "--persona",
        "dialler",
        "--seed",
        "7",
        "--sandbox",
        r#"{"digits": "1"}"#,
    ];
    let expected = [&reminder[..], &["--expect", "reminder.dialler.expected.json"]].concat();
    check(&lyrebird(&expected).await, 0, &["gathered \"1\"", "answered", "ended: hangup"]);
    let (first, again) = (lyrebird(&reminder).await, lyrebird(&reminder).await);
    assert_eq!(first.stdout, again.stdout, "the same seed is the same call");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = file(dir.path(), "timeline.txt", &first.stdout);
    check(&lyrebird(&[&reminder[..], &["--expect", &text]].concat()).await, 0, &[]);
    let other = lyrebird(&["simulate", "reminder.json", "--persona", "busy", "--expect", &text]).await;
    check(&other, 1, &["not as", "- ", "+ ", "busy"]);
    let failed = file(dir.path(), "failed.json", r#"{"outcome": {"status": "failed"}}"#);
    let unlike = lyrebird(&[&reminder[..], &["--expect", &failed]].concat()).await;
    check(&unlike, 1, &["/outcome/status", "\"failed\" expected", "\"completed\" there"]);
}

#[tokio::test]
async fn what_cannot_be_read_names_the_fault() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let list = file(dir.path(), "list.json", r#"[{"command": "say", "text": "x"}, {"command": "sing"}]"#);
    check(&lyrebird(&["simulate", &list]).await, 2, &["list.json: /1/command", "must be one of say"]);
    let object = file(dir.path(), "object.json", r#"{"flow": [{"command": "hangup"}], "seeds": 3}"#);
    check(&lyrebird(&["simulate", &object]).await, 2, &["object.json: /seeds"]);
    check(
        &lyrebird(&["simulate", "reminder.json", "--persona", "nobody"]).await,
        2,
        &["/persona", "voicemail"],
    );
    check(&lyrebird(&["simulate", "reminder.json", "--network", "good"]).await, 2, &["/network", "mobile"]);
    check(&lyrebird(&["simulate", "nothing.json"]).await, 2, &["nothing.json"]);
    check(&lyrebird(&["simulate", &file(dir.path(), "no.json", "{")]).await, 2, &["no.json"]);
}

#[tokio::test]
async fn a_simulated_call_is_repeated_with_a_changed_flow() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let told = lyrebird(&[
        "simulate",
        "reminder.json",
        "--persona",
        "dialler",
        "--sandbox",
        r#"{"digits": "2"}"#,
        "--json",
    ])
    .await;
    check(&told, 0, &["calls.completed", "gathered"]);
    let call = file(dir.path(), "call.json", &told.stdout);
    check(&lyrebird(&["replay", &call, "--flow", "reminder.json"]).await, 0, &["gathered \"2\""]);
    let changed = r#"[{"command": "gather", "prompt": {"say": {"text": "Press a key."}}, "keysMax": 2, "timeoutMs": 9000}]"#;
    let changed = file(dir.path(), "changed.json", changed);
    check(
        &lyrebird(&["replay", &call, "--flow", &changed]).await,
        1,
        &["- ", "+ ", "step 1: gather", "otherwise"],
    );
    check(&lyrebird(&["replay", &call, "--flow", &call]).await, 2, &["must hold a list"]);
}

#[tokio::test]
async fn the_api_simulates_and_a_real_call_is_repeated() {
    let server = Server::start(BINARY).await;
    let flow: Value = serde_json::from_str(
        &std::fs::read_to_string(examples().join("reminder.json")).expect("the example is there"),
    )
    .expect("the example is JSON");
    let order = json!({ "flow": flow, "persona": "voicemail", "seed": 7, "network": "mobile" });
    for api in [server.test(), server.live()] {
        let answer = api.post("/v1/simulations", &order).await.expect(200);
        assert_eq!(answer["outcome"]["status"], "completed", "{answer}");
        assert_eq!(answer["violation"], Value::Null);
        assert_eq!(answer["events"][0]["event"], "calls.initiated");
    }
    let wide = json!({ "flow": flow, "persona": "dialler", "codecs": ["opus", "g722"] });
    let answer = server.test().post("/v1/simulations", &wide).await.expect(200);
    assert_eq!(answer["figures"]["codec"], "opus", "{answer}");
    server.admin().post("/v1/simulations", &order).await.expect(401);
    let bad = server.test().post("/v1/simulations", &json!({ "flow": [{ "command": "sing" }] })).await;
    assert_eq!(bad.expect(400)["error"]["param"], "flow[0].command");
    let calls = server.test().get("/v1/calls").await.expect(200);
    assert_eq!(calls["totalCount"], 0, "nothing is kept");

    let dir = tempfile::tempdir().expect("a temporary directory");
    let pause = file(dir.path(), "pause.json", r#"[{"command": "pause", "lengthMs": 1000}]"#);
    let order = json!({ "from": "+15005559999", "to": "+15005550000",
        "flow": [{ "command": "pause", "lengthMs": 1000 }], "metadata": { "sandbox": { "answerAfterMs": 100 } } });
    let placed = server.test().post("/v1/calls", &order).await.expect(201);
    let id = placed["id"].as_str().expect("an id");
    let key = server.test().key().to_owned();
    let shown = server.command(&key, &["calls", id, "--follow"]).await;
    check(&shown, 0, &["ended: hangup"]);
    check(&server.command(&key, &["replay", id, "--flow", &pause]).await, 0, &["pause: completed"]);
    let longer = examples().join("reminder.json");
    let longer = longer.to_str().expect("a path in UTF-8");
    check(&server.command(&key, &["replay", id, "--flow", longer]).await, 1, &["+", "step 2: gather"]);
}
