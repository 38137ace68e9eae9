//! What a call that another call made tells that one, and hears of it. A call of its own has no parent, and tells
//! nobody.

use super::desk::Desk;
use crate::Output;
use model::CallId;
use model::child::{ChildFact, ParentFact};
use model::event::EventBody;
use serde::{Deserialize, Serialize};

/// Where the parent stands to us.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Parent {
    /// Our sound is connected with its.
    joined: bool,
}

impl Parent {
    /// Takes a fact; whether the call is to end by it.
    pub(super) fn on_fact(&mut self, fact: ParentFact, desk: &mut Desk) -> bool {
        let Some(parent) = desk.call.parent else { return false };
        match fact {
            ParentFact::Joined if !self.joined && desk.call.answered_at.is_some() => {
                self.joined = true;
                desk.emit(EventBody::joined(first_leg(parent)));
            }
            ParentFact::Parted => self.part(desk),
            ParentFact::Joined => {}
            ParentFact::Ended => return true,
        }
        false
    }

    /// The two are no longer connected.
    pub(super) fn part(&mut self, desk: &mut Desk) {
        if let Some(parent) = desk.call.parent.filter(|_| std::mem::take(&mut self.joined)) {
            desk.emit(EventBody::left(first_leg(parent)));
        }
    }
}

/// Tells the call that made this one, if another did.
pub(super) fn tell(fact: ChildFact, desk: &mut Desk) {
    if desk.call.parent.is_some() {
        desk.put(Output::Parent(fact));
    }
}

/// Tells it that this call can be connected.
pub(super) fn ready(desk: &mut Desk) {
    let trunk = desk.call.trunk;
    tell(ChildFact::Ready { trunk }, desk);
}

const fn first_leg(call: CallId) -> model::LegId {
    model::LegId::new(call, 0)
}
