//! baresip as a phone that registers: with its password and no other, it is called and it calls.

#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Baresip, Receiver, Server, Settings, free_udp_port};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";

/// A server with one phone; gives its id and password.
async fn server_with_phone(settings: Settings) -> (Server, String, String) {
    let server = Server::start_with(BINARY, settings).await;
    let made = server.live().post("/v1/endpoints", &json!({ "username": "alice" })).await.expect(201);
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (server, text("id"), text("password"))
}

async fn wait_for_registration(server: &Server, id: &str) -> Value {
    let path = format!("/v1/endpoints/{id}");
    server.live().wait_for_answer(&path, "a registration", |shown| shown["status"] == "registered").await
}

#[tokio::test]
async fn a_registered_phone_is_called_and_heard() {
    let (server, id, password) = server_with_phone(Settings::default()).await;
    let live = server.live();
    let flow = json!([{ "command": "say", "text": "Hello." }, { "command": "hangup" }]);
    let order = json!({ "from": OURS, "to": "sip:alice", "flow": flow });
    let early = live.place(&order).await;
    let refused = live.wait_for_end(&early).await;
    assert_eq!(refused["status"], "failed", "nobody is registered yet");
    let phone = Baresip::registering("alice", &password, server.sip).await;
    let shown = wait_for_registration(&server, &id).await;
    assert_eq!(shown["registrations"][0]["transport"], "udp", "{shown:#}");
    let call = live.place(&order).await;
    let ended = live.wait_for_end(&call).await;
    assert_eq!(
        (&ended["status"], &ended["endReason"]),
        (&json!("completed"), &json!("hangup")),
        "{}",
        live.story(&call).await
    );
    assert_eq!(phone.heard().await.len(), 1);
}

#[tokio::test]
async fn a_phones_call_reaches_its_app_and_a_wrong_password_nobody() {
    let events = Receiver::start().await;
    let (server, id, password) = server_with_phone(Settings::default().allow(events.addr())).await;
    let live = server.live();
    live.make_webhook(&events.url("/"), &["calls.initiated"]).await;
    let stranger = Baresip::calling("alice", "not-the-password", server.sip, "100").await;
    let _phone = Baresip::calling("alice", &password, server.sip, "100").await;
    let event = events
        .wait_for("the phone's call", |hits| {
            hits.iter().find(|hit| hit.json["event"] == "calls.initiated").map(|hit| hit.json.clone())
        })
        .await;
    let call = event["data"]["call"]["id"].as_str().expect("a call has an id").to_owned();
    assert_eq!(event["data"]["call"]["direction"], "inbound", "{event:#}");
    assert_eq!(event["data"]["call"]["to"], "100", "{event:#}");
    live.command(&call, &json!({ "type": "answer" })).await.expect(200);
    live.wait_for_status(&call, "in_progress").await;
    live.command(&call, &json!({ "type": "hangup" })).await.expect(200);
    live.wait_for_end(&call).await;
    assert_eq!(live.get("/v1/calls").await.expect(200)["totalCount"], 1, "the stranger reached nobody");
    let shown = live.get(&format!("/v1/endpoints/{id}")).await.expect(200);
    assert_eq!(shown["registrations"].as_array().map(Vec::len), Some(1), "{shown:#}");
    drop(stranger);
}

#[tokio::test]
async fn a_registered_phone_is_called_after_a_restart() {
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], free_udp_port()));
    let settings = Settings::default().set("LYREBIRD_SIP_ADDR", &addr.to_string());
    let (mut server, id, password) = server_with_phone(settings).await;
    let _phone = Baresip::registering("alice", &password, server.sip).await;
    let before = wait_for_registration(&server, &id).await;
    server.terminate().await;
    server.restart().await;
    let after = server.live().get(&format!("/v1/endpoints/{id}")).await.expect(200);
    assert_eq!(after["registrations"], before["registrations"], "nobody had to come again");
    let order = json!({ "from": OURS, "to": "sip:alice", "flow": [{ "command": "hangup" }] });
    let call = server.live().place(&order).await;
    let ended = server.live().wait_for_end(&call).await;
    assert_eq!(ended["status"], "completed", "{}", server.live().story(&call).await);
}
