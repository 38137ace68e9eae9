//! Messages out of a stream (RFC 3261 §18.3, RFC 5626 §4.4.1): bytes in as they come, frames out. Each byte is looked at
//! once, whatever pieces it comes in; what is kept is bounded. Must not know sockets, nor what a message says.

use crate::message::header_block::{self, Length};

/// How much of one message is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramerLimits {
    /// Bytes of start line and headers.
    pub head_bytes_max: usize,
    /// Bytes of the body.
    pub body_bytes_max: usize,
}

impl Default for FramerLimits {
    fn default() -> Self {
        Self { head_bytes_max: 16_384, body_bytes_max: 65_535 }
    }
}

/// What came out of a stream. A lone CRLF between messages is passed over: it may be a pong, or stand before a message
/// (§7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole message, for [`crate::Endpoint::handle_message`].
    Message(&'a [u8]),
    /// CRLF CRLF: send one CRLF back.
    Ping,
    /// The stream cannot be followed any further. Give it to [`crate::Endpoint::handle_stream_fault`], send what comes out
    /// of that, and close. No frame follows.
    Fault(StreamFault, &'a [u8]),
}

/// Why a stream cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFault {
    /// The first line is none of SIP. Close without a word.
    NotSip,
    /// The headers are longer than the limit; 513 cannot be said, as they are not there to be copied. Close.
    HeadTooLarge,
    /// No Content-Length, several, or one that is no number: nobody knows where the next message starts. 400.
    ContentLength,
    /// The body is longer than the limit. 513.
    BodyTooLarge,
}

/// The pong to a [`Frame::Ping`].
pub const PONG: &[u8] = b"\r\n";
/// What asks the peer whether it is alive: it answers [`PONG`].
pub const PING: &[u8] = b"\r\n\r\n";

/// What is known of the message at the front of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between messages; holds how many of CR LF CR LF were seen.
    Between(usize),
    /// Within the headers.
    Head,
    /// Headers read; the whole message has so many bytes.
    Body(usize),
    Broken,
}

/// The frames of one stream.
#[derive(Debug)]
pub struct Framer {
    limits: FramerLimits,
    buffer: Vec<u8>,
    /// Where the message at the front starts: what is before it was given out.
    start: usize,
    /// Where nothing was looked at yet.
    scanned: usize,
    /// Where the header line being read starts.
    line: usize,
    state: State,
}

/// Bytes given out that are kept before the buffer is moved up.
const KEPT_MAX: usize = 4_096;

impl Framer {
    /// A stream that just opened.
    pub const fn new(limits: FramerLimits) -> Self {
        Self { limits, buffer: Vec::new(), start: 0, scanned: 0, line: 0, state: State::Between(0) }
    }

    /// Bytes came. Drain [`Self::next_frame`] before more are given: then no more is kept than one message and these bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.state == State::Broken {
            return;
        }
        if self.start == self.buffer.len() || self.start > KEPT_MAX {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.line = self.line.saturating_sub(self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes of a message that is not whole yet; a connection that holds some for long is a slow or a lost one.
    pub fn pending_bytes(&self) -> usize {
        match self.state {
            State::Between(_) | State::Broken => 0,
            State::Head | State::Body(_) => self.buffer.len() - self.start,
        }
    }

    /// The next frame, if one is whole.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        if let State::Between(_) = self.state
            && self.skip_breaks()
        {
            return Some(Frame::Ping);
        }
        if self.state == State::Head {
            match self.find_head_end() {
                Ok(Some(end)) => {
                    if let Err(fault) = self.on_head(end) {
                        return Some(self.fault(fault, end));
                    }
                }
                Ok(None) => return None,
                Err(fault) => return Some(self.fault(fault, self.start)),
            }
        }
        let State::Body(length) = self.state else { return None };
        let end = self.start + length;
        let message = self.buffer.get(self.start..end)?;
        self.start = end;
        self.scanned = end;
        self.state = State::Between(0);
        Some(Frame::Message(message))
    }

    /// Passes line breaks over; true at the second CRLF.
    fn skip_breaks(&mut self) -> bool {
        while let (State::Between(seen), Some(byte)) = (self.state, self.buffer.get(self.scanned)) {
            let seen = match (byte, seen) {
                (b'\r', 0 | 2) | (b'\n', 1 | 3) => seen + 1,
                (b'\r', _) => 1,
                (b'\n', _) => 0,
                _ => {
                    self.state = State::Head;
                    self.line = self.scanned;
                    break;
                }
            };
            self.scanned += 1;
            self.start = self.scanned;
            self.state = State::Between(seen % PING.len());
            if seen == PING.len() {
                return true;
            }
        }
        false
    }

    /// Where the empty line behind the headers ends; looks only at what was not looked at yet.
    fn find_head_end(&mut self) -> Result<Option<usize>, StreamFault> {
        while let Some(rest) = self.buffer.get(self.scanned..) {
            let Some(at) = rest.iter().position(|byte| *byte == b'\n') else { break };
            let end = self.scanned + at + 1;
            if end - self.start > self.limits.head_bytes_max {
                return Err(StreamFault::HeadTooLarge);
            }
            let line = self.buffer.get(self.line..end).unwrap_or_default();
            if self.line == self.start && !header_block::is_start_line(line) {
                return Err(StreamFault::NotSip);
            }
            self.scanned = end;
            self.line = end;
            if matches!(line, b"\n" | b"\r\n") {
                return Ok(Some(end));
            }
        }
        self.scanned = self.buffer.len();
        match self.buffer.len() - self.start > self.limits.head_bytes_max {
            true => Err(StreamFault::HeadTooLarge),
            false => Ok(None),
        }
    }

    fn on_head(&mut self, end: usize) -> Result<(), StreamFault> {
        let head = self.buffer.get(self.start..end).unwrap_or_default();
        let Length::Bytes(body) = header_block::content_length(head) else {
            return Err(StreamFault::ContentLength);
        };
        let body = usize::try_from(body).ok().filter(|body| *body <= self.limits.body_bytes_max);
        let body = body.ok_or(StreamFault::BodyTooLarge)?;
        self.state = State::Body(end - self.start + body);
        Ok(())
    }

    fn fault(&mut self, fault: StreamFault, end: usize) -> Frame<'_> {
        self.state = State::Broken;
        Frame::Fault(fault, self.buffer.get(self.start..end).unwrap_or_default())
    }
}

impl Default for Framer {
    fn default() -> Self {
        Self::new(FramerLimits::default())
    }
}
