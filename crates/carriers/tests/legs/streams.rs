//! SIP over TCP and TLS: calls both ways over one connection, messages in any pieces, and what a connection may not
//! do.

use crate::support::{Facts, leg, loopback, trunk};
use crate::trunk::Side;
use carriers::{TlsFiles, TlsIdentity, TrunkConfig};
use model::leg::{LegEndKind, LegEndedBy, LegFact, LegOrder};
use model::timeline::TimelineEntry;
use model::trunk::{Trunk, TrunkTransport};
use ports::Carrier;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use testkit::Certificates;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn pem(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/certificates")).join(name)
}

fn identity(name: &str) -> TlsIdentity {
    TlsIdentity { certificate: pem(&format!("{name}.pem")), key: pem(&format!("{name}.key")) }
}

fn files() -> TlsFiles {
    TlsFiles { server: Some(identity("server")), authorities: Some(pem("ca.pem")), ..TlsFiles::default() }
}

fn listening(tls_files: TlsFiles) -> TrunkConfig {
    TrunkConfig { tcp: Some(loopback()), tls: Some(loopback()), tls_files, ..TrunkConfig::new(loopback()) }
}

/// A side that takes calls of loopback.
async fn callee(config: TrunkConfig) -> Side {
    let callee = Side::start_as(config).await;
    let mut taken = trunk("127.0.0.1", 5060);
    taken.allowed_sources = vec!["127.0.0.0/8".parse().unwrap()];
    callee.carrier.configure(vec![Arc::new(taken)]).await;
    callee
}

fn trunk_to(callee: &Side, host: &str, transport: TrunkTransport) -> Arc<Trunk> {
    let address = match transport {
        TrunkTransport::Tls => callee.carrier.tls_addr().unwrap(),
        _ => callee.carrier.local_addr(),
    };
    Arc::new(Trunk { transport, ..trunk(host, address.port()) })
}

async fn check_call(transport: TrunkTransport, word: &str, callee_ends: bool) {
    let (caller, callee) = (Side::start_as(listening(files())).await, callee(listening(files())).await);
    let to = trunk_to(&callee, "localhost", transport);
    let (out, result) = caller.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let call = callee.inbound.call(0).await;
    let facts = Arc::new(Facts::default());
    callee.carrier.adopt(call.reference, leg(2), Arc::<Facts>::clone(&facts) as _).unwrap();
    callee.carrier.order(leg(2), LegOrder::Ring { early_media: false }).unwrap();
    out.fact(LegFact::Ringing { early_media: false }).await;
    callee.carrier.order(leg(2), LegOrder::Answer).unwrap();
    out.fact(LegFact::Answered).await;
    facts.fact(LegFact::Answered).await;
    let (ender, ended) = if callee_ends { (&callee, leg(2)) } else { (&caller, leg(1)) };
    ender.carrier.order(ended, LegOrder::HangUp).unwrap();
    assert_eq!((out.end().await.kind, facts.end().await.kind), (LegEndKind::HungUp, LegEndKind::HungUp));
    let bye = |lines: &[TimelineEntry]| {
        let line = lines.iter().find(|line| line.summary.contains(" BYE "))?;
        Some((
            line.detail["transport"].clone(),
            lines.iter().filter(|l| l.summary.contains("(again)")).count(),
        ))
    };
    assert_eq!(caller.lines.0.wait("the BYE", bye).await, (word.into(), 0));
    let taken = caller.carrier.figures().connections_taken + callee.carrier.figures().connections_taken;
    // A callee that hangs up goes where the caller's Contact leads: over TCP by a connection of its own.
    let expected = if callee_ends && transport == TrunkTransport::Tcp { 2 } else { 1 };
    assert_eq!(taken, expected, "{transport:?}, ended by the callee: {callee_ends}");
    caller.plane.is_empty().await;
    callee.plane.is_empty().await;
}

#[tokio::test]
async fn calls_go_over_tcp_and_tls_and_are_ended_by_either_side() {
    for callee_ends in [true, false] {
        check_call(TrunkTransport::Tcp, "TCP", callee_ends).await;
        check_call(TrunkTransport::Tls, "TLS", callee_ends).await;
    }
}

async fn check_no_handshake(to_host: &str, ours: TlsFiles, theirs: TlsFiles) {
    let (caller, callee) = (Side::start_as(listening(ours)).await, callee(listening(theirs)).await);
    let (out, result) = caller.dial(1, "+4930123456", &trunk_to(&callee, to_host, TrunkTransport::Tls)).await;
    result.unwrap();
    let end = out.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::Failed, LegEndedBy::Transport), "{to_host}");
    assert!(callee.inbound.calls.all().is_empty());
}

#[tokio::test]
async fn nobody_is_believed_over_tls_without_the_right_certificate() {
    // A name that the certificate does not bear.
    check_no_handshake("127.0.0.2", files(), files()).await;
    // An authority that we do not trust.
    check_no_handshake("localhost", TlsFiles { authorities: None, ..files() }, files()).await;
    // No certificate of ours where the peer wants one.
    let wants_one = TlsFiles { client_authorities: Some(pem("ca.pem")), ..files() };
    check_no_handshake("localhost", files(), wants_one.clone()).await;
    let (ours, callee) =
        (TlsFiles { client: Some(identity("client")), ..files() }, callee(listening(wants_one)).await);
    let caller = Side::start_as(listening(ours)).await;
    let to = trunk_to(&callee, "localhost", TrunkTransport::Tls);
    caller.dial(1, "+4930123456", &to).await.1.unwrap();
    callee.inbound.call(0).await;
    callee.carrier.reload().unwrap();
}

/// Whether a peer whose certificate bears these names is believed to be localhost.
async fn check_names(names: &str, believed: bool) {
    let made = Certificates::make_for(names).await;
    let identity = TlsIdentity { certificate: made.certificate(), key: made.key() };
    let theirs = TlsFiles { server: Some(identity), ..files() };
    let callee = callee(listening(theirs)).await;
    let caller = Side::start_as(listening(TlsFiles { authorities: Some(made.authority()), ..files() })).await;
    let to = trunk_to(&callee, "localhost", TrunkTransport::Tls);
    let (out, result) = caller.dial(1, "+4930123456", &to).await;
    result.unwrap();
    let end = async {
        let end = out.end().await;
        assert_eq!((end.kind, end.by), (LegEndKind::Failed, LegEndedBy::Transport), "{names}");
        false
    };
    let came = tokio::select! {
        _ = callee.inbound.call(0) => true,
        came = end => came,
    };
    assert_eq!(came, believed, "{names}");
}

#[tokio::test]
async fn a_certificate_names_a_host_as_sip_has_it() {
    check_names("URI:sip:localhost", true).await;
    check_names("URI:sip:other.example,DNS:localhost", false).await;
    check_names("URI:sip:al@localhost,DNS:localhost", true).await;
    check_names("DNS:*.localhost", false).await;
}

#[tokio::test]
async fn a_connection_is_used_for_those_alone_whose_name_was_proved() {
    let made = Certificates::make_for("DNS:localhost").await;
    let identity = TlsIdentity { certificate: made.certificate(), key: made.key() };
    let callee = callee(listening(TlsFiles { server: Some(identity), ..files() })).await;
    let ours = TlsFiles { authorities: Some(made.authority()), ..files() };
    let caller = Side::start_as(listening(ours)).await;
    let proved = trunk_to(&callee, "localhost", TrunkTransport::Tls);
    // Another carrier at the same address, whose name the certificate does not bear.
    let other = trunk_to(&callee, "127.0.0.1", TrunkTransport::Tls);
    caller.dial(1, "+4930123456", &proved).await.1.unwrap();
    callee.inbound.call(0).await;
    let (out, result) = caller.dial(2, "+4930123456", &other).await;
    result.unwrap();
    let end = out.end().await;
    assert_eq!((end.kind, end.by), (LegEndKind::Failed, LegEndedBy::Transport));
    caller.dial(3, "+4930123456", &proved).await.1.unwrap();
    callee.inbound.call(1).await;
    assert_eq!(callee.carrier.figures().connections_taken, 2, "the first one serves its own carrier still");
}

fn options(target: SocketAddr, branch: &str) -> String {
    format!(
        "OPTIONS sip:{target} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK{branch}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:{target}>\r\nCall-ID: {branch}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// What the connection says until it says `until`, or is closed.
async fn heard(stream: &mut TcpStream, until: &str) -> String {
    let mut all = Vec::new();
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&all).into_owned();
            if !until.is_empty() && text.ends_with(until) {
                return text;
            }
            let mut bytes = [0; 2_000];
            match stream.read(&mut bytes).await {
                Ok(0) | Err(_) => return text,
                Ok(length) => all.extend_from_slice(&bytes[..length]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap()
}

#[tokio::test]
async fn messages_come_in_any_pieces_and_signs_of_life_are_answered() {
    let callee = callee(listening(files())).await;
    let target = callee.carrier.local_addr();
    let mut stream = TcpStream::connect(target).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let two = options(target, "one") + "\r\n\r\n" + &options(target, "two");
    let mut pieces = two.as_bytes().chunks(7);
    // The pong may come before or after the first answer's bytes; all of it comes.
    for piece in pieces.by_ref() {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut all = String::new();
    while all.matches("SIP/2.0 200 ").count() < 2 || !all.contains("\r\n\r\n\r\nSIP/2.0") {
        let more = heard(&mut stream, "\r\n").await;
        assert!(!more.is_empty(), "closed after {all}");
        all += &more;
    }
    assert!(all.find("branch=z9hG4bKone") < all.find("branch=z9hG4bKtwo"), "{all}");
}

#[tokio::test]
async fn a_message_without_length_is_answered_and_the_connection_closed() {
    let callee = callee(listening(files())).await;
    let target = callee.carrier.local_addr();
    let mut stream = TcpStream::connect(target).await.unwrap();
    let bad = options(target, "bad").replace("Content-Length: 0\r\n", "");
    stream.write_all(bad.as_bytes()).await.unwrap();
    let answer = heard(&mut stream, "").await;
    assert!(answer.starts_with("SIP/2.0 400 "), "{answer}");
}

/// A call from a peer whose connection ends before it is answered: the answer goes to where its Via says it listens.
#[tokio::test]
async fn an_answer_without_its_connection_goes_where_via_says() {
    let callee = callee(listening(files())).await;
    let target = callee.carrier.local_addr();
    let home = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = home.local_addr().unwrap();
    let mut stream = TcpStream::connect(target).await.unwrap();
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let invite = format!(
        "INVITE sip:+4930123456@{target} SIP/2.0\r\nVia: SIP/2.0/TCP {at};branch=z9hG4bKgone\r\nMax-Forwards: 70\r\n\
         From: <sip:+15550100@127.0.0.1>;tag=1\r\nTo: <sip:+4930123456@{target}>\r\nCall-ID: gone\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:a@{at};transport=tcp>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    stream.write_all(invite.as_bytes()).await.unwrap();
    assert!(heard(&mut stream, "\r\n\r\n").await.starts_with("SIP/2.0 100 "));
    drop(stream);
    let lost = async {
        while callee.carrier.figures().connections_lost == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), lost).await.unwrap();
    let call = callee.inbound.call(0).await;
    callee.carrier.adopt(call.reference, leg(2), Arc::new(Facts::default())).unwrap();
    callee.carrier.order(leg(2), LegOrder::Answer).unwrap();
    let accepted = tokio::time::timeout(Duration::from_secs(20), home.accept()).await.unwrap();
    assert!(heard(&mut accepted.unwrap().0, "\r\n").await.starts_with("SIP/2.0 200 "));
}

#[tokio::test]
async fn a_stranger_on_a_connection_hears_nothing_and_is_cut_off() {
    let callee = Side::start_as(listening(files())).await;
    let target = callee.carrier.local_addr();
    let mut stream = TcpStream::connect(target).await.unwrap();
    stream.write_all(options(target, "who").as_bytes()).await.unwrap();
    assert_eq!(heard(&mut stream, "").await, "");
    assert_eq!(callee.carrier.figures().sent, 0);
}

#[tokio::test]
async fn a_stranger_has_few_connections_and_a_peer_still_gets_in() {
    let callee = Side::start_as(listening(files())).await;
    let target = callee.carrier.local_addr();
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(TcpStream::connect(target).await.unwrap());
    }
    let mut over = TcpStream::connect(target).await.unwrap();
    assert_eq!(heard(&mut over, "").await, "");
    assert_eq!(
        (callee.carrier.figures().connections_taken, callee.carrier.figures().connections_refused),
        (16, 1)
    );
    let mut taken = trunk("127.0.0.1", 5060);
    taken.allowed_sources = vec!["127.0.0.0/8".parse().unwrap()];
    callee.carrier.configure(vec![Arc::new(taken)]).await;
    let mut peer = TcpStream::connect(target).await.unwrap();
    peer.write_all(options(target, "me").as_bytes()).await.unwrap();
    assert!(heard(&mut peer, "\r\n\r\n").await.starts_with("SIP/2.0 200 "));
}

#[tokio::test]
async fn a_host_that_refuses_datagrams_or_connections_fails_at_once() {
    for transport in [TrunkTransport::Udp, TrunkTransport::Tcp] {
        let caller = Side::start_as(listening(files())).await;
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = closed.local_addr().unwrap().port();
        drop(closed);
        let to = Arc::new(Trunk { transport, ..trunk("127.0.0.1", port) });
        let began = std::time::Instant::now();
        let (out, result) = caller.dial(1, "+4930123456", &to).await;
        result.unwrap();
        let end = out.end().await;
        assert_eq!((end.kind, end.by), (LegEndKind::Failed, LegEndedBy::Transport), "{transport:?}");
        assert!(began.elapsed() < Duration::from_secs(3), "{transport:?}");
    }
}
