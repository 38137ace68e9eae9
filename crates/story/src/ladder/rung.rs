//! One rung of a ladder: what a timeline line becomes, before it has a place on the page.

use crate::Line;
use crate::message::{Message, Start};
use model::Timestamp;
use model::timeline::TimelineKind;
use serde_json::Value;
use std::net::SocketAddr;

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    /// The app: its API requests and its webhook receivers.
    App,
    /// This server.
    Server,
    /// A far side, by its place.
    Peer(usize),
}

/// What colour a rung has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A request.
    Request,
    /// A provisional response.
    Provisional,
    /// Something went well.
    Good,
    /// Something did not.
    Bad,
    /// Between app and server.
    App,
    /// What the server did itself.
    Quiet,
}

/// Where a rung goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// An arrow.
    Arrow {
        /// From whom.
        from: Party,
        /// To whom.
        to: Party,
        /// Seen before: dashed.
        again: bool,
    },
    /// A mark on the server's own line.
    Mark,
}

/// One rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rung {
    /// When.
    pub(super) at: Timestamp,
    /// Arrow or mark.
    pub(super) course: Course,
    /// Its colour.
    pub(super) tone: Tone,
    /// What stands at it.
    pub(super) label: String,
    /// What is shown to whoever points at it.
    pub(super) hover: String,
}

impl Rung {
    /// The rung of a line; `seat` gives a far side its place.
    pub(super) fn of(line: &Line, seat: impl FnOnce(SocketAddr) -> usize) -> Self {
        let entry = &line.entry;
        let rung = |course, tone, label: &str, hover: &str| Self {
            at: entry.at,
            course,
            tone,
            label: label.to_owned(),
            hover: hover.to_owned(),
        };
        let summary = entry.summary.as_str();
        if let Some(message) = Message::of(line) {
            let peer = Party::Peer(seat(message.peer));
            let (from, to) = if message.outgoing { (Party::Server, peer) } else { (peer, Party::Server) };
            let course = Course::Arrow { from, to, again: message.again };
            return rung(course, tone_of(&message), &label_of(&message, summary), message.text);
        }
        let arrow = |from, to| Course::Arrow { from, to, again: false };
        match entry.kind {
            TimelineKind::Api => rung(arrow(Party::App, Party::Server), Tone::App, summary, summary),
            TimelineKind::Webhook
                if entry.detail.get("attempt").is_some() || status(&entry.detail).is_some() =>
            {
                let delivered = status(&entry.detail).is_some_and(|status| (200..300).contains(&status));
                let tone = if delivered { Tone::App } else { Tone::Bad };
                rung(arrow(Party::Server, Party::App), tone, summary, summary)
            }
            _ => rung(Course::Mark, Tone::Quiet, summary, &unfolded(summary, &entry.detail)),
        }
    }

    /// Whether somebody takes part in it.
    pub(super) fn touches(&self, party: Party) -> bool {
        matches!(self.course, Course::Arrow { from, to, .. } if from == party || to == party)
    }
}

fn status(detail: &Value) -> Option<u64> {
    detail.get("status").and_then(Value::as_u64)
}

fn tone_of(message: &Message<'_>) -> Tone {
    match message.start() {
        Some(Start::Response(..200)) => Tone::Provisional,
        Some(Start::Response(200..300)) => Tone::Good,
        Some(Start::Response(_)) | None => Tone::Bad,
        Some(Start::Request(_)) => Tone::Request,
    }
}

/// A request's method, or a response's status and what it responds to; and whether sound is described in it.
fn label_of(message: &Message<'_>, summary: &str) -> String {
    let words = summary.trim_start_matches(['→', '←', ' ']);
    let (words, method) = match message.start() {
        Some(Start::Request(method)) => (method, String::new()),
        Some(Start::Response(_)) => {
            let method = message.header("CSeq", "CSeq").and_then(|cseq| cseq.split(' ').nth(1));
            (words, method.map(|method| format!(" ({method})")).unwrap_or_default())
        }
        None => (words, String::new()),
    };
    let sound = if message.describes_session() { " · SDP" } else { "" };
    format!("{words}{method}{sound}")
}

fn unfolded(summary: &str, detail: &Value) -> String {
    match detail {
        Value::Null => summary.to_owned(),
        detail => format!("{summary}\n{detail:#}"),
    }
}
