//! Reads session descriptions (RFC 8866 §9): strict where a wrong guess would send sound elsewhere, lenient where RFC
//! 8866 says to ignore. Bounded in bytes, lines and streams. Negotiates nothing.

use super::SdpRefusal;
use super::description::{Attribute, Media, Origin, SessionDescription};

/// Bytes of one description.
const BYTES_MAX: usize = 32 * 1024;
/// Lines of one description.
const LINES_MAX: usize = 512;
/// Streams of one description.
const MEDIA_MAX: usize = 16;
/// Formats of one stream.
const FORMATS_MAX: usize = 64;

impl SessionDescription {
    /// Reads a body of type application/sdp.
    pub fn parse(bytes: &[u8]) -> Result<Self, SdpRefusal> {
        if bytes.len() > BYTES_MAX {
            return Err(SdpRefusal::Malformed { line: 1, what: "more than 32 KiB" });
        }
        let text = String::from_utf8_lossy(bytes);
        let mut reader = Reader::default();
        for (index, line) in text.split('\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            if index >= LINES_MAX {
                return Err(SdpRefusal::Malformed { line: index + 1, what: "more than 512 lines" });
            }
            reader.take(line).map_err(|what| SdpRefusal::Malformed { line: index + 1, what })?;
        }
        reader.finish()
    }
}

#[derive(Default)]
struct Reader {
    version_seen: bool,
    origin: Option<(Origin, String)>,
    address: Option<String>,
    attributes: Vec<Attribute>,
    media: Vec<Media>,
}

impl Reader {
    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let (kind, value) = line.split_once('=').ok_or("not <letter>=<value>")?;
        if !self.version_seen && kind != "v" {
            return Err("the first line is not v=0");
        }
        match kind {
            "v" if value.trim() == "0" && !self.version_seen => self.version_seen = true,
            "v" => return Err("not v=0, once"),
            "o" if self.origin.is_some() => return Err("a second o="),
            "o" => self.origin = Some(parse_origin(value)?),
            "c" => self.take_connection(value)?,
            "a" => self.take_attribute(value),
            "m" if self.media.len() == MEDIA_MAX => return Err("more than 16 streams"),
            "m" => self.media.push(parse_media(value)?),
            _ if kind.len() == 1 && kind.bytes().all(|letter| letter.is_ascii_lowercase()) => {}
            _ => return Err("not <letter>=<value>"),
        }
        Ok(())
    }

    fn take_connection(&mut self, value: &str) -> Result<(), &'static str> {
        let mut words = value.split_ascii_whitespace();
        let (net, kind, address) = (words.next(), words.next(), words.next());
        // A multicast address has a TTL and a count after it.
        let address =
            address.and_then(|address| address.split('/').next()).filter(|address| !address.is_empty());
        let address = address.ok_or("c= is not <net> <type> <address>")?.to_owned();
        if net != Some("IN") || !matches!(kind, Some("IP4" | "IP6")) {
            return Err("c= is not IN IP4 or IN IP6");
        }
        match self.media.last_mut() {
            Some(media) => media.address.get_or_insert(address),
            None => self.address.get_or_insert(address),
        };
        Ok(())
    }

    fn take_attribute(&mut self, value: &str) {
        let attribute = match value.split_once(':') {
            Some((name, value)) => Attribute::with(name.trim(), value.trim()),
            None => Attribute::flag(value.trim()),
        };
        match self.media.last_mut() {
            Some(media) => media.attributes.push(attribute),
            None => self.attributes.push(attribute),
        }
    }

    fn finish(self) -> Result<SessionDescription, SdpRefusal> {
        if !self.version_seen {
            return Err(SdpRefusal::Malformed { line: 1, what: "no v=0" });
        }
        let (origin, origin_address) = self.origin.ok_or(SdpRefusal::Malformed { line: 1, what: "no o=" })?;
        let Self { address, attributes, media, .. } = self;
        Ok(SessionDescription { origin, origin_address, address, attributes, media })
    }
}

/// `<user> <session id> <version> IN IP4 <address>`; ids too long for 64 bits keep their last digits.
fn parse_origin(value: &str) -> Result<(Origin, String), &'static str> {
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    let [_, session_id, version, _, _, address] = words.as_slice() else {
        return Err("o= has not six parts");
    };
    let number = |text: &str| {
        let wrapping = |sum: u64, digit: u8| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.bytes().fold(0, wrapping))
    };
    let session_id = number(session_id).ok_or("o= has a session id that is no number")?;
    let version = number(version).ok_or("o= has a version that is no number")?;
    Ok((Origin { session_id, version }, (*address).to_owned()))
}

/// `<kind> <port>[/<count>] <protocol> <format> …`
fn parse_media(value: &str) -> Result<Media, &'static str> {
    let mut words = value.split_ascii_whitespace();
    let kind = words.next().ok_or("m= is empty")?;
    let port = words.next().ok_or("m= has no port")?;
    let port = port.split('/').next().and_then(|port| port.parse().ok()).ok_or("m= has a malformed port")?;
    let protocol = words.next().ok_or("m= has no protocol")?;
    let formats: Vec<String> = words.take(FORMATS_MAX + 1).map(str::to_owned).collect();
    match formats.len() {
        0 => return Err("m= has no format"),
        count if count > FORMATS_MAX => return Err("m= has more than 64 formats"),
        _ => {}
    }
    let (kind, protocol) = (kind.to_owned(), protocol.to_owned());
    Ok(Media { kind, port, protocol, formats, address: None, attributes: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sdp_is_refused_with_its_line() {
        let check = |text: &str, line: usize| match SessionDescription::parse(text.as_bytes()) {
            Err(SdpRefusal::Malformed { line: found, .. }) => assert_eq!(found, line, "{text:?}"),
            other => panic!("{text:?}: {other:?}"),
        };
        check("", 1);
        check("o=- 1 1 IN IP4 h\r\n", 1);
        check("v=1\r\n", 1);
        check("v=0\r\nv=0\r\n", 2);
        check("v=0\r\ns=-\r\n", 1);
        check("v=0\r\no=- 1 IN IP4 h\r\n", 2);
        check("v=0\r\no=- x 1 IN IP4 h\r\n", 2);
        check("v=0\r\no=- 1 1 IN IP4 h\r\nnonsense\r\n", 3);
        check("v=0\r\no=- 1 1 IN IP4 h\r\nA=b\r\n", 3);
        check("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN\r\n", 3);
        check("v=0\r\no=- 1 1 IN IP4 h\r\nc=ATM X 1\r\n", 3);
        check("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 /127\r\n", 3);
        check("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio x RTP/AVP 0\r\n", 3);
        check("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 99999 RTP/AVP 0\r\n", 3);
        check("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 1 RTP/AVP\r\n", 3);
        check(&format!("v=0\r\no=- 1 1 IN IP4 h\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(17)), 19);
        check(&"v=0\r\n".repeat(8_000), 1);
    }

    #[test]
    fn what_rfc_8866_lets_pass_passes() {
        let check = |text: &str| {
            SessionDescription::parse(text.as_bytes())
                .unwrap_or_else(|refusal| panic!("{text:?}: {refusal}"));
        };
        check("v=0\no=- 1 1 IN IP4 h\ns=-\nt=0 0\n");
        check("v=0\r\no=Mallory 99999999999999999999999 1 IN IP6 ::1\r\ns= \r\n");
        check(
            "v=0\r\no=- 1 1 IN IP4 h\r\nb=AS:64\r\nk=clear:x\r\na=\r\nx=future\r\nm=audio 4/2 RTP/AVP 0 x\r\ni=t",
        );
        check("v=0\r\no=J\u{fc}rgen 1 1 IN IP4 h\r\n");
    }

    #[test]
    fn addresses_and_directions_stand_at_both_levels() {
        let text = "v=0\r\no=- 1 2 IN IP4 h\r\nc=IN IP4 192.0.2.1\r\na=sendonly\r\n\
            m=audio 10 RTP/AVP 0\r\nm=audio 20 RTP/AVP 0\r\nc=IN IP4 192.0.2.2/127\r\na=inactive\r\n";
        let sdp = SessionDescription::parse(text.as_bytes()).unwrap();
        assert_eq!(sdp.origin, Origin { session_id: 1, version: 2 });
        let seen: Vec<_> =
            sdp.media.iter().map(|m| (sdp.address_of(m), sdp.direction_of(m).as_str())).collect();
        let address = |text: &str| text.parse().ok();
        assert_eq!(seen, [(address("192.0.2.1"), "sendonly"), (address("192.0.2.2"), "inactive")]);
    }
}
