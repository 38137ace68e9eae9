//! A phone of our own does to the server what no peer program can be told to do: cross, lose, challenge oddly, intrude.

#![cfg(test)]

use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};
use testkit::{Datagram, Phone, Server};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";

async fn call(phone: &Phone, trunk: &Value, flow: Value) -> (Server, String) {
    let server = Server::start(BINARY).await;
    server.connect(phone.addr(), trunk, OURS).await;
    let call = server.live().place(&json!({ "from": OURS, "to": THEIRS, "flow": flow })).await;
    (server, call)
}

fn hang_up_at_once() -> Value {
    json!([{ "command": "hangup" }])
}

/// A BYE of the callee within the dialog of the request that it has got; `from` is how it names itself.
fn hang_up_of_the_callee(request: &Datagram, from: &str) -> String {
    let server = request.source;
    let (here, there) = (request.asked_at(), request.header("From"));
    format!(
        "BYE sip:{OURS}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKcrossing\r\nFrom: {from}\r\nTo: \
         {there}\r\nCall-ID: {}\r\nCSeq: 77 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        request.header("Call-ID"),
    )
}

#[tokio::test]
async fn a_callee_that_says_nothing_does_not_hold_the_call() {
    let phone = Phone::silent().await;
    let server = Server::start(BINARY).await;
    server.connect(phone.addr(), &json!({}), OURS).await;
    let (api, order) = (server.live(), json!({ "from": OURS, "to": THEIRS, "ringTimeoutMs": 3_000 }));
    let call = api.place(&order).await;
    let ended = api.wait_for_end(&call).await;
    assert_eq!((&ended["status"], &ended["answeredAt"]), (&json!("failed"), &Value::Null), "{ended:#}");
    assert!(api.story(&call).await.contains("does not respond"));
    let call = api.place(&order).await;
    api.wait_for_line(&call, "the INVITE", |line| {
        line["summary"].as_str().unwrap_or_default().contains("INVITE")
    })
    .await;
    api.command(&call, &json!({ "type": "hangup" })).await.expect(200);
    let ended = api.wait_for_end(&call).await;
    assert_eq!(ended["endReason"], "canceled");
}

#[tokio::test]
async fn two_hang_ups_that_cross_both_get_an_answer() {
    let phone = Phone::start(Box::new(|datagram| match datagram.method() {
        "INVITE" => vec![datagram.accept()],
        // Ours is answered only after theirs is on its way.
        "BYE" => {
            vec![hang_up_of_the_callee(datagram, datagram.header("To")), datagram.answer("200 OK", "", "")]
        }
        _ => Vec::new(),
    }))
    .await;
    let (server, call) = call(&phone, &json!({}), hang_up_at_once()).await;
    let answered =
        |came: &[Datagram]| came.iter().find(|datagram| datagram.code() >= 200).map(Datagram::code);
    let code = phone.wait_for("an answer to the phone's own BYE", answered).await;
    assert!([200, 481].contains(&code), "{code}");
    let ended = server.live().wait_for_end(&call).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("hangup")));
}

#[tokio::test]
async fn a_hang_up_that_is_lost_is_said_again() {
    let mut heard = 0;
    let phone = Phone::start(Box::new(move |datagram| match datagram.method() {
        "INVITE" => vec![datagram.accept()],
        "BYE" => {
            heard += 1;
            if heard < 3 { Vec::new() } else { vec![datagram.answer("200 OK", "", "")] }
        }
        _ => Vec::new(),
    }))
    .await;
    let (server, call) = call(&phone, &json!({}), hang_up_at_once()).await;
    let three = |came: &[Datagram]| {
        let byes: Vec<_> = came.iter().filter(|datagram| datagram.method() == "BYE").collect();
        (byes.len() >= 3).then(|| byes.iter().all(|bye| bye.text == byes[0].text))
    };
    assert!(phone.wait_for("the third BYE", three).await, "they are the same, to the letter");
    let ended = server.live().wait_for_end(&call).await;
    assert_eq!(ended["status"], "completed");
}

/// What a right answer to a challenge with this algorithm and quality of protection looks like (RFC 7616 §3.4.1).
fn right_response<D: Digest>(request: &Datagram, header: &str, password: &str) -> (String, String) {
    let hex = |text: String| {
        D::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let credentials = request.header(header).strip_prefix("Digest ").unwrap_or_default();
    let field = |name: &str| {
        let of_name = |part: &str| {
            part.trim().strip_prefix(name)?.strip_prefix('=').map(|v| v.trim_matches('"').to_owned())
        };
        credentials.split(',').find_map(of_name).unwrap_or_default()
    };
    let secret = hex(format!("{}:{}:{password}", field("username"), field("realm")));
    let what = hex(format!("{}:{}", request.method(), field("uri")));
    let protected = match field("qop") {
        qop if qop.is_empty() => String::new(),
        qop => format!("{}:{}:{qop}:", field("nc"), field("cnonce")),
    };
    (field("response"), hex(format!("{secret}:{}:{protected}{what}", field("nonce"))))
}

async fn check_challenge<D: Digest>(status: &str, challenge: &'static str) {
    let (asks, answers) = match status.get(..3) {
        Some("401") => ("WWW-Authenticate", "Authorization"),
        _ => ("Proxy-Authenticate", "Proxy-Authorization"),
    };
    let status = status.to_owned();
    let phone = Phone::start(Box::new(move |datagram| match datagram.method() {
        "INVITE" if datagram.header(answers).is_empty() => {
            let header = format!("{asks}: Digest realm=\"far away\", nonce=\"n0nce\"{challenge}\r\n");
            vec![datagram.answer(&status, &header, "")]
        }
        "INVITE" => vec![datagram.accept()],
        "BYE" => vec![datagram.answer("200 OK", "", "")],
        _ => Vec::new(),
    }))
    .await;
    let trunk = json!({ "username": "alice", "password": "correct horse" });
    let (server, call) = call(&phone, &trunk, hang_up_at_once()).await;
    let ended = server.live().wait_for_end(&call).await;
    assert_eq!(ended["status"], "completed", "{challenge}: {}", server.live().story(&call).await);
    let with_credentials = |came: &[Datagram]| {
        came.iter()
            .find(|datagram| datagram.method() == "INVITE" && !datagram.header(answers).is_empty())
            .cloned()
    };
    let request = phone.wait_for("an INVITE with credentials", with_credentials).await;
    let (got, right) = right_response::<D>(&request, answers, "correct horse");
    assert_eq!(got, right, "{challenge}: {}", request.header(answers));
    let timeline = json!(server.live().timeline(&call).await).to_string();
    assert!(
        !timeline.contains(&got) && !timeline.contains("correct horse"),
        "the timeline shows a credential"
    );
    assert!(!server.log().contains("correct horse"), "the log shows a credential");
}

#[tokio::test]
async fn challenges_are_answered_by_their_own_rules() {
    check_challenge::<Md5>("401 Unauthorized", "").await;
    check_challenge::<Md5>("407 Proxy Authentication Required", ", algorithm=MD5, opaque=\"0\"").await;
    check_challenge::<Md5>("401 Unauthorized", ", algorithm=MD5, qop=\"auth,auth-int\"").await;
    check_challenge::<Sha256>("401 Unauthorized", ", algorithm=SHA-256, qop=\"auth\"").await;
    check_challenge::<Sha256>("407 Proxy Authentication Required", ", algorithm=SHA-256").await;
}

#[tokio::test]
async fn a_caller_who_never_confirms_is_let_go() {
    let phone = Phone::silent().await;
    let server = Server::start(BINARY).await;
    server.connect(phone.addr(), &json!({}), OURS).await;
    phone.send(server.sip, &phone.request("INVITE", OURS, server.sip, "unconfirmed")).await;
    let live = server.live();
    let arrived = phone.wait_for_answer(180, "INVITE").await;
    let calls = live.get("/v1/calls").await.expect(200);
    let call = calls["data"][0]["id"].as_str().expect("the call has arrived").to_owned();
    live.command(&call, &json!({ "type": "answer" })).await.expect(200);
    // The answer is repeated while no ACK comes (RFC 3261 §13.3.1.4).
    let twice = |came: &[Datagram]| {
        (came.iter().filter(|datagram| datagram.code() == 200).count() >= 2).then_some(())
    };
    phone.wait_for("the answer's repetition", twice).await;
    let answer = phone.wait_for_answer(200, "INVITE").await;
    assert_eq!(arrived.header("Call-ID"), answer.header("Call-ID"));
    phone.send(server.sip, &phone.request_within("ACK", 1, &answer)).await;
    phone.send(server.sip, &phone.request_within("BYE", 2, &answer)).await;
    phone.wait_for_answer(200, "BYE").await;
    assert_eq!(live.wait_for_end(&call).await["status"], "completed");
}

#[tokio::test]
async fn a_hang_up_by_somebody_else_ends_nothing() {
    let phone = Phone::polite().await;
    let (server, call) = call(&phone, &json!({}), Value::Null).await;
    server.live().wait_for_status(&call, "in_progress").await;
    let invite = phone.wait_for_request("INVITE").await;
    // Everything is right but the tag that only the two parties know.
    let forged = hang_up_of_the_callee(&invite, "<sip:x@y.example>;tag=guessed");
    phone.send(server.sip, &forged).await;
    phone.wait_for_answer(481, "BYE").await;
    assert_eq!(server.live().call(&call).await["status"], "in_progress");
}

#[tokio::test]
async fn a_full_trunk_takes_no_more_and_says_so() {
    let phone = Phone::polite().await;
    let (server, first) = call(&phone, &json!({ "concurrentCalls": 1 }), Value::Null).await;
    let live = server.live();
    live.wait_for_status(&first, "in_progress").await;
    let second = live.place(&json!({ "from": OURS, "to": THEIRS })).await;
    let ended = live.wait_for_end(&second).await;
    let story = live.story(&second).await;
    assert_eq!(ended["status"], "failed", "{story}");
    assert!(story.contains("as many calls as it may"), "{story}");
    live.command(&first, &json!({ "type": "hangup" })).await.expect(200);
    live.wait_for_end(&first).await;
    let third = live.place(&json!({ "from": OURS, "to": THEIRS })).await;
    live.wait_for_status(&third, "in_progress").await;
}

/// Datagrams that are no good: cut short, torn, stuffed, or nothing but chance.
fn rubbish(good: &str, state: &mut u64) -> String {
    let mut next = |below: usize| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) as usize % below
    };
    let at = next(good.len());
    match next(4) {
        0 => good[..at].to_owned(),
        1 => good.replacen("\r\n", &"\r\nX: y".repeat(next(20)), 1 + next(3)),
        2 => good[at..].to_owned() + &good[..at],
        _ => (0..next(400)).map(|_| char::from(next(256) as u8)).collect(),
    }
}

#[tokio::test]
async fn rubbish_harms_no_call_and_no_server() {
    let given = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
    let mut state = given.unwrap_or_else(now);
    println!("seed {state}");
    let phone = Phone::polite().await;
    let (server, call) = call(&phone, &json!({}), Value::Null).await;
    server.live().wait_for_status(&call, "in_progress").await;
    let vandal = Phone::silent().await;
    for number in 0..20 {
        let invite = vandal.request("INVITE", OURS, server.sip, &format!("rubbish-{number}"));
        for _ in 0..10 {
            vandal.send(server.sip, &rubbish(&invite, &mut state)).await;
        }
    }
    assert_eq!(server.live().call(&call).await["status"], "in_progress");
    server.live().command(&call, &json!({ "type": "hangup" })).await.expect(200);
    let ended = server.live().wait_for_end(&call).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("hangup")));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
