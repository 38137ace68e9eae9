//! A small SIP phone of our own on loopback: does what real peers cannot be told to do (count, lose, stay silent, be
//! rude), and remembers every datagram. Shares no code with the server's own signalling, so that both cannot be wrong
//! in the same way.

use crate::PATIENCE;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A datagram that came.
#[derive(Debug, Clone)]
pub struct Datagram {
    /// Where it came from.
    pub source: SocketAddr,
    /// The whole text.
    pub text: String,
}

/// What a phone does with a datagram: the texts to send back.
pub type Manners = Box<dyn FnMut(&Datagram) -> Vec<String> + Send>;

/// The phone. It stops when dropped.
pub struct Phone {
    addr: SocketAddr,
    socket: Arc<UdpSocket>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    came: Mutex<Vec<Datagram>>,
    more: Notify,
}

impl Datagram {
    /// The method of a request; of a response nothing.
    pub fn method(&self) -> &str {
        let word = self.text.split(' ').next().unwrap_or_default();
        if word == "SIP/2.0" { "" } else { word }
    }

    /// The code of a response; of a request 0.
    pub fn code(&self) -> u16 {
        let rest = self.text.strip_prefix("SIP/2.0 ").unwrap_or_default();
        rest.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The first value of a header in its long form, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let value = |line: &'_ str| -> Option<usize> {
            let (key, _) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then_some(key.len() + 1)
        };
        head.split("\r\n")
            .skip(1)
            .find_map(|line| value(line).map(|at| line[at..].trim()))
            .unwrap_or_default()
    }

    /// An answer to this request, with more header lines (each ending in CRLF) and a body.
    pub fn answer(&self, status: &str, headers: &str, body: &str) -> String {
        let to = match self.header("To") {
            to if to.contains(";tag=") || status.starts_with("100") => to.to_owned(),
            to => format!("{to};tag=phone"),
        };
        let vias: String = self
            .text
            .split("\r\n")
            .filter(|line| line.starts_with("Via:"))
            .map(|v| format!("{v}\r\n"))
            .collect();
        format!(
            "SIP/2.0 {status}\r\n{vias}From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n{headers}Content-Length: \
             {}\r\n\r\n{body}",
            self.header("From"),
            self.header("Call-ID"),
            self.header("CSeq"),
            body.len()
        )
    }
}

impl Phone {
    /// Starts one at 127.0.0.1.
    pub async fn start(manners: Manners) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), manners).await
    }

    /// Starts one at another address of loopback.
    pub async fn start_at(ip: IpAddr, mut manners: Manners) -> Self {
        let socket = Arc::new(UdpSocket::bind((ip, 0)).await.expect("loopback has free ports"));
        let addr = socket.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let (ear, memory) = (Arc::clone(&socket), Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let mut buffer = vec![0; 65_536];
            loop {
                let Ok((len, source)) = ear.recv_from(&mut buffer).await else { continue };
                let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
                let datagram = Datagram { source, text };
                let answers = manners(&datagram);
                lock(&memory.came).push(datagram);
                memory.more.notify_waiters();
                for answer in answers {
                    let _ = ear.send_to(answer.as_bytes(), source).await;
                }
            }
        });
        Self { addr, socket, shared, task }
    }

    /// One that only listens.
    pub async fn silent() -> Self {
        Self::start(Box::new(|_| Vec::new())).await
    }

    /// One that rings, answers at once, and lets itself be hung up.
    pub async fn polite() -> Self {
        Self::start(Box::new(polite)).await
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends a text.
    pub async fn send(&self, to: SocketAddr, text: &str) {
        self.socket.send_to(text.as_bytes(), to).await.expect("loopback takes datagrams");
    }

    /// All datagrams so far.
    pub fn came(&self) -> Vec<Datagram> {
        lock(&self.shared.came).clone()
    }

    /// Waits until `wanted` finds what it looks for in the datagrams. Panics with them when the patience is over.
    pub async fn wait_for<T>(&self, what: &str, wanted: impl Fn(&[Datagram]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let more = self.shared.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(found) = wanted(&lock(&self.shared.came)) {
                    return found;
                }
                more.await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not come; {:#?}", self.came()),
        }
    }

    /// Waits for the first request of this method.
    pub async fn wait_for_request(&self, method: &str) -> Datagram {
        self.wait_for(method, |came| came.iter().find(|datagram| datagram.method() == method).cloned()).await
    }

    /// Waits for the first response with this code to a request of this method.
    pub async fn wait_for_answer(&self, code: u16, method: &str) -> Datagram {
        let fits =
            |datagram: &&Datagram| datagram.code() == code && datagram.header("CSeq").ends_with(method);
        self.wait_for(&format!("{code} to {method}"), |came| came.iter().find(fits).cloned()).await
    }

    /// The text of a request that begins something: an INVITE with a description, an OPTIONS.
    pub fn request(&self, method: &str, to_user: &str, server: SocketAddr, call_id: &str) -> String {
        let addr = self.addr;
        let body = if method == "INVITE" { description(addr) } else { String::new() };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:{to_user}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {addr};branch=z9hG4bK{call_id}{method}\r\n\
             From: <sip:+4940111@{addr}>;tag=phone\r\nTo: <sip:{to_user}@{server}>\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:phone@{addr}>\r\nMax-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// The text of a request within the dialog that `answer`, a 200 to our INVITE, made.
    pub fn request_within(&self, method: &str, number: u32, answer: &Datagram) -> String {
        let contact = answer.header("Contact").trim_start_matches('<');
        let uri = contact.split('>').next().unwrap_or_default();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{number}{method}\r\nFrom: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            self.addr,
            answer.header("From"),
            answer.header("To"),
            answer.header("Call-ID"),
        )
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Rings, answers, confirms; sound goes to a port where nobody listens.
fn polite(datagram: &Datagram) -> Vec<String> {
    match datagram.method() {
        "INVITE" => vec![datagram.answer("180 Ringing", "", ""), datagram.accept()],
        "BYE" | "CANCEL" | "OPTIONS" => vec![datagram.answer("200 OK", "", "")],
        _ => Vec::new(),
    }
}

impl Datagram {
    /// A 200 with a description to this INVITE. It names loopback's discard port for its sound.
    pub fn accept(&self) -> String {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        let headers =
            format!("Contact: <sip:phone@{}>\r\nContent-Type: application/sdp\r\n", self.asked_at());
        self.answer("200 OK", &headers, &description(here))
    }

    /// Host and port of the request's own URI, which is where this phone is reached.
    pub fn asked_at(&self) -> &str {
        let uri = self.text.split(' ').nth(1).unwrap_or_default();
        let host = uri.rsplit('@').next().unwrap_or_default();
        host.split(';').next().unwrap_or_default()
    }
}

fn description(sound: SocketAddr) -> String {
    format!(
        "v=0\r\no=phone 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n",
        sound.ip(),
        sound.port()
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
