//! Which words are found in which room, and which look alike and are not.

use super::super::source;
use super::super::tree::Tree;
use super::*;

fn check_code(path: &str, code: &str, expected: &[&str]) {
    let found = check(&source::parse_all(&Tree::from_texts(&[(path, code)])));
    let found: Vec<&str> = found.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(found, expected, "{path}: {code}");
}

#[test]
fn a_pure_room_names_no_socket_clock_thread_or_chance() {
    for (code, word) in [
        ("async fn f() { tokio::time::sleep(d).await }", "tokio"),
        ("use std::net::{IpAddr, UdpSocket};", "UdpSocket"),
        ("fn f(s: TcpStream) {}", "TcpStream"),
        ("fn f() { std::time::Instant::now(); }", "Instant::now"),
        ("fn f() { SystemTime::now(); }", "SystemTime::now"),
        ("fn f() { let x = rand::random::<u8>(); }", "rand"),
        ("fn f() { getrandom::fill(&mut b); }", "getrandom"),
        ("use std::{fs, io};", "std::fs"),
        ("fn f() { std::thread::sleep(d) }", "std::thread"),
    ] {
        for room in ["model", "sip", "rtp", "audio", "call"] {
            let path = format!("crates/{room}/src/lib.rs");
            check_code(&path, code, &[&format!("`{room}` names `{word}`")]);
        }
        check_code("crates/media/src/lib.rs", code, &[]);
        check_code("crates/sip/tests/peer.rs", code, &[]);
    }
}

#[test]
fn what_only_looks_like_a_forbidden_word_is_allowed() {
    check_code(
        "crates/sip/src/lib.rs",
        "use std::net::SocketAddr;\nfn f(rand: u8, now: Instant) { rand }",
        &[],
    );
    check_code("crates/call/src/lib.rs", "// INVITE, tokio\nfn invited() { \"an uninvited guest\" }", &[]);
    check_code(
        "crates/model/src/lib.rs",
        "const A: &str = \"lyrebird\"; struct Lyrebird; fn birds() {}",
        &[],
    );
    check_code("crates/engine/src/lib.rs", "fn f() { \"select one\"; }", &[]);
}

#[test]
fn the_brain_and_the_engine_say_no_signalling_word() {
    for room in ["call", "engine"] {
        let path = format!("crates/{room}/src/lib.rs");
        let sip = format!("`{room}` names `sip`");
        let invite = format!("`{room}` names `invite`");
        let sdp = format!("`{room}` names `sdp`");
        check_code(&path, "use sip::Message;", &[&sip]);
        check_code(&path, "fn send_invite() {}", &[&invite]);
        check_code(&path, "enum E { ReInvite }", &[&invite]);
        check_code(&path, "const A: &str = \"INVITE failed\";", &[&invite]);
        check_code(&path, "struct SDPOffer; struct SdpAnswer { sdp: u8 }", &[&sdp]);
    }
    check_code("crates/carriers/src/trunk/mod.rs", "use sip::Message; fn invite() {}", &[]);
}

#[test]
fn sql_is_written_in_the_store_alone() {
    let sql = "const Q: &str = \"SELECT 1 FROM x\";";
    check_code("crates/engine/src/lib.rs", sql, &["`engine` names `SELECT`"]);
    check_code("crates/api/src/lib.rs", "use sqlx::Row;", &["`api` names `sqlx`"]);
    check_code("crates/store/src/lib.rs", sql, &[]);
    check_code("crates/lyrebird/tests/crash.rs", sql, &[]);
}

#[test]
fn customers_urls_are_reached_through_egress_alone() {
    let code = "use reqwest::Client;";
    check_code("crates/engine/src/webhooks.rs", code, &["`engine` names `reqwest`"]);
    check_code("crates/carriers/src/trunk/mod.rs", code, &["`carriers` names `reqwest`"]);
    for path in [
        "crates/engine/src/egress.rs",
        "crates/engine/src/egress/client.rs",
        "crates/speech/src/http.rs",
        "crates/lyrebird/src/main.rs",
        "crates/testkit/src/lib.rs",
        "crates/api/tests/door.rs",
    ] {
        check_code(path, code, &[]);
    }
}

#[test]
fn vendors_words_stay_in_the_doors() {
    let code = "struct BirdDoor;\nfn kupe_id() {}\nconst C: &str = \"Chirp\";\nmod vcita {}\nenum D { VCita }\nfn f(v_id: vCitaId) {}";
    let expected = |room: &str| {
        ["bird", "kupe", "chirp", "vcita", "vcita", "vcita"].map(|word| format!("`{room}` names `{word}`"))
    };
    for room in ["model", "carriers", "engine"] {
        let expected = expected(room);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check_code(&format!("crates/{room}/src/lib.rs"), code, &expected);
    }
    check_code("crates/api/src/lib.rs", code, &[]);
    check_code("crates/lyrebird/src/main.rs", code, &[]);
}

#[test]
fn a_carrier_names_no_other_carrier() {
    let trunk = "the carrier `trunk` names the carrier `sandbox`";
    let sandbox = "the carrier `sandbox` names the carrier `trunk`";
    check_code("crates/carriers/src/trunk/mod.rs", "use crate::sandbox::Persona;", &[trunk]);
    check_code("crates/carriers/src/trunk/leg.rs", "use super::super::{sandbox};", &[trunk]);
    check_code("crates/carriers/src/trunk.rs", "fn f() { crate::sandbox::x() }", &[trunk]);
    check_code("crates/carriers/src/sandbox/mod.rs", "use crate::{sandbox, trunk};", &[sandbox]);
    check_code("crates/carriers/src/sandbox/mod.rs", "use crate::wire; fn f(trunk: u8) {}", &[]);
    check_code("crates/carriers/src/trunk/mod.rs", "#[cfg(test)]\nmod t { use crate::sandbox; }", &[]);
    check_code("crates/carriers/src/lib.rs", "use crate::trunk; use crate::sandbox;", &[]);
}

#[test]
fn identifiers_fall_into_words() {
    for (text, expected) in [
        ("BirdDoor", vec!["Bird", "Door"]),
        ("SDPOffer", vec!["SDP", "Offer"]),
        ("vCitaDoor", vec!["vCita", "Door"]),
        ("VCita", vec!["VCita"]),
        ("sendSDP", vec!["send", "SDP"]),
        ("a", vec!["a"]),
        ("", vec![]),
    ] {
        assert_eq!(camel_parts(text).collect::<Vec<_>>(), expected, "{text}");
    }
}
