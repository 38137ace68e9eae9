//! Many callers on one socket: each sends an INVITE at its time, confirms the answer, and waits to be hung up on.

use super::bare::nanos;
use super::sip::{Message, NO_BODY, body};
use crate::bench::stats::Histogram;
use crate::bench::wire::stamp_arrivals;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// When an INVITE that nobody answered is sent again (RFC 3261, timer A); once, for then the step is lost anyway.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long calls may take to end after the last began.
const DRAIN_MAX: Duration = Duration::from_secs(4);
/// How long to rest when nothing is to be done.
const REST: Duration = Duration::from_micros(100);

/// How a span went.
pub(super) struct Calls {
    /// Calls that were begun.
    pub(super) offered: usize,
    /// Those that were answered and hung up.
    pub(super) good: usize,
    /// INVITEs that had to be sent again.
    pub(super) again: usize,
    /// From the INVITE to its 200.
    pub(super) set_up: Histogram,
    /// From the 200 to the BYE.
    pub(super) talk: Histogram,
    /// The first refusal, if there was one.
    pub(super) refusal: Option<String>,
}

impl Calls {
    /// Whether nothing at all went wrong.
    pub(super) const fn is_clean(&self) -> bool {
        self.good == self.offered && self.again == 0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unheard,
    Proceeding,
    Answered,
    Over,
}

struct Call {
    begun: Instant,
    answered: Option<Instant>,
    state: State,
}

/// The callers.
pub(super) struct Callers {
    socket: UdpSocket,
    /// Takes sound and drops it.
    sound: UdpSocket,
    local: SocketAddr,
    server: SocketAddr,
    number: String,
    calls: Vec<Call>,
    unheard: VecDeque<(Instant, usize)>,
    report: Calls,
}

impl Callers {
    /// Nobody calls yet; where they call from.
    pub(super) fn new() -> std::io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        stamp_arrivals(&socket)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let report = Calls {
            offered: 0,
            good: 0,
            again: 0,
            set_up: Histogram::new(),
            talk: Histogram::new(),
            refusal: None,
        };
        Ok(Self {
            socket,
            sound: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
            local,
            server: local,
            number: String::new(),
            calls: Vec::new(),
            unheard: VecDeque::new(),
            report,
        })
    }

    /// The address they call from.
    pub(super) const fn address(&self) -> SocketAddr {
        self.local
    }

    /// Calls `number` at `server`, `rate` times a second for `span`, and waits for the ends.
    pub(super) fn run(
        mut self,
        server: SocketAddr,
        number: &str,
        rate: f64,
        span: Duration,
    ) -> std::io::Result<Calls> {
        self.server = server;
        number.clone_into(&mut self.number);
        let begun = Instant::now();
        let mut last = begun;
        loop {
            let now = Instant::now();
            let passed = (now - begun).min(span).as_secs_f64();
            while (self.calls.len() as f64) < passed * rate {
                self.invite(now)?;
                last = now;
            }
            let heard = self.hear()?;
            self.repeat(now)?;
            let all = now - begun >= span;
            let over = self.calls.iter().all(|call| call.state == State::Over);
            if all && (over || now - last > DRAIN_MAX) {
                self.report.offered = self.calls.len();
                return Ok(self.report);
            }
            if heard == 0 {
                std::thread::sleep(REST);
            }
        }
    }

    fn invite(&mut self, now: Instant) -> std::io::Result<()> {
        let id = self.calls.len();
        self.calls.push(Call { begun: now, answered: None, state: State::Unheard });
        self.unheard.push_back((now + AGAIN_AFTER, id));
        self.send_invite(id)
    }

    fn send_invite(&self, id: usize) -> std::io::Result<()> {
        let Self { local, server, number, .. } = self;
        let sdp = body(self.sound.local_addr()?);
        self.say(&format!(
            "INVITE sip:{number}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKi{id};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+4930200000@{local}>;tag=f{id}\r\nTo: <sip:{number}@{server}>\r\n\
             Call-ID: {id}@bench\r\nCSeq: 1 INVITE\r\nContact: <sip:bench@{local}>\r\n{sdp}"
        ))
    }

    /// Messages that came.
    fn hear(&mut self) -> std::io::Result<usize> {
        let mut buffer = [0; 4_096];
        let mut heard = 0;
        while heard < 256 {
            let Ok(read) = self.socket.recv(&mut buffer) else { break };
            heard += 1;
            let bytes = buffer.get(..read).unwrap_or_default();
            if let Ok(text) = std::str::from_utf8(bytes) {
                self.take(Message(text))?;
            }
        }
        Ok(heard)
    }

    fn take(&mut self, message: Message<'_>) -> std::io::Result<()> {
        let id = message.header("Call-ID").and_then(|text| text.split('@').next()?.parse::<usize>().ok());
        let Some(id) = id else { return Ok(()) };
        let Some(call) = self.calls.get_mut(id) else { return Ok(()) };
        let is_bye = message.request().is_some_and(|(method, _)| method == "BYE");
        match message.status() {
            None if is_bye => {
                if std::mem::replace(&mut call.state, State::Over) == State::Answered {
                    self.report.good += 1;
                    let talk = call.answered.map(|at| at.elapsed()).unwrap_or_default();
                    self.report.talk.add(nanos(talk));
                }
                self.say(&message.answer("200 OK", "", NO_BODY))
            }
            Some(100..200) if call.state == State::Unheard => {
                call.state = State::Proceeding;
                Ok(())
            }
            Some(200) => {
                if matches!(call.state, State::Unheard | State::Proceeding) {
                    call.state = State::Answered;
                    call.answered = Some(Instant::now());
                    self.report.set_up.add(nanos(call.begun.elapsed()));
                }
                self.acknowledge(id, message, message.contact().unwrap_or_default(), "a")
            }
            Some(300..) => {
                call.state = State::Over;
                let line = message.0.lines().next().unwrap_or_default();
                self.report.refusal.get_or_insert_with(|| line.to_owned());
                let uri = format!("sip:{}@{}", self.number, self.server);
                self.acknowledge(id, message, &uri, "i")
            }
            _ => Ok(()),
        }
    }

    /// An ACK; that of a refusal has the INVITE's own branch.
    fn acknowledge(&self, id: usize, answer: Message<'_>, uri: &str, branch: &str) -> std::io::Result<()> {
        let [from, to, call_id] = ["From", "To", "Call-ID"].map(|name| answer.copied(name));
        let local = self.local;
        self.say(&format!(
            "ACK {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{branch}{id};rport\r\n\
             Max-Forwards: 70\r\n{from}{to}{call_id}CSeq: 1 ACK\r\n{NO_BODY}"
        ))
    }

    /// Sends again what nobody has answered in time.
    fn repeat(&mut self, now: Instant) -> std::io::Result<()> {
        while let Some((due, id)) = self.unheard.front().copied() {
            if due > now {
                break;
            }
            self.unheard.pop_front();
            if self.calls.get(id).is_some_and(|call| call.state == State::Unheard) {
                self.report.again += 1;
                self.send_invite(id)?;
            }
        }
        Ok(())
    }

    fn say(&self, text: &str) -> std::io::Result<()> {
        match self.socket.send_to(text.as_bytes(), self.server) {
            // As good as lost on the way.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            result => result.map(drop),
        }
    }
}
