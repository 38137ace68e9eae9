//! kamailio between us and sipp, on the way of every request of a dialog (Record-Route, loose routing), over UDP, TCP and
//! TLS: calls both ways, held and taken up again, and each side hangs up. Where it is TLS between us, sipp speaks UDP.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::SocketAddr;
use testkit::{Baresip, Certificates, Kamailio, Receiver, Server, Settings, Sipp, free_udp_port};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";

/// A server whose trunk is the proxy.
struct Scene {
    server: Server,
    events: Receiver,
    proxy: Kamailio,
    _files: Option<Certificates>,
}

/// The server takes TLS at this address, and trusts the authority of the files.
fn secure(settings: &Settings, files: &Certificates, tls: SocketAddr) -> Settings {
    let path = |path: std::path::PathBuf| path.display().to_string();
    settings
        .clone()
        .set("LYREBIRD_SIP__TLS_ADDR", &tls.to_string())
        .set("LYREBIRD_SIP__TLS__CERT", &path(files.certificate()))
        .set("LYREBIRD_SIP__TLS__KEY", &path(files.key()))
        .set("LYREBIRD_SIP__TLS__CA", &path(files.authority()))
}

impl Scene {
    /// The proxy passes calls for `THEIRS` to `callee`, and for `OURS` to the server.
    async fn new(transport: &str, callee: Option<SocketAddr>) -> Self {
        let files = if transport == "tls" { Some(Certificates::make().await) } else { None };
        let events = Receiver::start().await;
        let tls = SocketAddr::from(([127, 0, 0, 1], free_udp_port()));
        let settings = Settings::default().allow(events.addr());
        let settings = files.as_ref().map_or_else(|| settings.clone(), |files| secure(&settings, files, tls));
        let server = Server::start_with(BINARY, settings).await;
        server.live().make_webhook(&events.url("/"), &["calls.initiated"]).await;
        let theirs = (THEIRS, callee.unwrap_or(server.sip), if files.is_some() { "udp" } else { transport });
        let (proxy, addr) = match &files {
            Some(files) => {
                let ways = [(OURS, tls, transport), theirs];
                let proxy = Kamailio::start_secure(Kamailio::place(), &ways, files).await;
                let addr = proxy.tls_addr();
                (proxy, addr)
            }
            None => {
                let ways = [(OURS, server.sip, transport), theirs];
                let proxy = Kamailio::start(Kamailio::place(), &ways).await;
                let addr = proxy.addr();
                (proxy, addr)
            }
        };
        server.connect(addr, &json!({ "transport": transport }), OURS).await;
        Self { server, events, proxy, _files: files }
    }

    async fn ended(&self, call: &str) {
        let ended = self.server.live().wait_for_end(call).await;
        let story = self.server.live().story(call).await;
        let shown = (&ended["status"], &ended["endReason"]);
        assert_eq!(shown, (&json!("completed"), &json!("hangup")), "{story}\n{}", self.proxy.story());
    }

    /// Each of these was passed on by the proxy within the dialog, so often.
    fn check_passed(&self, expected: &[(&str, usize)]) {
        let story = self.proxy.story();
        for (method, times) in expected {
            let found =
                story.lines().filter(|line| line.ends_with(&format!("within a dialog: {method}"))).count();
            assert_eq!(found, *times, "{method}\n{story}");
        }
    }

    async fn answered(&self) -> String {
        let event = self.events.wait_for_event("", "calls.initiated").await;
        let call = event["data"]["call"]["id"].as_str().expect("a call has an id").to_owned();
        self.server.live().command(&call, &json!({ "type": "answer" })).await.expect(200);
        call
    }
}

async fn sipp_called(transport: &str, score: &str) -> Sipp {
    match transport {
        "tcp" => Sipp::callee_over_tcp(score).await,
        _ => Sipp::callee(score).await,
    }
}

fn sipp_calling(transport: &str, scene: &Scene, score: &str) -> Sipp {
    let proxy = scene.proxy.addr();
    match transport {
        "tcp" => Sipp::caller_over_tcp(proxy, THEIRS, OURS, score),
        _ => Sipp::caller(proxy, THEIRS, OURS, score),
    }
}

/// We call through the proxy; the callee goes on with `score` once it has answered.
async fn check_outbound(transport: &str, score: &str, flow: Value, passed: &[(&str, usize)]) {
    let score = format!("through a proxy\n < INVITE\n > 180 INVITE\n > 200 INVITE sdp\n < ACK\n {score}");
    let callee = sipp_called(transport, &score).await;
    let scene = Scene::new(transport, Some(callee.addr())).await;
    let order = json!({ "from": OURS, "to": THEIRS, "flow": flow });
    let call = scene.server.live().place(&order).await;
    scene.ended(&call).await;
    callee.finish().await;
    scene.check_passed(passed);
}

/// The caller goes on with `score` once we have answered; we hang up where it waits for that.
async fn check_inbound(transport: &str, score: &str, passed: &[(&str, usize)]) {
    let scene = Scene::new(transport, None).await;
    let score = format!("through a proxy\n > INVITE sdp\n <? 100\n <? 180\n < 200\n > ACK\n {score}");
    let caller = sipp_calling(transport, &scene, &score);
    let call = scene.answered().await;
    if score.contains("< BYE") {
        scene.server.live().wait_for_status(&call, "in_progress").await;
        scene.server.live().command(&call, &json!({ "type": "hangup" })).await.expect(200);
    }
    scene.ended(&call).await;
    caller.finish().await;
    scene.check_passed(passed);
}

const HELD_AND_LEFT: &str = "
    > INVITE hold
    <? 100
    < 200
    > ACK
    > INVITE sdp
    <? 100
    < 200
    > ACK
    > BYE
    < 200";
const LEFT: &str = "< BYE\n > 200 BYE";

#[tokio::test]
async fn over_udp_we_call_and_hang_up() {
    check_outbound("udp", LEFT, json!([{ "command": "hangup" }]), &[("ACK", 1), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_udp_who_we_called_holds_and_hangs_up() {
    check_outbound("udp", HELD_AND_LEFT, Value::Null, &[("INVITE", 2), ("ACK", 3), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_udp_we_are_called_and_hang_up() {
    check_inbound("udp", LEFT, &[("ACK", 1), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_udp_who_calls_us_holds_and_hangs_up() {
    check_inbound("udp", HELD_AND_LEFT, &[("INVITE", 2), ("ACK", 3), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_tcp_we_call_and_hang_up() {
    check_outbound("tcp", LEFT, json!([{ "command": "hangup" }]), &[("ACK", 1), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_tcp_who_we_called_holds_and_hangs_up() {
    check_outbound("tcp", HELD_AND_LEFT, Value::Null, &[("INVITE", 2), ("ACK", 3), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_tcp_we_are_called_and_hang_up() {
    check_inbound("tcp", LEFT, &[("ACK", 1), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_tcp_who_calls_us_holds_and_hangs_up() {
    check_inbound("tcp", HELD_AND_LEFT, &[("INVITE", 2), ("ACK", 3), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_tls_we_call_and_hang_up() {
    check_outbound("tls", LEFT, json!([{ "command": "hangup" }]), &[("ACK", 1), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_tls_who_we_called_holds_and_hangs_up() {
    check_outbound("tls", HELD_AND_LEFT, Value::Null, &[("INVITE", 2), ("ACK", 3), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_tls_we_are_called_and_hang_up() {
    check_inbound("tls", LEFT, &[("ACK", 1), ("BYE", 1)]).await;
}

#[tokio::test]
async fn over_tls_who_calls_us_holds_and_hangs_up() {
    check_inbound("tls", HELD_AND_LEFT, &[("INVITE", 2), ("ACK", 3), ("BYE", 1)]).await;
}

#[tokio::test]
async fn a_phone_behind_the_proxy_is_called() {
    let phone = Baresip::answering(THEIRS).await;
    let scene = Scene::new("udp", Some(phone.addr())).await;
    let flow = json!([{ "command": "say", "text": "Hello." }, { "command": "hangup" }]);
    let call = scene.server.live().place(&json!({ "from": OURS, "to": THEIRS, "flow": flow })).await;
    scene.ended(&call).await;
    scene.check_passed(&[("ACK", 1), ("BYE", 1)]);
    assert_eq!(phone.heard().await.len(), 1);
}
