//! What is left of a world when it is over, and its timeline while it lives.

use super::{Telling, World};
use crate::report::CallReport;
use crate::violation::Violation;
use model::Timestamp;
use model::call::Call;
use model::timeline::{TIMELINE_ENTRIES_MAX, TimelineEntry, TimelineKind};
use serde_json::{Value, json};
use sip::{Direction, Hop};

/// Most bytes of a line's summary.
const SUMMARY_BYTES_MAX: usize = 200;
/// Most bytes of a message that are kept.
const MESSAGE_BYTES_MAX: usize = 3_800;

/// What is left.
pub(crate) struct Parts {
    pub(crate) calls: Vec<CallReport>,
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) violation: Option<Violation>,
    pub(crate) steps: u64,
    pub(crate) packets: u64,
    pub(crate) digest: u64,
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) fn into_parts(self) -> Parts {
        let calls = self.calls.into_iter().filter_map(|line| {
            let figures = line.figures;
            let actor = line.actor?;
            let call = actor.machine.call().clone();
            Some(CallReport { call, events: actor.books.into_events(), figures })
        });
        Parts {
            calls: calls.collect(),
            timeline: self.timeline,
            violation: self.violation,
            steps: self.steps,
            packets: self.packets,
            digest: self.digest.value(),
            now: self.now,
        }
    }

    /// A line on a call's timeline.
    pub(super) fn note(&mut self, call: usize, kind: TimelineKind, summary: &str, detail: Value) {
        let full = self.timeline.len() >= TIMELINE_ENTRIES_MAX as usize;
        if self.telling == Telling::Nothing || full {
            return;
        }
        let Some(line) = self.calls.get(call) else { return };
        let accepting = line.accepting.as_deref();
        let Some(id) = line.row().or(accepting).map(|row: &Call| row.id) else { return };
        let summary = summary.get(..summary.floor_char_boundary(SUMMARY_BYTES_MAX)).unwrap_or_default();
        let entry = TimelineEntry { call: id, at: self.now, kind, summary: summary.to_owned(), detail };
        self.timeline.push(entry);
    }

    /// A SIP message of the server's.
    pub(super) fn tell_message(
        &mut self,
        call: usize,
        direction: Direction,
        hop: Hop,
        bytes: &[u8],
        retransmission: bool,
    ) {
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().next().unwrap_or_default();
        let line = line.strip_prefix("SIP/2.0 ").or_else(|| line.strip_suffix(" SIP/2.0")).unwrap_or(line);
        let (arrow, way) = match direction {
            Direction::Out => ("→", "out"),
            Direction::In => ("←", "in"),
        };
        let again = if retransmission { " (again)" } else { "" };
        let kept = text.get(..text.floor_char_boundary(MESSAGE_BYTES_MAX)).unwrap_or_default();
        let detail = json!({
            "direction": way,
            "peer": hop.address.to_string(),
            "transport": hop.transport.via_word(),
            "message": kept,
            "cut": kept.len() < text.len(),
            "retransmission": retransmission,
        });
        self.note(call, TimelineKind::Sip, &format!("{arrow} {line}{again}"), detail);
    }
}
