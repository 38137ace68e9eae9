//! A timeline sorted for the rules: messages, agreements about the sound, measures, steps, attempts. Draws no
//! conclusions.

use crate::Line;
use crate::message::{Message, Start};
use model::Timestamp;
use model::call::Call;
use model::timeline::TimelineKind;
use serde_json::Value;

/// A call and its sorted timeline.
pub(super) struct Facts<'a> {
    /// The row.
    pub(super) call: &'a Call,
    /// All lines.
    pub(super) lines: &'a [Line],
    messages: Vec<(&'a Line, Message<'a>)>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(call: &'a Call, lines: &'a [Line]) -> Self {
        let messages = lines.iter().filter_map(|line| Some((line, Message::of(line)?))).collect();
        Self { call, lines, messages }
    }

    /// Lines of one part of the server.
    pub(super) fn of_kind(&self, kind: TimelineKind) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.entry.kind == kind)
    }

    /// Requests of a method, sent or received; repetitions too.
    pub(super) fn requests(
        &self,
        method: &str,
        outgoing: bool,
    ) -> impl Iterator<Item = (&'a Line, Message<'a>)> {
        self.messages.iter().copied().filter(move |(_, message)| {
            message.outgoing == outgoing && message.start() == Some(Start::Request(method))
        })
    }

    /// Responses to requests of a method with their codes, sent or received.
    pub(super) fn responses(&self, method: &str, outgoing: bool) -> impl Iterator<Item = (&'a Line, u16)> {
        self.messages.iter().filter_map(move |(line, message)| {
            let Some(Start::Response(code)) = message.start() else { return None };
            let of = message.header("CSeq", "CSeq")?.split_whitespace().nth(1)?;
            (message.outgoing == outgoing && of == method).then_some((*line, code))
        })
    }

    /// Whether any message came in.
    pub(super) fn heard_any_message(&self) -> bool {
        self.messages.iter().any(|(_, message)| !message.outgoing)
    }

    /// What was agreed about the sound, in order: lines that name a codec.
    pub(super) fn agreements(&self) -> impl Iterator<Item = &'a Line> {
        self.of_kind(TimelineKind::Sdp).filter(|line| line.entry.detail.get("codec").is_some())
    }

    /// The figures of the whole call.
    pub(super) fn totals(&self) -> Option<(&'a Line, Figures<'a>)> {
        let lines = self.of_kind(TimelineKind::Media);
        let totals = lines.filter(|line| line.entry.detail.get("total") == Some(&Value::Bool(true)));
        totals.last().map(|line| (line, Figures(&line.entry.detail)))
    }

    /// Length of a packet's sound, as agreed last.
    pub(super) fn packet_ms(&self) -> u64 {
        self.agreements().last().and_then(|line| number(line, "ptimeMs")).unwrap_or(20)
    }

    /// Lines whose detail has this text under this name.
    pub(super) fn saying(&self, kind: TimelineKind, name: &str, text: &str) -> Vec<&'a Line> {
        self.of_kind(kind).filter(|line| word(line, name) == Some(text)).collect()
    }

    /// Seconds since the call was accepted.
    pub(super) fn since_start(&self, at: Timestamp) -> f64 {
        at.since(self.call.created_at).as_secs_f64()
    }
}

/// A text of a line's detail.
pub(super) fn word<'a>(line: &'a Line, name: &str) -> Option<&'a str> {
    line.entry.detail.get(name).and_then(Value::as_str)
}

/// A number of a line's detail.
pub(super) fn number(line: &Line, name: &str) -> Option<u64> {
    line.entry.detail.get(name).and_then(Value::as_u64)
}

/// Measures of a leg's sound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures<'a>(&'a Value);

impl Figures<'_> {
    /// A count; zero where it was not told.
    pub(super) fn count(self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// A measure, if there was one.
    pub(super) fn measure(self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// Share of the packets that should have arrived and did not, in per cent.
    pub(super) fn loss_percent(self) -> f64 {
        let (lost, received) = (self.count("lostPackets"), self.count("receivedPackets"));
        if lost + received == 0 { 0.0 } else { 100.0 * lost as f64 / (lost + received) as f64 }
    }
}
