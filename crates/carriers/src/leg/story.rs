//! A leg's lines on its call's timeline: signalling messages and what was agreed about the sound. An incoming call
//! has no id until somebody takes it; its lines wait here for it.

use model::timeline::{TIMELINE_DETAIL_BYTES_MAX, TimelineEntry, TimelineKind};
use model::{CallId, Timestamp};
use ports::Timeline;
use serde_json::{Value, json};
use sip::{Direction, Hop};
use std::sync::Arc;

/// Most lines that wait for the call's id.
const WAITING_MAX: usize = 16;
/// Most bytes of a line's summary.
const SUMMARY_BYTES_MAX: usize = 200;
/// Most bytes of a message within the detail, as JSON spells them; the rest is for what stands around it.
const MESSAGE_BYTES_MAX: usize = TIMELINE_DETAIL_BYTES_MAX - 300;

/// The timeline of one leg.
pub(crate) struct Story {
    timeline: Option<Arc<dyn Timeline>>,
    call: Option<CallId>,
    waiting: Vec<Line>,
}

struct Line {
    at: Timestamp,
    kind: TimelineKind,
    summary: String,
    detail: Value,
}

/// A signalling message that went out or came in, credentials masked.
pub(crate) struct Message<'a> {
    /// Which way.
    pub(crate) direction: Direction,
    /// The other machine.
    pub(crate) hop: Hop,
    /// The text.
    pub(crate) bytes: &'a [u8],
    /// Whether it was seen before.
    pub(crate) retransmission: bool,
}

impl Story {
    /// The story of a leg; without a timeline nothing is written.
    pub(crate) const fn new(timeline: Option<Arc<dyn Timeline>>, call: Option<CallId>) -> Self {
        Self { timeline, call, waiting: Vec::new() }
    }

    /// The call is known now: writes what waited for it.
    pub(crate) fn belongs_to(&mut self, call: CallId) {
        self.call = Some(call);
        for line in std::mem::take(&mut self.waiting) {
            self.write(line);
        }
    }

    /// A signalling message.
    pub(crate) fn message(&mut self, message: &Message<'_>, at: Timestamp) {
        if self.timeline.is_none() {
            return;
        }
        let text = String::from_utf8_lossy(message.bytes);
        let (arrow, direction) = match message.direction {
            Direction::Out => ("→", "out"),
            Direction::In => ("←", "in"),
        };
        let again = if message.retransmission { " (again)" } else { "" };
        let summary = cut(&format!("{arrow} {}{again}", headline(&text)), SUMMARY_BYTES_MAX).to_owned();
        let kept = cut_as_json(&text, MESSAGE_BYTES_MAX);
        let detail = json!({
            "peer": message.hop.address.to_string(),
            "transport": message.hop.transport.via_word(),
            "direction": direction,
            "again": message.retransmission,
            "message": kept,
            "cut": kept.len() < text.len(),
        });
        self.write(Line { at, kind: TimelineKind::Sip, summary, detail });
    }

    /// What was agreed about the sound, or why nothing was.
    pub(crate) fn sound(&mut self, summary: &str, detail: Value, at: Timestamp) {
        let summary = cut(summary, SUMMARY_BYTES_MAX).to_owned();
        self.write(Line { at, kind: TimelineKind::Sdp, summary, detail });
    }

    /// What became of an attempt, or of a request, where the messages alone do not say it.
    pub(crate) fn signalling(&mut self, summary: &str, detail: Value, at: Timestamp) {
        let summary = cut(summary, SUMMARY_BYTES_MAX).to_owned();
        self.write(Line { at, kind: TimelineKind::Sip, summary, detail });
    }

    fn write(&mut self, line: Line) {
        let Some(timeline) = &self.timeline else { return };
        match self.call {
            Some(call) => {
                let Line { at, kind, summary, detail } = line;
                timeline.note(TimelineEntry { call, at, kind, summary, detail });
            }
            None if self.waiting.len() < WAITING_MAX => self.waiting.push(line),
            None => {}
        }
    }
}

/// The first line without the protocol's name and version: `INVITE sip:…`, `180 Ringing`.
fn headline(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    line.strip_prefix("SIP/2.0 ").or_else(|| line.strip_suffix(" SIP/2.0")).unwrap_or(line)
}

fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

/// The longest beginning of `text` that JSON spells with at most `bytes_max` bytes.
fn cut_as_json(text: &str, bytes_max: usize) -> &str {
    let mut spelled = 0;
    for (at, character) in text.char_indices() {
        spelled += match character {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            '\0'..='\x1f' => 6,
            other => other.len_utf8(),
        };
        if spelled > bytes_max {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::IdSource;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Lines(Mutex<Vec<TimelineEntry>>);

    impl Timeline for Lines {
        fn note(&self, entry: TimelineEntry) {
            self.0.lock().unwrap().push(entry);
        }
    }

    fn message(bytes: &[u8], direction: Direction) -> Message<'_> {
        let hop = Hop::udp("192.0.2.1:5060".parse().unwrap());
        Message { direction, hop, bytes, retransmission: false }
    }

    fn check(bytes: &[u8], direction: Direction, summary: &str) {
        let lines = Arc::new(Lines::default());
        let call = CallId::generate(&mut IdSource::new(1), Timestamp::from_millis(1));
        let mut story = Story::new(Some(lines.clone()), Some(call));
        story.message(&message(bytes, direction), Timestamp::from_millis(2));
        let lines = lines.0.lock().unwrap();
        assert_eq!(lines[0].summary, summary);
        assert!(lines[0].summary.len() <= SUMMARY_BYTES_MAX);
        assert!(lines[0].detail.to_string().len() <= TIMELINE_DETAIL_BYTES_MAX, "{summary}");
    }

    #[test]
    fn messages_are_told_by_their_first_line() {
        check(b"INVITE sip:a@b SIP/2.0\r\nTo: x\r\n", Direction::Out, "→ INVITE sip:a@b");
        check(b"SIP/2.0 180 Ringing\r\n\r\n", Direction::In, "← 180 Ringing");
        check(b"", Direction::In, "← ");
        let quotes = [b"SIP/2.0 200 OK\r\n".as_slice(), &[b'"'; 60_000]].concat();
        check(&quotes, Direction::In, "← 200 OK");
        check(&[0xff; 9_000], Direction::In, &format!("← {}", "\u{fffd}".repeat(65)));
    }

    #[test]
    fn an_incoming_calls_lines_wait_for_its_id() {
        let lines = Arc::new(Lines::default());
        let mut story = Story::new(Some(lines.clone()), None);
        for _ in 0..WAITING_MAX + 3 {
            story.message(&message(b"INVITE sip:a@b SIP/2.0\r\n", Direction::In), Timestamp::default());
        }
        assert!(lines.0.lock().unwrap().is_empty());
        let call = CallId::generate(&mut IdSource::new(1), Timestamp::from_millis(1));
        story.belongs_to(call);
        assert_eq!(lines.0.lock().unwrap().len(), WAITING_MAX);
        assert!(lines.0.lock().unwrap().iter().all(|line| line.call == call));
    }
}
