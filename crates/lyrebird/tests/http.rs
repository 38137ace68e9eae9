//! Connections that do not behave.

#![cfg(test)]

use std::time::{Duration, Instant};
use testkit::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
/// Well below the time after which a slow client is cut off.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_half_sent_request_does_not_keep_the_server_from_stopping() {
    let mut server = Server::start(BINARY).await;
    let mut half = TcpStream::connect(server.http).await.unwrap();
    half.write_all(b"GET /v1/calls HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    server.test().get("/v1/calls").await.expect(200);
    let asked = Instant::now();
    assert!(server.terminate().await.success());
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn what_is_no_http_gets_a_refusal_and_harms_nobody() {
    let server = Server::start(BINARY).await;
    for rubbish in
        ["\u{0}\u{1}\u{2}\r\n\r\n".to_owned(), format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200_000))]
    {
        let mut stream = TcpStream::connect(server.http).await.unwrap();
        // It may be cut off while it is still being sent.
        let _ = stream.write_all(rubbish.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    server.test().get("/v1/calls").await.expect(200);
}
