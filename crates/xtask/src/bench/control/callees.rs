//! All callees behind one trunk, on a thread of their own: each answers at once and hangs up when the first sound has
//! come, or is busy. Remembers when each INVITE came.

use super::sip::{Message, NO_BODY, body};
use crate::bench::wire::{Batch, stamp_arrivals};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The numbers begin so; the call's own number follows with [`DIGITS`] digits.
const PREFIX: &str = "+4940";
const DIGITS: usize = 7;
/// How long to rest when nothing has come.
const REST: Duration = Duration::from_micros(100);

/// What callees do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// They answer, and hang up when they hear something.
    Listen,
    /// They are busy.
    Busy,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// When its INVITE came first.
    pub(super) invited: Option<Instant>,
    /// Whether it is over as it should be.
    pub(super) over: bool,
    /// How often its INVITE came.
    pub(super) invites: u32,
}

/// The running thread.
pub(super) struct Callees {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Seen>>,
    address: SocketAddr,
}

/// The number of the call.
pub(super) fn number(call: usize) -> String {
    format!("{PREFIX}{call:0DIGITS$}")
}

impl Callees {
    /// Starts them.
    pub(super) fn start(manner: Manner) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let sound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        stamp_arrivals(&socket)?;
        stamp_arrivals(&sound)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut desk = Desk {
            body: body(sound.local_addr()?),
            socket,
            address,
            manner,
            seen: Vec::new(),
            calls: HashMap::new(),
            by_port: HashMap::new(),
        };
        let asked = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut batch = Batch::new();
            while !asked.load(Ordering::Relaxed) {
                if desk.hear() + desk.listen(&sound, &mut batch) == 0 {
                    std::thread::sleep(REST);
                }
            }
            desk.seen
        });
        Ok(Self { stop, thread, address })
    }

    /// Where they are.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends them; what became of each call.
    pub(super) fn finish(self) -> Result<Vec<Seen>, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the callees' thread ended in a panic".to_owned())
    }
}

/// A call that was answered.
struct Call {
    number: usize,
    /// The BYE, until it is sent.
    bye: Option<(String, SocketAddr)>,
}

struct Desk {
    socket: UdpSocket,
    address: SocketAddr,
    manner: Manner,
    body: String,
    seen: Vec<Seen>,
    /// By Call-ID.
    calls: HashMap<String, Call>,
    /// Call-IDs by the port that their sound comes from.
    by_port: HashMap<u16, String>,
}

impl Desk {
    fn hear(&mut self) -> usize {
        let mut buffer = [0; 4_096];
        let mut heard = 0;
        while heard < 256 {
            let Ok((read, source)) = self.socket.recv_from(&mut buffer) else { break };
            heard += 1;
            let bytes = buffer.get(..read).unwrap_or_default();
            if let Ok(text) = std::str::from_utf8(bytes) {
                self.take(Message(text), source);
            }
        }
        heard
    }

    fn take(&mut self, message: Message<'_>, source: SocketAddr) {
        if message.status().is_some() {
            let call = message.header("Call-ID").and_then(|id| self.calls.remove(id));
            return self.over(call.map(|call| call.number));
        }
        match message.request() {
            Some(("INVITE", uri)) => self.invited(message, uri, source),
            Some(("ACK", uri)) if self.manner == Manner::Busy => self.over(called(uri)),
            Some(("ACK", _)) | None => {}
            Some(_) => self.say(&message.answer("200 OK", "", NO_BODY), source),
        }
    }

    fn invited(&mut self, invite: Message<'_>, uri: &str, source: SocketAddr) {
        let Some(number) = called(uri) else { return };
        if self.seen.len() <= number {
            self.seen.resize(number + 1, Seen::default());
        }
        if let Some(seen) = self.seen.get_mut(number) {
            seen.invites += 1;
            seen.invited.get_or_insert_with(Instant::now);
        }
        let tag = format!(";tag=t{number}");
        if self.manner == Manner::Busy {
            return self.say(&invite.answer("486 Busy Here", &tag, NO_BODY), source);
        }
        let (address, sdp) = (self.address, &self.body);
        let rest = format!("Contact: <sip:bench@{address}>\r\n{sdp}");
        self.say(&invite.answer("200 OK", &tag, &rest), source);
        let [to, from, id] = ["To", "From", "Call-ID"].map(|name| invite.header(name).unwrap_or_default());
        let target = invite.contact().unwrap_or_default();
        let bye = format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKb{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: {to}{tag}\r\nTo: {from}\r\nCall-ID: {id}\r\nCSeq: 1 BYE\r\n{NO_BODY}"
        );
        self.calls.insert(id.to_owned(), Call { number, bye: Some((bye, source)) });
        if let Some(port) = invite.sound_port() {
            self.by_port.insert(port, id.to_owned());
        }
    }

    /// Hangs up where the first sound has come.
    fn listen(&mut self, sound: &UdpSocket, batch: &mut Batch) -> usize {
        let mut ports = Vec::new();
        while batch.receive(sound, |arrived| ports.push(arrived.port)) {}
        let heard = ports.len();
        for port in ports {
            let call = self.by_port.remove(&port).and_then(|id| self.calls.get_mut(&id));
            if let Some((bye, source)) = call.and_then(|call| call.bye.take()) {
                self.say(&bye, source);
            }
        }
        heard
    }

    fn over(&mut self, number: Option<usize>) {
        if let Some(seen) = number.and_then(|number| self.seen.get_mut(number)) {
            seen.over = true;
        }
    }

    fn say(&self, text: &str, to: SocketAddr) {
        // What cannot be sent is as good as lost on the way.
        let _ = self.socket.send_to(text.as_bytes(), to);
    }
}

/// The call's number in a request's URI.
fn called(uri: &str) -> Option<usize> {
    uri.strip_prefix("sip:")?.strip_prefix(PREFIX)?.get(..DIGITS)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_number() {
        assert_eq!(called(&format!("sip:{}@127.0.0.1:5060", number(42))), Some(42));
        assert_eq!(called("sip:alice@127.0.0.1"), None);
    }
}
