//! Calls over TCP and TLS: nothing is repeated but what RFC 3261 §13.3.1.4 asks for, transactions end at once, Via and
//! Contact lead back the same way; large requests change over to TCP; many transactions at once.
#![cfg(test)]

mod bed;

use bed::{A, ANSWER, B, Bed, RAW, answer_at_once, call, hang_up, header, response_to};
use sip::{CallKey, Endpoint, EndpointConfig, Event, Hop, Limits, Order, OutgoingCall, Rejection, Transport};

fn call_over(transport: Transport) -> OutgoingCall {
    let destination = Hop::new(transport, "127.0.0.1:5070".parse().unwrap());
    OutgoingCall { destination, ..call() }
}

fn place(key: u64, call: OutgoingCall) -> Order {
    Order::Invite { key: CallKey(key), call: Box::new(call) }
}

#[test]
fn a_call_over_a_stream_repeats_nothing() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut bed = Bed::new(1);
        // Slow enough that over UDP all would be sent again.
        bed.delay_ms = 700..701;
        bed.behave(
            B,
            |event| if let Event::Incoming { .. } = event { answer_at_once(event) } else { Vec::new() },
        );
        bed.order(A, place(1, call_over(transport)));
        bed.run_ms(5_000);
        bed.order(A, hang_up(CallKey(1)));
        bed.run_ms(3_000);
        assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended Local"));
        for (name, count) in [("A INVITE", 1), ("A BYE", 1), ("B 200 BYE", 1)] {
            assert_eq!(bed.count(name), count, "{transport:?} {name}");
        }
        // The 2xx is repeated over any transport until its ACK: at 0.5 s, before the ACK can be there.
        assert_eq!(bed.count("B 200 INVITE"), 2);
        assert!(bed.packets.iter().all(|(_, packet)| packet.transport == transport));
        let (invite, answer) = (bed.last("A INVITE"), bed.last("B 200 INVITE"));
        let word = transport.via_word();
        let port = if transport == Transport::Tls { 5061 } else { 5060 };
        assert!(
            header(&invite, "Via").starts_with(&format!("SIP/2.0/{word} 127.0.0.1:{port};branch=")),
            "{invite}"
        );
        let parameter = transport.parameter();
        assert!(header(&invite, "Contact").contains(&format!(":{port};transport={parameter}>")), "{invite}");
        assert!(header(&answer, "Contact").contains(&format!(";transport={parameter}>")), "{answer}");
    }
}

#[test]
fn transactions_over_a_stream_do_not_linger() {
    let mut bed = Bed::new(2);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => {
            vec![Order::Reject { key: *key, rejection: Rejection::with_code(486) }]
        }
        _ => Vec::new(),
    });
    bed.order(A, place(1, call_over(Transport::Tcp)));
    bed.run_ms(100);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("failed 486 Remote"));
    assert_eq!(bed.count("A ACK"), 1);
    for peer in [A, B] {
        assert_eq!(bed.peers[peer].endpoint.load(), sip::Load::default(), "timers D and I are zero");
    }
    let uri = "sip:127.0.0.1".to_owned();
    let destination = Hop::tcp("127.0.0.1:5070".parse().unwrap());
    bed.order(A, Order::Options { ping: 1, uri, destination });
    bed.run_ms(100);
    assert_eq!(bed.peers[A].endpoint.load(), sip::Load::default(), "timer K is zero");
}

#[test]
fn a_call_over_a_stream_is_cancelled() {
    let mut bed = Bed::new(3);
    bed.behave(B, |event| match event {
        Event::Incoming { key, .. } => vec![Order::Ring { key: *key, code: 180, sdp: None }],
        _ => Vec::new(),
    });
    bed.order(A, place(1, call_over(Transport::Tcp)));
    bed.run_ms(500);
    bed.order(A, hang_up(CallKey(1)));
    bed.run_ms(100);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("canceled Local"));
    let heard = bed.wire();
    let tail: Vec<_> = heard.iter().skip_while(|packet| *packet != "A CANCEL").map(String::as_str).collect();
    assert_eq!(tail, ["A CANCEL", "B 200 CANCEL", "B 487 INVITE", "A ACK"]);
    bed.run_out();
}

#[test]
fn a_response_takes_the_connection_of_its_request() {
    let mut bed = Bed::new(4);
    let text = "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/TCP 10.9.9.9:5060;branch=z9hG4bKz\r\nf: <sip:a@h>;tag=1\r\n\
        t: <sip:b>\r\ni: z\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n";
    let (source, now) = (Hop::tcp(RAW.parse().unwrap()), bed.now);
    bed.peers[B].endpoint.handle_message(source, text.as_bytes(), now);
    bed.drain(B);
    let (_, packet) = &bed.packets[0];
    assert_eq!((packet.transport, packet.to), (Transport::Tcp, RAW.parse().unwrap()));
    assert!(header(&packet.text(), "Via").contains(";received=127.0.0.1"));
}

#[test]
fn a_lost_connection_fails_what_waits_for_an_answer_and_nothing_else() {
    let mut bed = Bed::new(5);
    bed.lose(|_| true);
    bed.order(A, place(1, call_over(Transport::Tcp)));
    let udp = OutgoingCall {
        destination: "127.0.0.1:5070".parse::<std::net::SocketAddr>().unwrap().into(),
        ..call()
    };
    bed.order(A, place(2, udp));
    let now = bed.now;
    bed.peers[A].endpoint.handle_transport_error(Hop::tcp("127.0.0.1:5070".parse().unwrap()), now);
    bed.drain(A);
    assert_eq!(bed.heard(A), ["failed 503 Transport"]);
    assert!(bed.peers[A].endpoint.has_call(CallKey(2)));
}

/// A call whose INVITE is longer than a datagram should be.
fn large(large_over_tcp: bool) -> OutgoingCall {
    let extra_headers = vec![("X-Long".to_owned(), "x".repeat(1_300))];
    OutgoingCall { extra_headers, large_over_tcp, ..call() }
}

#[test]
fn large_requests_change_over_to_tcp_where_they_may() {
    let check = |call: OutgoingCall, transport| {
        let mut bed = Bed::new(6);
        bed.behave(B, answer_at_once);
        bed.order(A, place(1, call));
        bed.run_ms(1_000);
        assert_eq!(bed.packets[0].1.transport, transport);
        assert_eq!(bed.heard(A).last().map(String::as_str), Some("answered fork 0"));
        let contact = header(&bed.last("A INVITE"), "Contact");
        assert_eq!(contact.contains("transport=tcp"), transport == Transport::Tcp, "{contact}");
    };
    check(large(true), Transport::Tcp);
    check(large(false), Transport::Udp);
    check(OutgoingCall { large_over_tcp: true, ..call() }, Transport::Udp);
}

#[test]
fn a_large_request_that_tcp_does_not_take_goes_over_udp_all_the_same() {
    let mut bed = Bed::new(7);
    bed.behave(B, answer_at_once);
    bed.lose(|packet| packet.transport == Transport::Tcp);
    bed.order(A, place(1, large(true)));
    let now = bed.now;
    bed.peers[A].endpoint.handle_transport_error(Hop::tcp("127.0.0.1:5070".parse().unwrap()), now);
    bed.drain(A);
    bed.run_ms(1_000);
    assert_eq!(bed.heard(A).last().map(String::as_str), Some("answered fork 0"));
    let invite = bed.last("A INVITE");
    assert!(header(&invite, "Via").starts_with("SIP/2.0/UDP") && !header(&invite, "Contact").contains("tcp"));
    assert_eq!(bed.count("A INVITE"), 2);
}

#[test]
fn a_hundred_calls_at_once_keep_apart() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut bed = Bed::new(8);
        bed.delay_ms = 5..300;
        bed.behave(B, |event| match event {
            Event::Incoming { key, call } if call.request_user.ends_with('1') => {
                vec![Order::Reject { key: *key, rejection: Rejection::with_code(486) }]
            }
            Event::Incoming { key, .. } => vec![Order::Answer { key: *key, sdp: ANSWER.to_vec() }],
            _ => Vec::new(),
        });
        for key in 1..=100 {
            let to_uri = format!("sip:{key}@127.0.0.1:5070");
            bed.order(A, place(key, OutgoingCall { to_uri, ..call_over(transport) }));
        }
        bed.run_ms(40_000);
        let heard = |word: &str| bed.heard(A).iter().filter(|heard| heard.as_str() == word).count();
        assert_eq!((heard("answered fork 0"), heard("failed 486 Remote")), (90, 10), "{transport:?}");
        for key in (1..=100).filter(|key| key % 10 != 1) {
            bed.order(A, hang_up(CallKey(key)));
        }
        bed.run_out();
    }
}

#[test]
fn beyond_the_limit_of_transactions_new_ones_are_refused_and_old_ones_go_on() {
    let mut bed = Bed::new(9);
    let limits = Limits { transactions_max: 3, ..Limits::default() };
    let config = EndpointConfig { limits, ..bed::config(bed.peers[B].address) };
    bed.peers[B].endpoint = Endpoint::new(config, [8; 32]);
    bed.behave(B, answer_at_once);
    for key in 1..=5 {
        bed.order(A, place(key, call()));
    }
    bed.run_ms(1_000);
    let refused = bed.heard(A).iter().filter(|heard| heard.starts_with("failed 503")).count();
    assert_eq!(refused, 2, "{:?}", bed.heard(A));
    assert!(bed.last("B 503 INVITE").contains("Retry-After: "));
    for key in 1..=5 {
        if bed.peers[A].endpoint.has_call(CallKey(key)) {
            bed.order(A, hang_up(CallKey(key)));
        }
    }
    bed.run_out();
}

#[test]
fn a_response_of_another_transport_is_still_the_transactions() {
    // RFC 3261 §18.1.2: matched by branch and method; a server whose connection closed may answer by another.
    let mut bed = Bed::new(10);
    bed.lose(|_| true);
    bed.order(A, place(1, call_over(Transport::Tcp)));
    let answer = response_to(&bed.last("A INVITE"), "486 Busy", "t", "", "");
    bed.inject(A, "127.0.0.1:5070", &answer);
    assert_eq!(bed.heard(A), ["failed 486 Remote"]);
}
