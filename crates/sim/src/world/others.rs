//! Whom a simulated call meets: those it calls itself, conferences and queues. They are no simulated calls of their own:
//! dice say when they ring, answer, come and go.

use super::{Item, World, after};
use call::Input;
use model::call::{CallEnd, EndReason, EndSource};
use model::child::{ChildFact, ChildOrder};
use model::leg::ReleaseCause;
use model::meeting::{ConferenceFact, ConferenceOrder, QueueFact, QueueOrder};
use model::sound::ConferenceId;
use model::{CallId, IdSource, LegId};

/// Longest time to anything, in milliseconds.
const SOON_MS: u64 = 10_000;
const LATE_MS: u64 = 60_000;

impl World {
    /// A call of this call's own is made, or ordered. One that is ended says nothing more that anybody hears.
    pub(super) fn order_child(&mut self, call: usize, child: CallId, order: &ChildOrder) {
        let ChildOrder::Place(_) = order else { return };
        if self.dice.in_thousand(100) {
            let reason = "the app has as many calls at once as it may".to_owned();
            return self.later(call, 5, Input::Child(child, ChildFact::Refused { reason }));
        }
        let rings_ms = self.dice.below(SOON_MS);
        let early_media = self.dice.in_thousand(250);
        self.later(call, rings_ms, Input::Child(child, ChildFact::Ringing { early_media }));
        let ready_ms = rings_ms + self.dice.below(SOON_MS);
        let answers = self.dice.in_thousand(700);
        if answers {
            self.later(call, ready_ms, Input::Child(child, ChildFact::Ready { trunk: None }));
        }
        let reason = if answers { EndReason::Hangup } else { EndReason::Busy };
        let end = CallEnd { reason, source: EndSource::Callee, cause: ReleaseCause::default() };
        let ends_ms = ready_ms + if answers { self.dice.below(LATE_MS) } else { 0 };
        self.later(call, ends_ms, Input::Child(child, ChildFact::Ended(end)));
    }

    /// The call comes to a conference, or leaves it.
    pub(super) fn order_conference(&mut self, call: usize, order: &ConferenceOrder) {
        let ConferenceOrder::Enter { attendance, .. } = order else { return };
        let told = |fact| Input::Conference(*attendance, fact);
        if self.dice.in_thousand(50) {
            let reason = "the conference has as many members as it may".to_owned();
            return self.later(call, 0, told(ConferenceFact::Refused { reason }));
        }
        self.later(call, 0, told(ConferenceFact::Waiting));
        let opens_ms = self.dice.below(SOON_MS);
        self.later(call, opens_ms, told(ConferenceFact::Open { conference: ConferenceId(1) }));
        let beeps_ms = opens_ms + self.dice.below(SOON_MS);
        self.later(call, beeps_ms, told(ConferenceFact::Beep));
        let over_ms = opens_ms + self.dice.below(LATE_MS);
        self.later(call, over_ms, told(ConferenceFact::Over));
    }

    /// The call comes to a queue, or leaves it.
    pub(super) fn order_queue(&mut self, call: usize, order: &QueueOrder) {
        let (QueueOrder::Wait { attendance, .. } | QueueOrder::Take { attendance, .. }) = order else {
            return;
        };
        let told = |fact| Input::Queue(*attendance, fact);
        self.later(call, 0, told(QueueFact::Waiting));
        if self.dice.in_thousand(250) {
            return;
        }
        let other = CallId::generate(&mut IdSource::new(self.dice.below(u64::MAX)), self.now);
        let meets_ms = self.dice.below(SOON_MS);
        self.later(call, meets_ms, told(QueueFact::Met { with: LegId::new(other, 0) }));
        let parts_ms = meets_ms + self.dice.below(LATE_MS);
        self.later(call, parts_ms, told(QueueFact::Parted));
    }

    fn later(&mut self, call: usize, wait_ms: u64, input: Input) {
        self.agenda.put(after(self.now, wait_ms), Item::Told { call, input: Box::new(input) });
    }
}
