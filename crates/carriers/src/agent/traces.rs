//! Messages on their way to a leg's timeline: those of an incoming call whose leg does not stand yet wait here, those
//! of a leg that is over find its story here for a while.

use crate::leg::story::{Message, Story};
use model::Timestamp;
use sip::{CallKey, Direction, Hop};
use std::collections::VecDeque;
use std::sync::Arc;

/// Legs that are over and whose last messages still go to their timeline.
const ENDED_MAX: usize = 256;
/// Messages that are held until the leg they belong to stands.
const EARLY_MAX: usize = 32;

/// A message that went out or came in, as the endpoint tells it.
pub(super) struct Trace {
    pub(super) direction: Direction,
    pub(super) hop: Hop,
    pub(super) bytes: Arc<[u8]>,
    pub(super) retransmission: bool,
    pub(super) at: Timestamp,
}

impl Trace {
    /// Writes it on a leg's timeline.
    pub(super) fn tell(&self, story: &mut Story) {
        let Self { direction, hop, bytes, retransmission, at } = self;
        let message = Message { direction: *direction, hop: *hop, bytes, retransmission: *retransmission };
        story.message(&message, *at);
    }
}

/// Messages whose leg does not stand yet, or no longer.
#[derive(Default)]
pub(super) struct Traces {
    ended: VecDeque<(CallKey, Story)>,
    early: VecDeque<(CallKey, Trace)>,
}

impl Traces {
    /// A message of a call that has no leg now.
    pub(super) fn keep(&mut self, key: CallKey, trace: Trace) {
        if let Some((_, story)) = self.ended.iter_mut().find(|ended| ended.0 == key) {
            trace.tell(story);
        } else if key.is_incoming() {
            if self.early.len() >= EARLY_MAX {
                self.early.pop_front();
            }
            self.early.push_back((key, trace));
        }
    }

    /// The leg stands: tells it what waited.
    pub(super) fn stands(&mut self, key: CallKey, story: &mut Story) {
        for (of, trace) in std::mem::take(&mut self.early) {
            if of == key {
                trace.tell(story);
            } else {
                self.early.push_back((of, trace));
            }
        }
    }

    /// The leg is over; gives the one whose story is closed for it.
    pub(super) fn over(&mut self, key: CallKey, story: Story) -> Option<CallKey> {
        let closed = if self.ended.len() >= ENDED_MAX { self.ended.pop_front() } else { None };
        self.ended.push_back((key, story));
        closed.map(|(key, _)| key)
    }
}
