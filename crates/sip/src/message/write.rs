//! Writes messages into a buffer the caller keeps. No value can end its line: control bytes come out as spaces.
//! Knows no transaction and no dialog.

use super::name::HeaderName;
use std::fmt;
use std::io::Write as _;

/// One message being written: start line, headers in the order given, body last.
#[derive(Debug)]
pub struct Writer<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    /// Starts a request; what was in the buffer is dropped.
    pub fn request(out: &'b mut Vec<u8>, method: &str, uri: &str) -> Self {
        out.clear();
        let mut writer = Self { out };
        writer.line(format_args!("{method} {uri} SIP/2.0"));
        writer
    }

    /// Starts a response with a phrase, or the code's own; what was in the buffer is dropped.
    pub fn response(out: &'b mut Vec<u8>, code: u16, reason: Option<&str>) -> Self {
        out.clear();
        let mut writer = Self { out };
        writer.line(format_args!("SIP/2.0 {code} {}", reason.unwrap_or_else(|| reason_phrase(code))));
        writer
    }

    /// Starts header lines alone, to be given to [`Self::lines`] of another writer.
    pub(crate) fn fragment(out: &'b mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Writes lines that already end in CRLF, as another writer made them.
    pub fn lines(&mut self, lines: &[u8]) -> &mut Self {
        self.out.extend_from_slice(lines);
        self
    }

    /// A header.
    pub fn header(&mut self, name: HeaderName, value: impl fmt::Display) -> &mut Self {
        self.line(format_args!("{}: {value}", name.as_str()));
        self
    }

    /// A header by any name.
    pub fn named(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        self.line(format_args!("{name}: {value}"));
        self
    }

    /// A header whose value comes from a message: folds become one space, other bytes stay.
    pub fn copied(&mut self, name: HeaderName, value: &[u8]) -> &mut Self {
        push_copied(self.out, name, value);
        self
    }

    /// Ends the message with a body.
    pub fn body(&mut self, content_type: &str, body: &[u8]) {
        self.header(HeaderName::ContentType, content_type);
        self.header(HeaderName::ContentLength, body.len());
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(body);
    }

    /// Ends the message without a body.
    pub fn end(&mut self) {
        self.header(HeaderName::ContentLength, 0);
        self.out.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        let from = self.out.len();
        // Writing to a vector does not fail.
        let _ = self.out.write_fmt(line);
        for byte in self.out.iter_mut().skip(from) {
            if byte.is_ascii_control() && *byte != b'\t' {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Appends a header line with a value taken from a message.
pub(crate) fn push_copied(out: &mut Vec<u8>, name: HeaderName, value: &[u8]) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    push_unfolded(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a value taken from a message, each fold as one space.
pub(crate) fn push_unfolded(out: &mut Vec<u8>, value: &[u8]) {
    let mut broken = false;
    for &byte in value {
        match byte {
            b'\r' | b'\n' => broken = true,
            b' ' | b'\t' if broken => {}
            _ => {
                if broken {
                    out.push(b' ');
                    broken = false;
                }
                out.push(byte);
            }
        }
    }
}

/// The phrase RFC 3261 §21 (and later RFCs) gives a code.
pub const fn reason_phrase(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        608 => "Rejected",
        _ => match code / 100 {
            1 => "Progress",
            2 => "Success",
            3 => "Redirection",
            4 => "Request Failure",
            5 => "Server Failure",
            _ => "Global Failure",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_line() {
        let mut out = b"old".to_vec();
        let mut writer = Writer::response(&mut out, 486, Some("Bu\r\nsy"));
        writer.named("X-A", "1\r\nX-B: 2\0").copied(HeaderName::Via, b"a\r\n\t b").end();
        let wanted = "SIP/2.0 486 Bu  sy\r\nX-A: 1  X-B: 2 \r\nVia: a b\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn a_body_has_its_type_and_length() {
        let mut out = Vec::new();
        Writer::request(&mut out, "INVITE", "sip:a@b").body("application/sdp", b"v=0\r\n");
        let wanted =
            "INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
