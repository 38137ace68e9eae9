//! Writes session descriptions in the order RFC 8866 §9 wants. Negotiates nothing.

use super::description::{Attribute, SessionDescription};
use std::fmt::Write as _;

impl SessionDescription {
    /// Writes it as a body of type application/sdp.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = String::with_capacity(512);
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out.into_bytes()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let (id, version) = (self.origin.session_id, self.origin.version);
        let address = &self.origin_address;
        write!(out, "v=0\r\no=- {id} {version} IN {} {address}\r\ns=-\r\n", address_kind(address))?;
        if let Some(address) = &self.address {
            write!(out, "c=IN {} {address}\r\n", address_kind(address))?;
        }
        out.push_str("t=0 0\r\n");
        write_attributes(out, &self.attributes)?;
        for media in &self.media {
            write!(out, "m={} {} {}", media.kind, media.port, media.protocol)?;
            for format in &media.formats {
                write!(out, " {format}")?;
            }
            out.push_str("\r\n");
            if let Some(address) = &media.address {
                write!(out, "c=IN {} {address}\r\n", address_kind(address))?;
            }
            write_attributes(out, &media.attributes)?;
        }
        Ok(())
    }
}

fn address_kind(address: &str) -> &'static str {
    if address.contains(':') { "IP6" } else { "IP4" }
}

fn write_attributes(out: &mut String, attributes: &[Attribute]) -> std::fmt::Result {
    for attribute in attributes {
        match &attribute.value {
            Some(value) => write!(out, "a={}:{value}\r\n", attribute.name)?,
            None => write!(out, "a={}\r\n", attribute.name)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        let text = "v=0\r\no=- 7 3 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=sendrecv\r\n\
            m=audio 10 RTP/AVP 0 101\r\nc=IN IP6 ::1\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp-mux\r\n\
            m=video 0 RTP/AVP 31\r\n";
        let parsed = SessionDescription::parse(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(parsed.to_bytes()).unwrap(), text);
    }
}
