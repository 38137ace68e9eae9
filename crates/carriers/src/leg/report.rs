//! Tells a leg's facts to whoever asked for it, and its end exactly once, whatever happens to the leg. Knows nothing
//! of signalling.

use model::LegId;
use model::leg::{LegEnd, LegEndedBy, LegFact};
use model::sound::MediaFact;
use ports::LegSink;
use ports::carrier::Handover;
use sip::leg_end;
use std::sync::Arc;

/// The facts of one leg. A report that was opened tells an end even when it is only dropped.
pub(crate) struct Report {
    leg: LegId,
    sink: Arc<dyn LegSink>,
    open: bool,
}

impl Report {
    /// A report that tells nothing by itself until it is opened.
    pub(crate) fn new(leg: LegId, sink: Arc<dyn LegSink>) -> Self {
        Self { leg, sink, open: false }
    }

    /// The leg.
    pub(crate) const fn leg(&self) -> LegId {
        self.leg
    }

    /// From now on an end is owed.
    pub(crate) const fn open(&mut self) {
        self.open = true;
    }

    /// Tells what happened.
    pub(crate) fn fact(&self, fact: LegFact) {
        self.sink.leg(self.leg, fact);
    }

    /// Hands over what lets go of the far side, should this process die.
    pub(crate) fn hand_over(&self, handover: Handover) {
        self.sink.hand_over(self.leg, handover);
    }

    /// Tells something about the leg's sound.
    pub(crate) fn media(&self, fact: MediaFact) {
        self.sink.media(self.leg, fact);
    }

    /// Tells the end, if one is owed.
    pub(crate) fn end(mut self, end: LegEnd) {
        self.close(end);
    }

    fn close(&mut self, end: LegEnd) {
        if std::mem::take(&mut self.open) {
            self.sink.leg(self.leg, LegFact::Ended(end));
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.close(leg_end::failed(LegEndedBy::Transport, "The signalling of this server stopped"));
    }
}
