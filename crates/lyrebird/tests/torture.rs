//! The messages of RFC 4475 and RFC 5118 at the running server, over UDP and TCP, from a trunk of its own: each gets the
//! answer of the table that stands beside them, and the server answers afterwards.

#![cfg(test)]

use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use testkit::{PATIENCE, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
/// An address of loopback that nobody else has: answers go to the ports that the messages name (RFC 3261 §18.2.2).
const TRUNK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 44, 75, 51));
/// Those ports; the first one is meant where none is named.
const PORTS: [u16; 4] = [5060, 5050, 6050, 19_823];

struct Case {
    name: String,
    bytes: Vec<u8>,
    udp: String,
    stream: String,
    registrar: String,
}

impl Case {
    /// Whether this is the right answer. A server that takes registrations asks who it is.
    fn is_answer(&self, wanted: &str, got: &str) -> bool {
        let asked = matches!(self.registrar.as_str(), "register" if matches!(got, "401" | "403"));
        wanted == got || (wanted == "405" && (asked || self.registrar == got))
    }

    /// The code of a response, if it is one to this message.
    fn code_of<'r>(&self, response: &'r str) -> Option<&'r str> {
        let message = String::from_utf8_lossy(&self.bytes);
        let is_ours = |name: &str| {
            let value = response.lines().find_map(|line| line.strip_prefix(name));
            value.is_none_or(|value| message.contains(value.split_whitespace().next().unwrap_or_default()))
        };
        // Without a Call-ID of its own, only what has none is its.
        let both_lack = message.contains("Call-ID") || message.contains("\ni:") || message.contains("\nI:");
        let belongs =
            is_ours("Call-ID: ") && is_ours("CSeq: ") && (both_lack || !response.contains("Call-ID"));
        response.strip_prefix("SIP/2.0 ").filter(|_| belongs)?.get(..3)
    }
}

fn cases() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sip/tests/torture");
    let table = std::fs::read_to_string(folder.join("expected.txt")).unwrap();
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let cases: Vec<_> = lines
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            let [name, udp, stream, registrar] = words.get(..4).unwrap() else { panic!("{line}") };
            let bytes = std::fs::read(folder.join(name)).unwrap();
            let [name, udp, stream, registrar] = [name, udp, stream, registrar].map(Clone::clone);
            Case { name, bytes, udp, stream, registrar }
        })
        .collect();
    assert_eq!(cases.len(), 61);
    cases
}

/// A question that is always answered; `number` tells the answers apart.
fn probe(transport: &str, number: usize) -> String {
    format!(
        "OPTIONS sip:probe@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} probe;rport;branch=z9hG4bKprobe{number}\r\n\
         From: <sip:probe@{TRUNK}>;tag=p\r\nTo: <sip:probe@127.0.0.1>\r\nCall-ID: probe{number}@{TRUNK}\r\n\
         CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn is_probe(text: &str, number: usize) -> bool {
    text.starts_with("SIP/2.0 200") && text.contains(&format!("Call-ID: probe{number}@"))
}

async fn server() -> Server {
    let server = Server::start(BINARY).await;
    server.connect(SocketAddr::new(TRUNK, PORTS[0]), &json!({}), OURS).await;
    server
}

#[tokio::test]
async fn each_message_gets_its_answer_over_udp() {
    let server = server().await;
    let mut ports = Vec::new();
    for port in PORTS {
        let address = SocketAddr::new(TRUNK, port);
        let port = std::net::UdpSocket::bind(address);
        let port = port.unwrap_or_else(|error| panic!("{address} is needed for the answers: {error}"));
        port.set_nonblocking(true).unwrap();
        ports.push(port);
    }
    let asking = UdpSocket::bind(SocketAddr::new(TRUNK, 0)).await.unwrap();
    for (number, case) in cases().iter().enumerate() {
        asking.send_to(&case.bytes, server.sip).await.unwrap();
        asking.send_to(probe("UDP", number).as_bytes(), server.sip).await.unwrap();
        let mut got = Vec::new();
        loop {
            let text = receive(&asking).await.unwrap_or_else(|| panic!("no answer after {}", case.name));
            if is_probe(&text, number) {
                break;
            }
            got.push(text);
        }
        // Loopback delivers at once, so what was sent before the probe's answer is there.
        for port in &ports {
            let mut buffer = vec![0; 65_536];
            while let Ok((length, _)) = port.recv_from(&mut buffer) {
                got.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
        }
        let code = got.iter().find_map(|text| case.code_of(text)).unwrap_or("none");
        assert!(case.is_answer(&case.udp, code), "{}: {code} instead of {}", case.name, case.udp);
    }
}

async fn receive(socket: &UdpSocket) -> Option<String> {
    let mut buffer = vec![0; 65_536];
    let (length, _) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.ok()?.ok()?;
    Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// A connection and what came over it.
struct Stream {
    stream: TcpStream,
    text: String,
}

impl Stream {
    async fn open(server: &Server) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(TRUNK, 0)).unwrap();
        let stream = timeout(PATIENCE, socket.connect(server.sip)).await.expect("no connection").unwrap();
        Self { stream, text: String::new() }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads until `enough` of what came, or the end.
    async fn read_until(&mut self, what: &str, enough: impl Fn(&str) -> bool) {
        let mut buffer = vec![0; 65_536];
        while !enough(&self.text) {
            let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await;
            match read.unwrap_or_else(|_| panic!("{what}: nothing more comes after {:?}", self.text)) {
                Ok(0) | Err(_) => return,
                Ok(length) => self.text.push_str(&String::from_utf8_lossy(&buffer[..length])),
            }
        }
    }

    /// The code of the first answer to a message.
    fn code(&self, case: &Case) -> String {
        let answers = self.text.split("\r\n\r\n").find_map(|answer| case.code_of(answer));
        answers.unwrap_or("none").to_owned()
    }
}

async fn ask(stream: &mut Stream, case: &Case, number: usize) {
    stream.send(probe("TCP", number).as_bytes()).await;
    let answered = |text: &str| text.split("\r\n\r\n").any(|answer| is_probe(answer, number));
    stream.read_until(&case.name, answered).await;
    assert!(answered(&stream.text), "{}: closed after {:?}", case.name, stream.text);
}

#[tokio::test]
async fn each_message_gets_its_answer_over_tcp() {
    let server = server().await;
    for (number, case) in cases().iter().enumerate() {
        let mut stream = Stream::open(&server).await;
        stream.send(&case.bytes).await;
        let (wanted, end) = case.stream.split_once(',').unwrap_or((&case.stream, ""));
        if end.is_empty() {
            ask(&mut stream, case, number).await;
        } else {
            ask(&mut Stream::open(&server).await, case, number).await;
        }
        let mut rest = [0; 1];
        match end {
            "close" => stream.read_until(&case.name, |_| false).await,
            "wait" => assert!(stream.stream.try_read(&mut rest).is_err(), "{}: something came", case.name),
            _ => {}
        }
        let code = stream.code(case);
        assert!(case.is_answer(wanted, &code), "{}: {code} instead of {wanted}", case.name);
    }
}
