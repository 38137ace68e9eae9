//! The calls that this call made, from their order until they are over. Knows nothing of what they were made for.

use super::desk::Desk;
use crate::Output;
use model::CallId;
use model::child::{ChildFact, ChildOrder, ChildSetup};
use serde::{Deserialize, Serialize};

/// What is said of one child too many.
pub(super) const CHILDREN_FULL: &str = "the call has made as many calls as it may";

/// The children that are not over.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Children {
    open: Vec<CallId>,
    made: usize,
}

impl Children {
    /// Most calls that one call makes.
    const MAX: usize = 100;

    /// Has one made; none if the call has made as many as it may.
    pub(super) fn place(&mut self, setup: ChildSetup, desk: &mut Desk) -> Option<CallId> {
        if self.made >= Self::MAX {
            return None;
        }
        self.made += 1;
        let id = desk.call_id();
        self.open.push(id);
        desk.put(Output::Child(id, ChildOrder::Place(Box::new(setup))));
        Some(id)
    }

    /// Tells one that is not over that it is connected with this call.
    pub(super) fn join(&self, child: CallId, desk: &mut Desk) {
        if self.open.contains(&child) {
            desk.put(Output::Child(child, ChildOrder::Join));
        }
    }

    /// Ends one that is not over; nothing more is heard of it.
    pub(super) fn end(&mut self, child: CallId, desk: &mut Desk) {
        if let Some(at) = self.open.iter().position(|open| *open == child) {
            self.open.swap_remove(at);
            desk.put(Output::Child(child, ChildOrder::End));
        }
    }

    /// Takes a fact; false if it is of nobody who is known, or not over.
    pub(super) fn on_fact(&mut self, child: CallId, fact: &ChildFact) -> bool {
        let Some(at) = self.open.iter().position(|open| *open == child) else { return false };
        if matches!(fact, ChildFact::Refused { .. } | ChildFact::Ended(_)) {
            self.open.swap_remove(at);
        }
        true
    }

    /// Ends all that are not over: the call ends.
    pub(super) fn end_all(&mut self, desk: &mut Desk) {
        for child in std::mem::take(&mut self.open) {
            desk.put(Output::Child(child, ChildOrder::End));
        }
    }
}
