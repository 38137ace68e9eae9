//! A signalling message as a timeline line keeps it: the text with credentials masked, who sent it, when. Reads just
//! as much of the text as a drawing needs.

use crate::Line;
use model::Timestamp;
use model::timeline::TimelineKind;
use serde_json::Value;
use std::net::SocketAddr;

/// How a message travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In a datagram.
    Udp,
    /// On a connection, TLS included: what is kept is the text before it was encrypted.
    Stream,
}

/// A message of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// When it went out or came in.
    pub(crate) at: Timestamp,
    /// The other machine.
    pub(crate) peer: SocketAddr,
    /// How it travelled.
    pub(crate) transport: Transport,
    /// Whether we sent it.
    pub(crate) outgoing: bool,
    /// Whether it had been seen before.
    pub(crate) again: bool,
    /// The text.
    pub(crate) text: &'a str,
}

/// What the first line of a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start<'a> {
    /// A request and its method.
    Request(&'a str),
    /// A response and its status code.
    Response(u16),
}

impl<'a> Message<'a> {
    /// The message that a line keeps, if it keeps one.
    pub(crate) fn of(line: &'a Line) -> Option<Self> {
        let entry = &line.entry;
        if entry.kind != TimelineKind::Sip {
            return None;
        }
        let text = |name| entry.detail.get(name).and_then(Value::as_str);
        Some(Self {
            at: entry.at,
            peer: text("peer")?.parse().ok()?,
            transport: if text("transport")? == "UDP" { Transport::Udp } else { Transport::Stream },
            outgoing: text("direction")? == "out",
            again: entry.detail.get("again").and_then(Value::as_bool).unwrap_or(false),
            text: text("message")?,
        })
    }

    /// Its first line, read.
    pub(crate) fn start(&self) -> Option<Start<'a>> {
        let line = self.text.lines().next()?;
        match line.strip_prefix("SIP/2.0 ") {
            Some(status) => status.get(..3)?.parse().ok().map(Start::Response),
            None => line.split(' ').next().filter(|method| !method.is_empty()).map(Start::Request),
        }
    }

    /// The first value of a header, by its long or short name.
    pub(crate) fn header(&self, long: &str, short: &str) -> Option<&'a str> {
        let headers = self.text.lines().skip(1).take_while(|line| !line.is_empty());
        headers.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            let name = name.trim_end();
            let found = name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short);
            found.then(|| value.trim())
        })
    }

    /// Whether a session description goes with it.
    pub(crate) fn describes_session(&self) -> bool {
        self.header("Content-Type", "c").is_some_and(|kind| kind.starts_with("application/sdp"))
    }

    /// The address that the message itself gives as ours, if it does so as a number.
    pub(crate) fn own_address(&self) -> Option<SocketAddr> {
        if !self.outgoing {
            return None;
        }
        let named = match self.start()? {
            Start::Request(_) => {
                let via = self.header("Via", "v")?;
                via.split_once(' ')?.1.split([';', ',']).next()?.trim()
            }
            Start::Response(_) => {
                let contact = self.header("Contact", "m")?;
                let uri = contact.split_once("sip:").or_else(|| contact.split_once("sips:"))?.1;
                let uri = uri.split([';', '>', '?']).next()?;
                uri.rsplit_once('@').map_or(uri, |(_, host)| host)
            }
        };
        named.parse().ok().or_else(|| {
            let host = named.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(named);
            host.parse().ok().map(|ip| SocketAddr::new(ip, 5060))
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use model::timeline::TimelineEntry;
    use model::{CallId, IdSource};
    use serde_json::json;

    /// A line that keeps a message.
    pub(crate) fn line(index: u32, at_ms: u64, arrow: &str, peer: &str, transport: &str, text: &str) -> Line {
        let call = CallId::generate(&mut IdSource::new(1), Timestamp::default());
        let direction = if arrow == "→" { "out" } else { "in" };
        let detail = json!({
            "peer": peer, "transport": transport, "direction": direction, "again": false, "message": text,
        });
        let at = Timestamp::from_millis(at_ms);
        let summary = format!("{arrow} {}", text.lines().next().unwrap_or_default());
        Line { index, entry: TimelineEntry { call, at, kind: TimelineKind::Sip, summary, detail } }
    }

    fn check(arrow: &str, text: &str, start: Option<Start<'_>>, own: Option<&str>) {
        let line = line(1, 5, arrow, "192.0.2.7:5060", "UDP", text);
        let message = Message::of(&line).unwrap();
        assert_eq!(message.start(), start, "{text}");
        assert_eq!(message.own_address(), own.map(|own| own.parse().unwrap()), "{text}");
    }

    #[test]
    fn messages_say_what_they_are_and_who_we_are() {
        let via = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1\r\n\r\n";
        check("→", via, Some(Start::Request("OPTIONS")), Some("192.0.2.1:5070"));
        check("←", via, Some(Start::Request("OPTIONS")), None);
        let v6 = "BYE sip:x SIP/2.0\r\nv: SIP/2.0/TCP [2001:db8::1];branch=1\r\n\r\n";
        check("→", v6, Some(Start::Request("BYE")), Some("[2001:db8::1]:5060"));
        let ok = "SIP/2.0 200 OK\r\nContact: <sip:4930@192.0.2.1:5060;transport=udp>\r\n\r\n";
        check("→", ok, Some(Start::Response(200)), Some("192.0.2.1:5060"));
        check("→", "SIP/2.0 180 Ringing\r\nm: <sip:a@pbx.example>\r\n\r\n", Some(Start::Response(180)), None);
        check("→", "SIP/2.0 x", None, None);
        check("→", "", None, None);
    }

    #[test]
    fn other_lines_are_no_messages() {
        let mut other = line(1, 0, "→", "192.0.2.7:5060", "UDP", "BYE sip:x SIP/2.0\r\n\r\n");
        other.entry.kind = TimelineKind::Media;
        assert!(Message::of(&other).is_none());
        let strange = line(1, 0, "→", "nowhere", "UDP", "BYE sip:x SIP/2.0\r\n\r\n");
        assert!(Message::of(&strange).is_none());
    }
}
