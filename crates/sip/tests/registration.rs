//! Registrations over the bed: A keeps one at B, or a hand-written registrar; B takes those of phones.
#![cfg(test)]

mod bed;

use bed::{A, B, Bed, RAW, header, response_to};
use sip::digest::{Authenticator, Protected, Verdict};
use sip::registrar::{BindingLimits, Bindings};
use sip::{
    Credentials, Endpoint, EndpointConfig, Event, Hop, Load, Order, RegisterOutcome, Registration,
    RegistrationKey,
};
use std::time::Duration;

const KEY: RegistrationKey = RegistrationKey(7);

fn registration(expires_secs: u64, password: &str) -> Box<Registration> {
    Box::new(Registration {
        registrar_uri: "sip:lyre.example".into(),
        aor: "sip:al@lyre.example".into(),
        contact_user: "al".into(),
        destination: Hop::udp("127.0.0.1:5070".parse().unwrap()),
        credentials: Some(Credentials { username: "al".into(), password: password.into(), realm: None }),
        expires: Duration::from_secs(expires_secs),
    })
}

fn register(expires_secs: u64, password: &str) -> Order {
    Order::Register { key: KEY, registration: registration(expires_secs, password) }
}

/// A bed whose B is a registrar that knows `al` with the password `secret`.
fn with_registrar(seed: u64) -> Bed {
    let mut bed = Bed::new(seed);
    let config = EndpointConfig { registrar: true, ..bed::config(bed.peers[B].address) };
    bed.peers[B].endpoint = Endpoint::new(config, [9; 32]);
    let (clock, mut bindings) = (bed.clock.clone(), Bindings::new(BindingLimits::default()));
    let mut authenticator = Authenticator::new("lyre", [3; 32]);
    bed.behave(B, move |event| {
        let Event::RegisterReceived { request, register } = event else { return Vec::new() };
        let now = clock.get();
        let claim = authenticator.claim(register.authorizations.iter().map(String::as_str));
        let verdict = claim.map_or(Verdict::Unknown, |claim| {
            let request = Protected { method: "REGISTER", uri: &register.request_uri, body: &register.body };
            authenticator.check(&claim, Some(sip::digest::Secret::Password("secret")), request, now)
        });
        let outcome = match verdict {
            Verdict::Granted => bindings.register(&register.user, register, now),
            verdict => RegisterOutcome::Challenge {
                challenges: authenticator.challenges(verdict == Verdict::Stale, now),
            },
        };
        vec![Order::AnswerRegister { request: *request, outcome }]
    });
    bed
}

#[test]
fn a_registration_is_made_kept_and_taken_back() {
    let mut bed = with_registrar(1);
    bed.order(A, register(3_600, "secret"));
    bed.run_ms(10_000_000);
    assert_eq!(bed.heard(A), ["registered 3600 s"; 4], "refreshed before it ended, thrice in 10,000 s");
    let sent: Vec<_> =
        bed.packets.iter().filter(|(_, p)| p.name() == "REGISTER").map(|(_, p)| p.text()).collect();
    assert_eq!(sent.len(), 8, "each time the nonce had become stale");
    for (index, text) in sent.iter().enumerate() {
        assert_eq!(header(text, "Call-ID"), header(&sent[0], "Call-ID"));
        assert_eq!(header(text, "CSeq"), format!("{} REGISTER", index + 1));
        assert_eq!(header(text, "Contact"), "<sip:al@127.0.0.1:5060>;expires=3600");
        assert_eq!(header(text, "From").split(';').next(), Some("<sip:al@lyre.example>"));
    }
    bed.order(A, Order::Unregister { key: KEY });
    bed.run_out();
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("unregistered Some(200)"));
    assert_eq!(header(&bed.last("A REGISTER"), "Contact"), "<sip:al@127.0.0.1:5060>;expires=0");
    assert_eq!(header(&bed.last("B 200 REGISTER"), "Contact"), "", "nothing is bound any more");
}

#[test]
fn a_nonce_is_used_again_while_it_is_fresh() {
    let mut bed = with_registrar(2);
    bed.order(A, register(100, "secret"));
    bed.run_ms(75_000);
    assert_eq!(bed.heard(A).len(), 2);
    assert_eq!(bed.count("A REGISTER"), 3);
    assert!(header(&bed.last("A REGISTER"), "Authorization").contains("nc=00000002"));
}

#[test]
fn a_machine_that_has_another_address_registers_it() {
    let mut bed = with_registrar(9);
    bed.order(A, register(100, "secret"));
    bed.run_ms(1_000);
    let peer = bed.peers[B].address.ip();
    bed.peers[A].endpoint.set_name_towards(peer, "127.0.0.9:5060");
    bed.run_ms(75_000);
    assert_eq!(header(&bed.last("A REGISTER"), "Contact"), "<sip:al@127.0.0.9:5060>;expires=100");
    assert_eq!(bed.heard(A), ["registered 100 s"; 2]);
}

#[test]
fn under_loss_a_registration_holds_all_the_same() {
    for seed in 0..20 {
        let mut bed = with_registrar(seed);
        bed.loss_per_mille = 300;
        bed.order(A, register(120, "secret"));
        bed.run_ms(1_000_000);
        let held = bed.heard(A).iter().filter(|heard| heard.starts_with("registered")).count();
        assert!(held >= 10, "seed {seed}: {:?}", bed.heard(A));
        bed.loss_per_mille = 0;
        bed.order(A, Order::Unregister { key: KEY });
        bed.run_out();
        assert_eq!(bed.heard(A).last().map(String::as_str), Some("unregistered Some(200)"), "seed {seed}");
    }
}

#[test]
fn a_wrong_password_is_tried_once_in_each_round() {
    let mut bed = with_registrar(3);
    bed.order(A, register(3_600, "wrong"));
    bed.run_ms(200_000);
    let heard = bed.heard(A);
    assert_eq!(heard.len(), 3, "at 0, 30 and 90 s and a little: {heard:?}");
    assert!(heard.iter().all(|heard| heard.starts_with("not registered 401")), "{heard:?}");
    assert_eq!(bed.count("A REGISTER"), 6);
    bed.order(A, register(3_600, "secret"));
    bed.run_ms(1_000);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("registered 3600 s"), "new data count at once");
    assert_eq!(bed.peers[A].endpoint.load().registrations, 1);
}

#[test]
fn nobody_there_is_told_and_tried_again() {
    let mut bed = Bed::new(4);
    bed.lose(|_| true);
    bed.order(A, register(3_600, "secret"));
    bed.run_ms(40_000);
    assert!(bed.heard(A)[0].starts_with("not registered 408, again in 3"), "{:?}", bed.heard(A));
    bed.run_ms(40_000);
    bed.order(A, Order::Unregister { key: KEY });
    bed.run_out();
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("unregistered None"));
}

#[test]
fn another_destination_alone_does_not_make_failures_undone() {
    let check = |expires_secs, again: &str| {
        let mut bed = Bed::new(4);
        bed.lose(|_| true);
        bed.order(A, register(3_600, "secret"));
        bed.run_ms(33_000);
        let destination = Hop::udp("127.0.0.2:5070".parse().unwrap());
        let elsewhere = Registration { destination, ..*registration(expires_secs, "secret") };
        bed.order(A, Order::Register { key: KEY, registration: Box::new(elsewhere) });
        bed.run_ms(33_000);
        let heard = bed.heard(A);
        assert!(heard.len() == 2 && heard[1].starts_with(again), "{expires_secs}: {heard:?}");
    };
    check(3_600, "not registered 408, again in 6");
    check(600, "not registered 408, again in 3");
}

/// A's first REGISTER is answered by hand, once for each line; then what it heard and sent.
fn scripted(answers: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut bed = Bed::new(5);
    bed.lose(|_| true);
    bed.order(A, register(600, "secret"));
    for (status, more) in answers {
        let sent = bed.last("A REGISTER");
        bed.inject(A, "127.0.0.1:5070", &response_to(&sent, status, "t", more, ""));
    }
    let sent = bed.packets.iter().map(|(_, packet)| packet.text()).collect();
    (bed.heard(A), sent)
}

#[test]
fn what_a_registrar_says_is_understood() {
    let check = |answers: &[(&str, &str)], heard: &str, registers: usize| {
        let (got, sent) = scripted(answers);
        assert_eq!((got.join("; "), sent.len()), (heard.to_owned(), registers), "{answers:?}");
    };
    let ours = "Contact: <sip:al@127.0.0.1:5060>";
    check(&[("200 OK", &format!("{ours};expires=60\r\n"))], "registered 60 s", 1);
    check(
        &[("200 OK", &format!("Contact: <sip:x@y>;expires=9\r\n{ours};expires=70\r\n"))],
        "registered 70 s",
        1,
    );
    check(&[("200 OK", &format!("{ours}\r\nExpires: 80\r\n"))], "registered 80 s", 1);
    check(&[("200 OK", "")], "registered 600 s", 1);
    check(&[("200 OK", "Contact: <sip:al@203.0.113.9:4444>;expires=90\r\n")], "registered 90 s", 1);
    check(&[("100 Trying", "")], "", 1);
    check(&[("423 Interval Too Brief", "Min-Expires: 1800\r\n"), ("200 OK", "")], "registered 1800 s", 2);
    let (_, sent) = scripted(&[("423 Interval Too Brief", "Min-Expires: 1800\r\n")]);
    assert_eq!(header(&sent[1], "Expires"), "1800");
    let failed = |code: &str, answers: &[(&str, &str)], registers| {
        let (got, sent) = scripted(answers);
        assert!(
            got.len() == 1 && got[0].starts_with(&format!("not registered {code}")),
            "{answers:?}: {got:?}"
        );
        assert_eq!(sent.len(), registers, "{answers:?}");
    };
    failed("200", &[("200 OK", "Contact: <sip:x@y>\r\nContact: <sip:z@y>\r\n")], 1);
    failed("200", &[("200 OK", &format!("{ours};expires=0\r\n"))], 1);
    failed("423", &[("423 Interval Too Brief", "")], 1);
    failed("423", &[("423 Interval Too Brief", "Min-Expires: 60\r\n")], 1);
    failed("403", &[("403 Forbidden", "")], 1);
    failed("503", &[("503 Busy", "Retry-After: 3600\r\n")], 1);
    failed("401", &[("401 Who", "")], 1);
    let again = ("401 Who", "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n");
    failed("401", &[again, again], 2);
    let stale = ("401 Who", "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", stale=true\r\n");
    failed("401", &[again, stale, stale, stale, stale, stale], 6);
    let proxy = ("407 Who", "Proxy-Authenticate: Digest realm=\"p\", nonce=\"1\"\r\n");
    let (got, sent) = scripted(&[proxy, again, ("200 OK", "")]);
    assert_eq!(got, ["registered 600 s"]);
    assert!(
        !header(&sent[2], "Authorization").is_empty() && !header(&sent[2], "Proxy-Authorization").is_empty()
    );
}

#[test]
fn credentials_go_to_nobody_else() {
    let mut bed = Bed::new(6);
    bed.lose(|_| true);
    bed.order(A, register(600, "secret"));
    let more = "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n";
    let answer = response_to(&bed.last("A REGISTER"), "401 Who", "t", more, "");
    bed.inject(A, "192.0.2.66:5060", &answer);
    assert_eq!(bed.count("A REGISTER"), 1);
    assert!(bed.heard(A)[0].starts_with("not registered 401"));
}

#[test]
fn orders_that_make_no_sense_are_refused() {
    let mut bed = Bed::new(7);
    let now = bed.now;
    let mut check = |change: &dyn Fn(&mut Registration), wanted: &str| {
        let mut changed = registration(600, "secret");
        change(&mut changed);
        let order = Order::Register { key: KEY, registration: changed };
        let got = bed.peers[A].endpoint.handle_order(order, now).unwrap_err();
        assert_eq!(format!("{got:?}"), wanted);
    };
    check(&|r| r.aor = "tel:+1".into(), "BadUri");
    check(&|r| r.aor = "nonsense".into(), "BadUri");
    check(&|r| r.registrar_uri = "sip:user@lyre.example".into(), "BadUri");
    check(&|r| r.registrar_uri = "sip:lyre.example?x=y".into(), "BadUri");
    let unregister = Order::Unregister { key: KEY };
    assert!(bed.peers[A].endpoint.handle_order(unregister, now).is_err());
    assert_eq!(bed.peers[A].endpoint.load(), Load::default());
}

const REGISTER: &str = "REGISTER sip:lyre.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKr\r\n\
    From: <sip:al@lyre.example>;tag=1\r\nTo: <sip:A%6c@Lyre.example>\r\nCall-ID: c\r\nCSeq: 4 REGISTER\r\n\
    Contact: <sip:al@10.0.0.9>;q=0.5, <sip:al@10.0.0.8>;expires=90\r\nExpires: 600\r\nPath: <sip:p;lr>\r\n\
    Content-Length: 0\r\n\r\n";

fn registrar() -> Bed {
    let mut bed = Bed::new(8);
    let config = EndpointConfig { registrar: true, ..bed::config(bed.peers[B].address) };
    bed.peers[B].endpoint = Endpoint::new(config, [9; 32]);
    bed
}

#[test]
fn a_register_is_shown_as_it_stands() {
    let mut bed = registrar();
    bed.inject(B, RAW, REGISTER);
    bed.inject(B, RAW, REGISTER);
    let [(_, Event::RegisterReceived { request, register })] = &bed.peers[B].events[..] else { panic!() };
    let request = *request;
    assert_eq!((&*register.user, &*register.domain, register.cseq), ("Al", "lyre.example", 4));
    let contacts: Vec<_> =
        register.contacts.iter().map(|c| (&*c.uri, c.expires_secs, c.q_thousandths)).collect();
    assert_eq!(contacts, [("sip:al@10.0.0.9", Some(600), 500), ("sip:al@10.0.0.8", Some(90), 1_000)]);
    assert_eq!(register.path, ["<sip:p;lr>"]);
    let contact = sip::BoundContact { uri: "sip:al@10.0.0.9".into(), expires_secs: 600, q_thousandths: 500 };
    bed.order(
        B,
        Order::AnswerRegister { request, outcome: RegisterOutcome::Accept { contacts: vec![contact] } },
    );
    let answer = bed.last("B 200 REGISTER");
    assert_eq!(header(&answer, "Contact"), "<sip:al@10.0.0.9>;q=0.500;expires=600");
    assert_eq!(header(&answer, "Path"), "<sip:p;lr>");
    bed.inject(B, RAW, REGISTER);
    assert_eq!(bed.count("B 200 REGISTER"), 2, "a retransmission gets the same answer");
    bed.run_out();
}

#[test]
fn registers_are_answered_as_ordered() {
    let check = |outcome: RegisterOutcome, wanted: &str, name: &str, value: &str| {
        let mut bed = registrar();
        bed.inject(B, RAW, REGISTER);
        let (_, Event::RegisterReceived { request, .. }) = &bed.peers[B].events[0] else { panic!() };
        let request = *request;
        bed.order(B, Order::AnswerRegister { request, outcome });
        assert_eq!(header(&bed.last(wanted), name), value);
        bed.run_out();
    };
    let challenges = vec!["Digest realm=\"r\", nonce=\"n\"".to_owned()];
    let challenge = RegisterOutcome::Challenge { challenges };
    check(challenge, "B 401 REGISTER", "WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"");
    check(RegisterOutcome::IntervalTooBrief { min_secs: 60 }, "B 423 REGISTER", "Min-Expires", "60");
    let refuse = RegisterOutcome::Refuse { code: 503, retry_after_secs: Some(9) };
    check(refuse, "B 503 REGISTER", "Retry-After", "9");
}

#[test]
fn registers_that_cannot_be_served_get_their_code() {
    let check = |from: &str, to: &str, wanted: &str| {
        let mut bed = registrar();
        assert!(REGISTER.contains(from));
        bed.inject(B, RAW, &REGISTER.replacen(from, to, 1));
        assert_eq!(bed.wire(), [wanted], "{to}");
        assert!(bed.heard(B).is_empty());
    };
    let contacts = "<sip:al@10.0.0.9>;q=0.5, <sip:al@10.0.0.8>;expires=90";
    check(contacts, "*", "B 400 REGISTER");
    check(contacts, &vec!["<sip:a@b>"; 17].join(","), "B 400 REGISTER");
    check(contacts, "<<>>", "B 400 REGISTER");
    check("<sip:A%6c@Lyre.example>", "<tel:+1>", "B 400 REGISTER");
    check("Expires: 600", "Require: gruu", "B 420 REGISTER");
    let mut bed = registrar();
    let star = REGISTER.replacen(contacts, "*", 1).replacen("Expires: 600", "Expires: 0", 1);
    bed.inject(B, RAW, &star);
    assert!(matches!(&bed.peers[B].events[0].1, Event::RegisterReceived { register, .. } if register.star));
}

#[test]
fn an_application_that_says_nothing_costs_the_phone_a_503() {
    let mut bed = registrar();
    bed.inject(B, RAW, REGISTER);
    bed.run_ms(21_000);
    assert_eq!(bed.count("B 503 REGISTER"), 1);
    bed.run_out();
}
