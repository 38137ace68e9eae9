//! What a call still has to write: numbered events and its row. One commit is under way at a time and the rest gathers
//! behind it.

use model::Timestamp;
use model::call::Call;
use model::event::{Event, EventBody};

/// The books of one call.
#[derive(Debug)]
pub(crate) struct Books {
    /// All events, in order; the first `durable` of them are written.
    events: Vec<Event>,
    durable: usize,
    /// How many events the commit under way will have made durable.
    writing: Option<usize>,
    row_changed: bool,
}

impl Books {
    /// The books of a call whose first event is written.
    pub(crate) fn new(first: Event) -> Self {
        Self { events: vec![first], durable: 1, writing: None, row_changed: false }
    }

    /// Adds the next event; its number.
    pub(crate) fn event(&mut self, body: EventBody, row: Call, at: Timestamp) -> u32 {
        let sequence = self.events.last().map_or(1, |last| last.sequence + 1);
        self.events.push(Event { call: row.id, app: row.app, sequence, at, body, snapshot: row });
        sequence
    }

    /// The row changed without an event.
    pub(crate) const fn row_changed(&mut self) {
        self.row_changed = true;
    }

    /// Whether everything is durable.
    pub(crate) const fn is_clean(&self) -> bool {
        self.writing.is_none() && !self.has_news()
    }

    const fn has_news(&self) -> bool {
        self.row_changed || self.events.len() > self.durable
    }

    /// Begins a commit, if there is something to write and none is under way.
    pub(crate) const fn start(&mut self) -> bool {
        let starts = self.writing.is_none() && self.has_news();
        if starts {
            self.writing = Some(self.events.len());
            self.row_changed = false;
        }
        starts
    }

    /// The commit under way is durable; the numbers of the events that are so now.
    pub(crate) fn written(&mut self) -> std::ops::Range<u32> {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let from = number(self.durable) + 1;
        self.durable = self.writing.take().unwrap_or(self.durable);
        from..number(self.durable) + 1
    }

    /// All events.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    pub(crate) fn into_events(self) -> Vec<Event> {
        self.events
    }
}
