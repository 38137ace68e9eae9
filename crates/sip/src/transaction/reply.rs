//! What every response copies from its request (RFC 3261 §8.2.6) and the way it takes (§18.2, RFC 3581), kept until the
//! response is written. Knows no transaction state.

use crate::endpoint::order::Hop;
use crate::message::scan;
use crate::message::uri::host_address;
use crate::message::write::{push_copied, push_unfolded};
use crate::message::{HeaderName, Message, NameAddr, StartLine, Via, Writer};
use std::io::Write as _;
use std::net::SocketAddr;

/// The head of all responses to one request.
#[derive(Clone, Debug)]
pub(crate) struct ReplyHead {
    /// Via, From, Call-ID and CSeq lines.
    lines: Box<[u8]>,
    /// To as received.
    to: Box<[u8]>,
    to_has_tag: bool,
    /// Where responses go.
    pub(crate) hop: Hop,
}

impl ReplyHead {
    /// Made of any request, malformed ones included: what is there is copied.
    pub(crate) fn new(message: &Message<'_>, source: Hop) -> Self {
        let mut lines = Vec::with_capacity(512);
        let mut hop = source;
        for (index, element) in message.elements(HeaderName::Via).enumerate() {
            match Via::parse(element) {
                Some(via) if index == 0 => {
                    hop = response_hop(&via, source);
                    push_top_via(&mut lines, &via, element, source.address);
                }
                _ => push_copied(&mut lines, HeaderName::Via, element),
            }
        }
        for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
            if let Some(value) = message.value(name) {
                push_copied(&mut lines, name, value);
            }
        }
        let mut to = Vec::new();
        push_unfolded(&mut to, message.value(HeaderName::To).unwrap_or_default());
        let to_has_tag = NameAddr::parse(&to).is_some_and(|to| to.params.get("tag").is_some());
        Self { lines: lines.into(), to: to.into(), to_has_tag, hop }
    }

    /// Starts a response in `out`, whatever was in it. `tag` is our tag, for requests that bring none.
    pub(crate) fn start<'b>(
        &self,
        out: &'b mut Vec<u8>,
        code: u16,
        reason: Option<&str>,
        tag: Option<&str>,
    ) -> Writer<'b> {
        let mut writer = Writer::response(out, code, reason);
        writer.lines(&self.lines);
        if !self.to.is_empty() {
            match tag.filter(|_| !self.to_has_tag) {
                Some(tag) => {
                    let mut to = self.to.to_vec();
                    to.extend_from_slice(b";tag=");
                    to.extend_from_slice(tag.as_bytes());
                    writer.copied(HeaderName::To, &to);
                }
                None => {
                    writer.copied(HeaderName::To, &self.to);
                }
            }
        }
        writer
    }
}

/// The source if the request asks for it by rport; else its address with the port of sent-by.
fn response_hop(via: &Via<'_>, source: Hop) -> Hop {
    if source.transport.is_reliable() || via.params.get("rport").is_some() {
        return source;
    }
    let port = via.port.unwrap_or(5060);
    Hop { address: SocketAddr::new(source.address.ip(), port), ..source }
}

/// Where a response goes if the connection of its hop is over (§18.2.2): the address that the request came from, at the port
/// that its topmost Via names. None for requests, and where nothing can be opened.
pub fn way_without_connection(response: &[u8], hop: Hop) -> Option<Hop> {
    let message = Message::parse(response).ok()?;
    if !hop.transport.is_reliable() || !matches!(message.start, StartLine::Response { .. }) {
        return None;
    }
    let via = message.elements(HeaderName::Via).next().and_then(Via::parse)?;
    let port = via.port.unwrap_or(hop.transport.default_port());
    let elsewhere = Hop { address: SocketAddr::new(hop.address.ip(), port), ..hop };
    (port != 0 && elsewhere != hop).then_some(elsewhere)
}

/// The topmost Via with `received` and `rport` as the source showed them.
fn push_top_via(out: &mut Vec<u8>, via: &Via<'_>, element: &[u8], source: SocketAddr) {
    let wants_rport = via.params.get("rport").is_some();
    let is_other = host_address(via.host) != Some(source.ip());
    let end = element.iter().position(|byte| *byte == b';').unwrap_or(element.len());
    out.extend_from_slice(b"Via: ");
    push_unfolded(out, scan::trim(element.get(..end).unwrap_or_default()));
    for (name, value) in via.params.iter() {
        if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
            continue;
        }
        out.push(b';');
        out.extend_from_slice(name);
        if let Some(value) = value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    // Writing to a vector does not fail.
    if wants_rport || is_other {
        let _ = write!(out, ";received={}", source.ip());
    }
    if wants_rport {
        let _ = write!(out, ";rport={}", source.port());
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::order::Transport;

    #[test]
    fn a_response_without_its_connection_goes_where_via_says() {
        let check = |start: &str, via: &str, hop: &str, wanted: Option<&str>| {
            let text = format!("{start}\r\nVia: {via}\r\nTo: <sip:a@b>\r\n\r\n");
            let transport = Transport::from_parameter(hop.split_once(' ').unwrap().0).unwrap();
            let hop = Hop::new(transport, hop.split_once(' ').unwrap().1.parse().unwrap());
            let got = way_without_connection(text.as_bytes(), hop).map(|hop| hop.address.to_string());
            assert_eq!(got.as_deref(), wanted, "{via} over {hop:?}");
        };
        let ok = "SIP/2.0 200 OK";
        let tcp = "tcp 203.0.113.7:40000";
        check(ok, "SIP/2.0/TCP 203.0.113.7;branch=z9hG4bKa", tcp, Some("203.0.113.7:5060"));
        check(ok, "SIP/2.0/TCP h.example:5070;received=203.0.113.7", tcp, Some("203.0.113.7:5070"));
        check(ok, "SIP/2.0/TLS h.example;x", "tls 203.0.113.7:40000", Some("203.0.113.7:5061"));
        check(ok, "SIP/2.0/TCP 10.0.0.1:40000;rport=40000", tcp, None);
        check(ok, "SIP/2.0/UDP 203.0.113.7:5070", "udp 203.0.113.7:40000", None);
        check("BYE sip:a@b SIP/2.0", "SIP/2.0/TCP 203.0.113.7", tcp, None);
        check(ok, "nonsense", tcp, None);
    }

    #[test]
    fn responses_go_back_the_way_the_request_came() {
        let check = |via: &str, hop: &str, echoed: &str| {
            let text = format!("BYE sip:a@b SIP/2.0\r\nVia: {via}\r\nTo: <sip:a@b>\r\n\r\n");
            let message = Message::parse(text.as_bytes()).unwrap();
            let head = ReplyHead::new(&message, Hop::udp("203.0.113.7:40000".parse().unwrap()));
            assert_eq!(head.hop.address.to_string(), hop, "{via}");
            let mut out = Vec::new();
            head.start(&mut out, 200, None, Some("t")).end();
            let out = String::from_utf8(out).unwrap();
            let wanted = format!(
                "SIP/2.0 200 OK\r\nVia: {echoed}\r\nTo: <sip:a@b>;tag=t\r\nContent-Length: 0\r\n\r\n"
            );
            assert_eq!(out, wanted, "{via}");
        };
        check(
            "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKa",
            "203.0.113.7:5060",
            "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKa",
        );
        check(
            "SIP/2.0/UDP h.example:5070;branch=z9hG4bKa",
            "203.0.113.7:5070",
            "SIP/2.0/UDP h.example:5070;branch=z9hG4bKa;received=203.0.113.7",
        );
        check(
            "SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bKa;received=1.2.3.4",
            "203.0.113.7:40000",
            "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKa;received=203.0.113.7;rport=40000",
        );
        check(
            "SIP/2.0/UDP 203.0.113.7;x, SIP/2.0/TCP proxy;branch=z9hG4bKb",
            "203.0.113.7:5060",
            "SIP/2.0/UDP 203.0.113.7;x\r\nVia: SIP/2.0/TCP proxy;branch=z9hG4bKb",
        );
        check("nonsense;;", "203.0.113.7:40000", "nonsense;;");
    }
}
