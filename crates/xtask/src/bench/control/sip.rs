//! The few words of SIP that a generator needs: reading what it cares for, copying the rest. Not a SIP stack.

use std::net::SocketAddr;

/// A message as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a>(pub(super) &'a str);

impl<'a> Message<'a> {
    /// The status code; none of a request.
    pub(super) fn status(self) -> Option<u16> {
        self.0.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The first line's first two words.
    pub(super) fn request(self) -> Option<(&'a str, &'a str)> {
        let mut words = self.0.lines().next()?.split(' ');
        Some((words.next()?, words.next()?))
    }

    /// The value of the first header field of this name, spelled as everybody spells it.
    pub(super) fn header(self, name: &str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// The lines of all header fields of this name, copied.
    pub(super) fn copied(self, name: &str) -> String {
        self.headers(name).map(|value| format!("{name}: {value}\r\n")).collect()
    }

    /// The URI of the contact.
    pub(super) fn contact(self) -> Option<&'a str> {
        let contact = self.header("Contact")?;
        let inner = contact.split_once('<').map_or(contact, |(_, rest)| rest);
        inner.split('>').next()
    }

    /// The port of the sound in the body.
    pub(super) fn sound_port(self) -> Option<u16> {
        let line = self.0.lines().find_map(|line| line.strip_prefix("m=audio "))?;
        line.split(' ').next()?.parse().ok()
    }

    /// An answer to this request, with what stands at the end of its To field, and more lines and a body.
    pub(super) fn answer(self, line: &str, to_tag: &str, rest: &str) -> String {
        let [via, from, call_id, cseq] = ["Via", "From", "Call-ID", "CSeq"].map(|name| self.copied(name));
        let to = self.header("To").unwrap_or_default();
        let route = self.copied("Record-Route");
        format!("SIP/2.0 {line}\r\n{via}{from}To: {to}{to_tag}\r\n{call_id}{cseq}{route}{rest}")
    }

    fn headers(self, name: &str) -> impl Iterator<Item = &'a str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        let value = move |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
        head.split("\r\n").filter_map(value)
    }
}

/// What ends a message without a body.
pub(super) const NO_BODY: &str = "Content-Length: 0\r\n\r\n";

/// What ends a message that offers or accepts G.711 at `sound`.
pub(super) fn body(sound: SocketAddr) -> String {
    let (ip, port) = (sound.ip(), sound.port());
    let sdp = format!(
        "v=0\r\no=bench 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n\
         a=rtpmap:0 PCMU/8000\r\n"
    );
    format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_found() {
        let text = "INVITE sip:+49@1.2.3.4 SIP/2.0\r\nVia: a\r\nVia: b\r\nTo: <sip:x>\r\n\
                    Contact: <sip:y@z>;q=1\r\n\r\nm=audio 4000 RTP/AVP 0\r\n";
        let message = Message(text);
        assert_eq!(message.request(), Some(("INVITE", "sip:+49@1.2.3.4")));
        assert_eq!(message.status(), None);
        assert_eq!(message.copied("Via"), "Via: a\r\nVia: b\r\n");
        assert_eq!(message.contact(), Some("sip:y@z"));
        assert_eq!(message.sound_port(), Some(4000));
        let answer = message.answer("200 OK", ";tag=1", NO_BODY);
        assert_eq!(Message(&answer).status(), Some(200));
        assert_eq!(Message(&answer).header("To"), Some("<sip:x>;tag=1"));
    }
}
