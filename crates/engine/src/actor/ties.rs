//! What ties a call to other calls: those that it made, the one that made it, and whom it met in a conference or a
//! queue. However its actor ends, nobody is left waiting for it.

use super::mailbox::Mailbox;
use crate::core::Core;
use call::Output;
use model::CallId;
use model::call::{Call, CallEnd, EndReason, EndSource};
use model::child::{ChildFact, ChildOrder, ChildSetup, ParentFact};
use model::leg::ReleaseCause;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A call's ties.
pub(super) struct Ties {
    core: Arc<Core>,
    call: CallId,
    /// Children that are not over, and whether each is wanted no longer.
    children: BTreeMap<CallId, Arc<AtomicBool>>,
    /// Whether it ever was in a conference or a queue.
    meets: bool,
}

impl Ties {
    pub(super) fn new(core: Arc<Core>, call: CallId) -> Self {
        Self { core, call, children: BTreeMap::new(), meets: false }
    }

    /// Orders a child.
    pub(super) fn order_child(&mut self, parent: &Call, mailbox: &Mailbox, child: CallId, order: ChildOrder) {
        match order {
            ChildOrder::Place(setup) => self.place(parent, mailbox, child, *setup),
            ChildOrder::Join => self.tell_child(child, ParentFact::Joined),
            ChildOrder::Part => self.tell_child(child, ParentFact::Parted),
            ChildOrder::End => self.end(child),
        }
    }

    /// Carries out what concerns those whom the call meets.
    pub(super) fn order_meeting(&mut self, call: &Call, output: Output) {
        self.meets = true;
        match output {
            Output::Conference(order) => self.core.order_conference(call, order),
            Output::Queue(order) => self.core.order_queue(call, order),
            _ => {}
        }
    }

    /// A child said something.
    pub(super) fn heard(&mut self, child: CallId, fact: &ChildFact) {
        if matches!(fact, ChildFact::Refused { .. } | ChildFact::Ended(_)) {
            self.children.remove(&child);
        }
    }

    /// Tells the parent; false if it is gone.
    pub(super) fn tell_parent(&self, parent: Option<CallId>, fact: ChildFact) -> bool {
        tell_parent(&self.core, parent, self.call, fact)
    }

    /// Makes the call in the background: the store is waited for. One that is wanted no longer by then is ended.
    fn place(&mut self, parent: &Call, mailbox: &Mailbox, child: CallId, setup: ChildSetup) {
        let unwanted = Arc::new(AtomicBool::new(false));
        self.children.insert(child, unwanted.clone());
        let (core, parent, mailbox) = (self.core.clone(), parent.clone(), mailbox.clone());
        tokio::spawn(async move {
            match core.place_child(&parent, child, setup).await {
                Ok(()) if unwanted.load(Ordering::Acquire) => tell(&core, child, ParentFact::Ended),
                Ok(()) => {}
                Err(fault) => mailbox.child(child, ChildFact::Refused { reason: fault.message }),
            }
        });
    }

    fn end(&mut self, child: CallId) {
        if let Some(unwanted) = self.children.get(&child) {
            // Set before the child is looked for: whoever makes it looks afterwards.
            unwanted.store(true, Ordering::Release);
            self.tell_child(child, ParentFact::Ended);
        }
    }

    fn tell_child(&self, child: CallId, fact: ParentFact) {
        tell(&self.core, child, fact);
    }
}

impl Drop for Ties {
    fn drop(&mut self) {
        for (child, unwanted) in std::mem::take(&mut self.children) {
            unwanted.store(true, Ordering::Release);
            tell(&self.core, child, ParentFact::Ended);
        }
        if self.meets {
            self.core.forget_member(self.call);
        }
    }
}

fn tell(core: &Core, child: CallId, fact: ParentFact) {
    // One that does not run is over.
    if let Some(mailbox) = core.running.get(child) {
        mailbox.parent(fact);
    }
}

fn tell_parent(core: &Core, parent: Option<CallId>, child: CallId, fact: ChildFact) -> bool {
    let mailbox = parent.and_then(|parent| core.running.get(parent));
    mailbox.map(|mailbox| mailbox.child(child, fact)).is_some()
}

/// A call's actor is gone for good: its parent hears so, if it did not yet.
pub(super) fn tell_parent_of_end(core: &Core, row: &Call) {
    let lost = || CallEnd {
        reason: EndReason::Failed,
        source: EndSource::System,
        cause: ReleaseCause::local("the server failed or lost the call"),
    };
    let end = row.end.clone().unwrap_or_else(lost);
    tell_parent(core, row.parent, row.id, ChildFact::Ended(end));
}
