//! The door to customers' URLs, over real sockets on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use engine::{EgressConfig, HttpEgress};
use ports::{Egress, EgressError, EgressRequest, EgressResponse};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A receiver that counts connections and answers each request with the same bytes.
struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

async fn receiver(answer: &'static [u8], then: Then) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream, answer, then));
        }
    });
    Receiver { address, connections }
}

/// What a receiver does after its answer.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Hang,
    /// One byte after the other, for ever.
    Trickle,
    /// Large pieces, for ever.
    Flood,
}

async fn serve(mut stream: TcpStream, answer: &[u8], then: Then) {
    let mut request = [0; 4_096];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(answer).await;
    match then {
        Then::Close => {}
        Then::Hang => std::future::pending().await,
        Then::Trickle => {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Then::Flood => while stream.write_all(&[b'x'; 65_536]).await.is_ok() {},
    }
}

async fn send(egress: &HttpEgress, url: String, timeout: Duration) -> Result<EgressResponse, EgressError> {
    let headers = vec![("x-test".to_owned(), "1".to_owned().into())];
    egress.send(EgressRequest { url, body: None, headers, response_bytes_max: 1_000, timeout }).await
}

fn allowing(hosts: &[String]) -> HttpEgress {
    HttpEgress::new(&EgressConfig { allowed_hosts: hosts.to_vec() }).unwrap()
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn no_spelling_of_a_private_address_is_connected_to() {
    let receiver = receiver(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let egress = allowing(&["dev.example".into()]);
    let port = receiver.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::127.0.0.1]",
        "ip6-localhost",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "[fd00::1]",
        "[fe80::1]",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let result = send(&egress, url.clone(), LONG).await;
            assert!(matches!(result, Err(EgressError::NotAllowed(_))), "{url}: {result:?}");
            assert!(egress.check(&url).is_err(), "{url}");
        }
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_named_host_is_reached_even_by_plain_http() {
    let receiver = receiver(
        b"HTTP/1.1 503 No\r\nretry-after: 7\r\ncontent-type: audio/wav\r\ncontent-length: 5\r\n\r\nhello",
        Then::Close,
    )
    .await;
    let egress = allowing(&[receiver.address.to_string()]);
    let response = send(&egress, format!("http://{}/", receiver.address), LONG).await.unwrap();
    assert_eq!((response.status, response.retry_after_s), (503, Some(7)));
    assert_eq!(response.content_type.as_deref(), Some("audio/wav"));
    assert_eq!((&response.body[..], response.body_cut), (&b"hello"[..], false));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let receiver = receiver(
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        Then::Close,
    )
    .await;
    let egress = allowing(&["127.0.0.1".into()]);
    let response = send(&egress, format!("http://{}/", receiver.address), LONG).await.unwrap();
    assert_eq!(response.status, 302);
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn bytes_and_time_are_bounded() {
    let endless = b"HTTP/1.1 200 OK\r\n\r\n";
    let flood = receiver(endless, Then::Flood).await;
    let trickle = receiver(endless, Then::Trickle).await;
    let hang = receiver(b"", Then::Hang).await;
    let egress = allowing(&["127.0.0.1".into()]);
    let response = send(&egress, format!("http://{}/", flood.address), LONG).await.unwrap();
    assert_eq!((response.body.len(), response.body_cut), (1_000, true));
    for slow in [trickle, hang] {
        let result = send(&egress, format!("http://{}/", slow.address), SHORT).await;
        assert_eq!(result.unwrap_err(), EgressError::Timeout(SHORT));
    }
}

#[tokio::test]
async fn failures_say_what_happened_and_never_show_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let egress = allowing(&["127.0.0.1".into(), "no-such-host.invalid".into()]);
    let refused = send(&egress, format!("http://{closed}/?token=secret"), LONG).await.unwrap_err();
    assert!(matches!(refused, EgressError::Failed(_)), "{refused:?}");
    assert!(!refused.to_string().contains("secret"), "{refused}");
    let unknown = send(&egress, "http://no-such-host.invalid/".into(), LONG).await.unwrap_err();
    assert!(matches!(unknown, EgressError::Unresolvable(_)), "{unknown:?}");
}

#[tokio::test]
async fn bad_settings_and_bad_headers_are_refused() {
    assert!(HttpEgress::new(&EgressConfig { allowed_hosts: vec!["a b".into()] }).is_err());
    let egress = allowing(&["127.0.0.1".into()]);
    let headers = vec![("x-test".to_owned(), "a\r\nb: c".to_owned().into())];
    let url = "http://127.0.0.1:1/".to_owned();
    let request = EgressRequest { url, body: None, headers, response_bytes_max: 0, timeout: LONG };
    assert!(matches!(egress.send(request).await, Err(EgressError::NotAllowed(_))));
}
