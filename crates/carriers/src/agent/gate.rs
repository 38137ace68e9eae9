//! Who gets in: what each source may send before anything is read of it, and what of a stranger's is heard at all.
//! Answers nothing; what is not taken is dropped and counted.

use super::Door;
use super::budget::{Budget, BudgetConfig, Standing, Verdict, place};
use super::counters::Counters;
use model::Timestamp;
use ports::Ceiling;
use sip::Hop;
use sip::message::{HeaderName, Message, Method, NameAddr, StartLine};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The gate of one user agent.
pub(super) struct Gate {
    door: Arc<dyn Door>,
    counters: Arc<Counters>,
    budget: Budget,
    /// Calls that came from each source.
    calls: HashMap<IpAddr, usize>,
    calls_per_source_max: Ceiling,
}

/// Whose message, or connection, it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// A peer's we know.
    Known,
    /// Anybody's, and it may belong to a call.
    Stranger,
    /// It is not heard.
    Refused,
    /// It is not heard, but who sends it may be a phone that is about to register.
    Early,
}

impl Passage {
    /// Whether the endpoint gets it.
    pub(super) const fn is_heard(self) -> bool {
        matches!(self, Self::Known | Self::Stranger)
    }
}

impl Gate {
    pub(super) fn new(
        door: Arc<dyn Door>,
        counters: Arc<Counters>,
        budget: BudgetConfig,
        calls_per_source_max: Ceiling,
    ) -> Self {
        Self { door, counters, budget: Budget::new(budget), calls: HashMap::new(), calls_per_source_max }
    }

    /// Whether a message may reach the endpoint: within its source's budget, and no stranger's request outside of a
    /// call. Messages within a call may come from anywhere; the endpoint knows its dialogs.
    pub(super) fn takes(&mut self, source: Hop, message: &[u8], now: Timestamp) -> Passage {
        match self.weigh(source.address.ip(), now) {
            Passage::Stranger => match outside_any_call(message) {
                Outside::No => Passage::Stranger,
                Outside::Register if self.door.is_registrar() => Passage::Stranger,
                // Who holds a connection is where it says: a phone that calls before it has registered may prove itself.
                Outside::Invite if self.door.is_registrar() && source.transport.is_reliable() => {
                    Passage::Stranger
                }
                Outside::Register | Outside::Invite | Outside::Other => {
                    self.counters.strangers.add();
                    if self.door.is_registrar() { Passage::Early } else { Passage::Refused }
                }
            },
            passage => passage,
        }
    }

    /// Whether anything from this source is taken now, and whose it is.
    pub(super) fn weigh(&mut self, source: IpAddr, now: Timestamp) -> Passage {
        let door = &self.door;
        match self.budget.take(source, now, |source| door.standing(source)) {
            Verdict::Known => Passage::Known,
            Verdict::Stranger => Passage::Stranger,
            Verdict::TooMany => {
                self.counters.over_budget.add();
                Passage::Refused
            }
        }
    }

    /// Whether this source is one we know, at this moment.
    pub(super) fn knows(&self, source: IpAddr) -> bool {
        self.door.standing(source) != Standing::Stranger
    }

    /// One more call of this source, if it may have one: no peer takes all the places there are.
    pub(super) fn enter(&mut self, source: IpAddr) -> bool {
        let calls = self.calls.entry(place(source)).or_default();
        if self.calls_per_source_max.is_reached(*calls) {
            self.counters.over_share.add();
            return false;
        }
        *calls += 1;
        true
    }

    /// A call of this source is over.
    pub(super) fn leave(&mut self, source: IpAddr) {
        let source = place(source);
        if let Some(calls) = self.calls.get_mut(&source) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                self.calls.remove(&source);
            }
        }
    }
}

/// What a message is that may come from anybody.
enum Outside {
    /// It may belong to a call.
    No,
    /// A phone's wish to register.
    Register,
    /// A call.
    Invite,
    /// Another request that belongs to no call yet, or nothing that can be read.
    Other,
}

fn outside_any_call(message: &[u8]) -> Outside {
    let Ok(message) = Message::parse(message) else { return Outside::Other };
    let StartLine::Request { method, .. } = message.start else { return Outside::No };
    let to = message.value(HeaderName::To).and_then(NameAddr::parse);
    match to.and_then(|to| to.tag()) {
        Some(_) => Outside::No,
        None if method == Method::Register => Outside::Register,
        None if method == Method::Invite => Outside::Invite,
        None => Outside::Other,
    }
}
