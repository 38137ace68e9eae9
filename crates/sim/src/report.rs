//! What a simulation brought: each call's row, events and figures, the timeline, and what was violated. Written as JSON
//! for machines and as lines for people.

use crate::violation::Violation;
use crate::world::{BEGIN, World};
use model::Timestamp;
use model::call::Call;
use model::event::Event;
use model::sound::MediaFigures;
use model::timeline::{TimelineEntry, TimelineKind};
use std::fmt::Write as _;

/// One call of a simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct CallReport {
    /// Its row at the end.
    pub call: Call,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// What was measured on the server's leg; none if there never was one.
    pub figures: Option<MediaFigures>,
}

/// A whole simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The calls that the server took, in the order they were planned.
    pub calls: Vec<CallReport>,
    /// All lines in the order they were written; empty where nothing was told.
    pub timeline: Vec<TimelineEntry>,
    /// The first invariant that did not hold.
    pub violation: Option<Violation>,
    /// Whether nothing was left to happen; false: the limit came first.
    pub finished: bool,
    /// Steps taken.
    pub steps: u64,
    /// Packets of sound sent, both sides.
    pub packets: u64,
    /// A hash of everything that was sent and when.
    pub digest: u64,
    /// When it ended.
    pub ended_at: Timestamp,
}

impl Report {
    pub(crate) fn new(world: World, finished: bool) -> Self {
        let parts = world.into_parts();
        Self {
            calls: parts.calls,
            timeline: parts.timeline,
            violation: parts.violation,
            finished,
            steps: parts.steps,
            packets: parts.packets,
            digest: parts.digest,
            ended_at: parts.now,
        }
    }

    /// The timeline for a person: one line an entry, with the time since the beginning.
    pub fn to_text(&self) -> String {
        timeline_text(&self.timeline)
    }
}

/// A timeline for a person: one line an entry, with the time since its beginning.
pub fn timeline_text(entries: &[TimelineEntry]) -> String {
    let began = entries.first().map_or(BEGIN, |entry| entry.at);
    let mut text = String::new();
    for entry in entries {
        let millis = entry.at.since(began).as_millis();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>4}.{:03}  {:<9}  {}",
            millis / 1_000,
            millis % 1_000,
            kind(entry.kind),
            entry.summary
        );
    }
    text
}

/// The name of the part that speaks.
const fn kind(kind: TimelineKind) -> &'static str {
    match kind {
        TimelineKind::Api => "api",
        TimelineKind::Sip => "sip",
        TimelineKind::Sdp => "sdp",
        TimelineKind::Media => "media",
        TimelineKind::Flow => "flow",
        TimelineKind::Dtmf => "dtmf",
        TimelineKind::Speech => "speech",
        TimelineKind::Recording => "recording",
        TimelineKind::Webhook => "webhook",
        TimelineKind::Call => "call",
    }
}
