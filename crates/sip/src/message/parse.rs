//! The span parser: finds the start line, the header lines and the body of one datagram (RFC 3261 §7) and allocates
//! nothing. What is wrong with a request is remembered as its first [`Defect`], so that it can still be answered.

use super::name::{HeaderName, Method};
use super::scan::{self, Elements};
use std::fmt;

/// Header lines a message may have.
pub const HEADERS_MAX: usize = 64;

/// A header line: name and value as written, the value trimmed, with the line breaks of its folds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field<'a> {
    /// What it is.
    pub name: HeaderName,
    /// The name as written.
    pub raw_name: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request.
    Request {
        /// Its method.
        method: Method<'a>,
        /// Request-URI as written; not checked here.
        uri: &'a [u8],
    },
    /// A response.
    Response {
        /// 100..=699.
        code: u16,
        /// The phrase as written, maybe empty, maybe not UTF-8.
        reason: &'a [u8],
    },
}

/// Why bytes are not even a message to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but line breaks: a keep-alive (RFC 5626 §4.4.1).
    #[error("a keep-alive")]
    KeepAlive,
    /// The first line is none of SIP.
    #[error("not SIP")]
    NotSip,
    /// A response that is malformed; it is dropped.
    #[error("malformed response: {0:?}")]
    Response(Defect),
}

/// What is wrong with the frame of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The request line is not method, one space, URI, one space, version; 400.
    RequestLine,
    /// Not SIP/2.0; 505.
    Version,
    /// A header line without a name and a colon; 400.
    HeaderLine,
    /// More than [`HEADERS_MAX`]; 400.
    TooManyHeaders,
    /// No empty line after the headers; 400.
    NoHeaderEnd,
    /// Content-Length is no number; 400.
    ContentLength,
    /// Content-Length says more than the datagram holds; 400.
    BodyShort,
}

/// A message, borrowed from its datagram. `Debug` shows no value.
#[derive(Clone)]
pub struct Message<'a> {
    /// The first line.
    pub start: StartLine<'a>,
    /// The whole datagram.
    pub raw: &'a [u8],
    /// The first thing wrong with the frame; always `None` in a response.
    pub defect: Option<Defect>,
    fields: [Field<'a>; HEADERS_MAX],
    count: usize,
    body: &'a [u8],
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.method().map_or("response", Method::as_str);
        write!(f, "Message({name}, {} headers, {} bytes of body)", self.count, self.body.len())
    }
}

impl<'a> Message<'a> {
    /// Reads one datagram. Bytes beyond Content-Length are cut off (§18.3); without it the body is all the rest.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut rest = bytes;
        while let [b'\r' | b'\n', tail @ ..] = rest {
            rest = tail;
        }
        if rest.is_empty() {
            return Err(ParseError::KeepAlive);
        }
        let (line, rest) = take_line(rest).ok_or(ParseError::NotSip)?;
        let (start, defect) = parse_start_line(line)?;
        let mut message =
            Self { start, raw: bytes, defect, fields: [Field::default(); HEADERS_MAX], count: 0, body: &[] };
        let body = message.take_headers(rest);
        message.take_body(body);
        match (message.start, message.defect) {
            (StartLine::Response { .. }, Some(defect)) => Err(ParseError::Response(defect)),
            _ => Ok(message),
        }
    }

    fn note(&mut self, defect: Defect) {
        self.defect.get_or_insert(defect);
    }

    /// Takes the header lines up to the empty one; gives what follows.
    fn take_headers(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        loop {
            let Some((line, after)) = take_folded_line(rest) else {
                self.note(Defect::NoHeaderEnd);
                return &[];
            };
            rest = after;
            if line.is_empty() {
                return rest;
            }
            self.take_header(line);
        }
    }

    fn take_header(&mut self, line: &'a [u8]) {
        let Some((raw_name, value)) = scan::split_once(line, b':') else {
            return self.note(Defect::HeaderLine);
        };
        let raw_name = match raw_name {
            // Only white space before the colon is let through, not before the name.
            [first, ..] if !scan::is_lws(*first) => scan::trim(raw_name),
            _ => return self.note(Defect::HeaderLine),
        };
        let field = Field { name: HeaderName::from_bytes(raw_name), raw_name, value: scan::trim(value) };
        match self.fields.get_mut(self.count) {
            Some(slot) => {
                *slot = field;
                self.count += 1;
            }
            None => self.note(Defect::TooManyHeaders),
        }
    }

    fn take_body(&mut self, rest: &'a [u8]) {
        self.body = rest;
        // Several are refused elsewhere, in whatever they say.
        let Some(value) = self.value(HeaderName::ContentLength) else { return };
        let Some(length) = scan::number(value) else { return self.note(Defect::ContentLength) };
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(body) => self.body = body,
            None => self.note(Defect::BodyShort),
        }
    }

    /// The headers in order.
    pub fn fields(&self) -> &[Field<'a>] {
        self.fields.get(..self.count).unwrap_or_default()
    }

    fn fields_named(&self, name: HeaderName) -> impl Iterator<Item = &Field<'a>> {
        self.fields().iter().filter(move |field| field.name == name)
    }

    /// The first value of a header.
    pub fn value(&self, name: HeaderName) -> Option<&'a [u8]> {
        self.fields_named(name).next().map(|field| field.value)
    }

    /// The values of all lines of a header, in order, each unsplit.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.fields_named(name).map(|field| field.value)
    }

    /// How many lines a header has.
    pub fn count(&self, name: HeaderName) -> usize {
        self.fields_named(name).count()
    }

    /// The first value of a header as text; `None` if it is missing or not UTF-8.
    pub fn text(&self, name: HeaderName) -> Option<&'a str> {
        self.value(name).and_then(scan::text)
    }

    /// The first value of a header, bytes that are not UTF-8 replaced, folds resolved.
    pub fn text_lossy(&self, name: HeaderName) -> Option<String> {
        self.value(name).map(scan::unfold)
    }

    /// The first value of a header that [`HeaderName`] does not list, by its name in any case.
    pub fn other(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.fields().iter().find(|field| field.raw_name.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|field| field.value)
    }

    /// All elements of a list header (Via, Contact, Route, Require, …), over all its lines, in order.
    pub fn elements(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.fields_named(name).flat_map(|field| Elements::new(field.value))
    }

    /// The body.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The method of a request.
    pub fn method(&self) -> Option<Method<'a>> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } => None,
        }
    }
}

/// A line without its end (CRLF, or LF alone), and what follows.
pub(super) fn take_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = scan::split_once(bytes, b'\n')?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
}

/// A header line with the lines that continue it (they start with white space).
pub(super) fn take_folded_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, mut rest) = take_line(bytes)?;
    if line.is_empty() {
        return Some((line, rest));
    }
    let mut end = line.len();
    while let [b' ' | b'\t', ..] = rest {
        let (_, after) = take_line(rest)?;
        rest = after;
        end = bytes.len() - rest.len();
    }
    Some((bytes.get(..end)?, rest))
}

pub(super) fn parse_start_line(line: &[u8]) -> Result<(StartLine<'_>, Option<Defect>), ParseError> {
    if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
        return parse_status_line(line).map(|start| (start, None)).ok_or(ParseError::NotSip);
    }
    let (method, rest) = scan::split_once(line, b' ').ok_or(ParseError::NotSip)?;
    let names_sip = line.windows(5).any(|window| window.eq_ignore_ascii_case(b" SIP/"));
    if !scan::is_token(method) || !names_sip {
        return Err(ParseError::NotSip);
    }
    let method = Method::from_token(scan::text(method).ok_or(ParseError::NotSip)?);
    let (uri, defect) =
        match rest.iter().rposition(|byte| *byte == b' ').and_then(|at| rest.split_at_checked(at)) {
            Some((uri, version)) => (uri, check_request_line(uri, version)),
            None => (rest, Some(Defect::RequestLine)),
        };
    Ok((StartLine::Request { method, uri }, defect))
}

/// `version` starts with the space before it.
fn check_request_line(uri: &[u8], version: &[u8]) -> Option<Defect> {
    if uri.is_empty() || uri.iter().any(|byte| scan::is_lws(*byte)) {
        return Some(Defect::RequestLine);
    }
    match version.get(1..5) {
        Some(protocol) if protocol.eq_ignore_ascii_case(b"SIP/") => {
            (version.get(5..) != Some(b"2.0".as_slice())).then_some(Defect::Version)
        }
        _ => Some(Defect::RequestLine),
    }
}

fn parse_status_line(line: &[u8]) -> Option<StartLine<'_>> {
    let rest = line.get(4..)?.strip_prefix(b"2.0 ")?;
    let (code, reason) = rest.split_at_checked(3)?;
    let code = u16::try_from(scan::number(code)?).ok().filter(|code| (100..=699).contains(code))?;
    match reason {
        [] => Some(StartLine::Response { code, reason }),
        [b' ', phrase @ ..] => Some(StartLine::Response { code, reason: phrase }),
        _ => None,
    }
}
