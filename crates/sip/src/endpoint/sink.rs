//! Where everything the endpoint does is queued, and where messages are traced if anybody asked. Decides nothing.

use super::order::{CallKey, Hop};
use super::output::{Direction, Event, Output, Subject};
use crate::message::masked;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// The queue of outputs. Each input adds a handful at most, and the caller drains it after each.
pub(crate) struct Sink {
    outputs: VecDeque<Output>,
    trace: bool,
}

impl Sink {
    pub(crate) fn new(trace: bool) -> Self {
        Self { outputs: VecDeque::new(), trace }
    }

    /// Sends a message.
    pub(crate) fn send(
        &mut self,
        subject: impl Into<Subject>,
        hop: Hop,
        bytes: &Arc<[u8]>,
        retransmission: bool,
    ) {
        let subject = subject.into();
        if self.trace {
            let masked = match masked(bytes) {
                Cow::Borrowed(_) => Arc::clone(bytes),
                Cow::Owned(masked) => masked.into(),
            };
            self.outputs.push_back(Output::Trace {
                key: subject.call(),
                direction: Direction::Out,
                hop,
                bytes: masked,
                retransmission,
            });
        }
        self.outputs.push_back(Output::Send { subject, hop, bytes: Arc::clone(bytes), retransmission });
    }

    /// Tells the application.
    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Notes a message received, as soon as it is known whose it is.
    pub(crate) fn received(&mut self, key: Option<CallKey>, hop: Hop, bytes: &[u8], retransmission: bool) {
        if self.trace {
            let bytes = masked(bytes).as_ref().into();
            self.outputs.push_back(Output::Trace {
                key,
                direction: Direction::In,
                hop,
                bytes,
                retransmission,
            });
        }
    }

    /// The next output.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
