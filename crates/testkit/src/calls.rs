//! Calls through the API: placing, commanding, and waiting for what happens to them by the timeline's long poll.

use crate::PATIENCE;
use crate::api::{Answer, Api};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Longest pause between two looks at the call itself: the timeline may be silent about what is waited for.
const WAIT_MS: u32 = 500;
/// How often a path is looked at that cannot be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Api {
    /// Places a call and gives its id.
    pub async fn place(&self, order: &Value) -> String {
        let call = self.post("/v1/calls", order).await.expect(201);
        call["id"].as_str().expect("a call has an id").to_owned()
    }

    /// Places a call to a persona of the sandbox, with a flow unless it is null.
    pub async fn place_test(&self, to: &str, flow: &Value) -> String {
        self.place(&json!({ "from": "+15005559999", "to": to, "flow": flow })).await
    }

    /// The call.
    pub async fn call(&self, id: &str) -> Value {
        self.get(&format!("/v1/calls/{id}")).await.expect(200)
    }

    /// Gives a command.
    pub async fn command(&self, id: &str, command: &Value) -> Answer {
        self.post(&format!("/v1/calls/{id}/commands"), command).await
    }

    /// The timeline so far.
    pub async fn timeline(&self, id: &str) -> Vec<Value> {
        let page = self.get(&format!("/v1/calls/{id}/timeline")).await.expect(200);
        page["data"].as_array().cloned().expect("a timeline is a list")
    }

    /// Waits until the call is as wanted. Panics with its timeline when the patience is over.
    pub async fn wait_for_call(&self, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut after = 0;
        loop {
            let call = self.call(id).await;
            if wanted(&call) {
                return call;
            }
            if Instant::now() > deadline {
                panic!("{what} did not happen to {call:#}\n{}", self.story(id).await);
            }
            after = self.next_lines(id, after).await.0;
        }
    }

    /// Waits until the call has ended.
    pub async fn wait_for_end(&self, id: &str) -> Value {
        self.wait_for_call(id, "its end", |call| !call["endedAt"].is_null()).await
    }

    /// Waits until the call has this status.
    pub async fn wait_for_status(&self, id: &str, status: &str) -> Value {
        self.wait_for_call(id, status, |call| call["status"] == status).await
    }

    /// Looks at a path again and again until its answer is as wanted, for what no long poll tells. Panics with the
    /// last answer when the patience is over.
    pub async fn wait_for_answer(&self, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            let shown = self.get(path).await.expect(200);
            if wanted(&shown) {
                return shown;
            }
            assert!(Instant::now() < deadline, "{what} did not happen: {shown:#}");
        }
    }

    /// Waits for a line of the timeline. Panics with all of them when the patience is over.
    pub async fn wait_for_line(&self, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut after = 0;
        while Instant::now() < deadline {
            let (next, lines) = self.next_lines(id, after).await;
            after = next;
            if let Some(line) = lines.into_iter().find(|line| wanted(line)) {
                return line;
            }
        }
        panic!("the timeline does not say {what}:\n{}", self.story(id).await);
    }

    /// Waits for all recordings of an ended call to be whole, and gives them.
    pub async fn wait_for_recordings(&self, id: &str) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut after = 0;
        loop {
            let list = self.get(&format!("/v1/calls/{id}/recordings")).await.expect(200);
            let recordings = list["data"].as_array().cloned().unwrap_or_default();
            let whole = |recording: &Value| recording["status"] == "completed";
            if !recordings.is_empty() && recordings.iter().all(whole) {
                return recordings;
            }
            assert!(Instant::now() < deadline, "no whole recordings: {list:#}\n{}", self.story(id).await);
            after = self.next_lines(id, after).await.0;
        }
    }

    /// The bytes of a recording.
    pub async fn recording_file(&self, recording: &Value) -> Vec<u8> {
        let id = recording["id"].as_str().expect("a recording has an id");
        let answer = self.get(&format!("/v1/calls/recordings/{id}/file")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "audio/wav"));
        answer.bytes.to_vec()
    }

    /// The timeline as text, for failure messages.
    pub async fn story(&self, id: &str) -> String {
        let line = |line: &Value| {
            let text = |name: &str| line[name].as_str().unwrap_or_default();
            format!("{} {:<9} {}", text("at"), text("kind"), text("summary"))
        };
        self.timeline(id).await.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    async fn next_lines(&self, id: &str, after: u64) -> (u64, Vec<Value>) {
        let path = format!("/v1/calls/{id}/timeline?after={after}&waitMs={WAIT_MS}");
        let page = self.get(&path).await.expect(200);
        let lines = page["data"].as_array().cloned().unwrap_or_default();
        (page["lastIndex"].as_u64().unwrap_or(after), lines)
    }

    /// Makes a trunk to a peer on loopback (admin key), with fields of its own over the usual ones; gives its id.
    pub async fn make_trunk(&self, peer: SocketAddr, particulars: &Value) -> String {
        let mut trunk =
            json!({ "name": format!("peer {peer}"), "host": peer.ip().to_string(), "port": peer.port() });
        for (name, value) in particulars.as_object().into_iter().flatten() {
            trunk[name] = value.clone();
        }
        let trunk = self.post("/v1/trunks", &trunk).await.expect(201);
        trunk["id"].as_str().expect("a trunk has an id").to_owned()
    }

    /// Assigns a number to an app on a trunk (admin key).
    pub async fn assign(&self, number: &str, app: &str, trunk: &str) {
        let body = json!({ "number": number, "appId": app, "trunkId": trunk });
        self.post("/v1/numbers", &body).await.expect(201);
    }

    /// Makes a webhook (app key) for the events, and gives it with its signing secret.
    pub async fn make_webhook(&self, url: &str, events: &[&str]) -> Value {
        self.post("/v1/webhooks", &json!({ "url": url, "events": events })).await.expect(201)
    }
}
