//! Bringing the world to rest after a step: what endpoints say goes to the wire and to the legs, facts go to machines and
//! parties, and what these want is carried out, until nobody wants anything. And what must hold when all is over.

use super::{ROUNDS_MAX, Side, World};
use crate::leg::News;
use crate::office::RowState;
use crate::world::Telling;
use sip::{CallKey, Event, Order, Output};

impl World {
    pub(super) fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut busy = self.drain(Side::Ours);
            busy |= self.drain(Side::Theirs);
            for call in 0..self.calls.len() {
                let touched = self.calls.get_mut(call).is_some_and(|line| std::mem::take(&mut line.touched));
                if touched {
                    busy = true;
                    self.settle_theirs(call);
                    self.settle_ours(call);
                }
            }
            if !busy {
                return;
            }
        }
        self.violate(0, Err("the world does not come to rest".to_owned()));
    }

    /// Takes what an endpoint says; whether it said anything.
    fn drain(&mut self, side: Side) -> bool {
        let mut busy = false;
        while let Some(output) = self.endpoint(side).poll() {
            busy = true;
            match output {
                Output::Send { bytes, .. } => self.send(side, &bytes),
                Output::Event(event) => self.event(side, event),
                Output::Trace { key: Some(key), direction, hop, bytes, retransmission } => {
                    if self.telling == Telling::All
                        && let Some(call) = self.call_of(side, key)
                    {
                        self.tell_message(call, direction, hop, &bytes, retransmission);
                    }
                }
                Output::Trace { key: None, .. } => {}
            }
        }
        busy
    }

    /// Which call an endpoint's name means. Calls that this side placed are named by their number from 1.
    pub(super) fn call_of(&self, side: Side, key: CallKey) -> Option<usize> {
        let known = self.calls.iter().position(|line| match side {
            Side::Ours => line.our_leg.as_ref().is_some_and(|leg| leg.key == key),
            Side::Theirs => line.far.as_ref().is_some_and(|far| far.leg.key == key),
        });
        let placed = || usize::try_from(key.0).ok()?.checked_sub(1).filter(|call| *call < self.calls.len());
        known.or_else(|| if key.is_incoming() { None } else { placed() })
    }

    fn event(&mut self, side: Side, event: Event) {
        let event = match (side, event) {
            (Side::Ours, Event::Incoming { key, call }) => return self.arrived_ours(key, &call),
            (Side::Theirs, Event::Incoming { key, call }) => return self.arrived_theirs(key, &call),
            (_, event) => event,
        };
        let Some(call) = event.key().and_then(|key| self.call_of(side, key)) else { return };
        let (mut orders, mut news) = (Vec::new(), Vec::new());
        let Some(line) = self.touch(call) else { return };
        let leg = match side {
            Side::Ours => line.our_leg.as_mut(),
            Side::Theirs => line.far.as_mut().map(|far| &mut far.leg),
        };
        if let Some(leg) = leg.filter(|leg| event.key() == Some(leg.key)) {
            leg.event(event, &mut orders, &mut news);
        }
        self.give(side, orders);
        self.spread(side, call, news);
    }

    /// Gives orders to an endpoint. One that comes too late changes nothing.
    pub(super) fn give(&mut self, side: Side, orders: Vec<Order>) {
        let now = self.now;
        for order in orders {
            let _ = self.endpoint(side).handle_order(order, now);
        }
    }

    /// Tells the owner of a leg what it said.
    pub(super) fn spread(&mut self, side: Side, call: usize, news: Vec<News>) {
        for news in news {
            match side {
                Side::Ours => self.our_news(call, news),
                Side::Theirs => self.their_news(call, &news),
            }
        }
    }

    /// What must hold when nothing is left to happen.
    pub(super) fn check_all(&mut self) {
        for call in 0..self.calls.len() {
            let Some(line) = self.calls.get(call) else { continue };
            let checked = match &line.actor {
                Some(actor) => {
                    let pending = line.outbox.rows().iter().filter(|row| row.1 == RowState::Pending).count();
                    let durable = u32::try_from(line.outbox.rows().len()).unwrap_or(u32::MAX);
                    let events = actor.books.events().last().map_or(0, |event| event.sequence);
                    line.witness.whole(actor.machine.call(), pending).and_then(|()| {
                        match (actor.is_done(), durable == events, line.our_sound.is_none()) {
                            (false, ..) => Err("the call is never done".to_owned()),
                            (_, false, _) => Err(format!("{events} events, {durable} in the outbox")),
                            (.., false) => Err("the call's port is never given back".to_owned()),
                            _ => Ok(()),
                        }
                    })
                }
                // A caller that never got through.
                None => Ok(()),
            };
            self.violate(call, checked);
        }
        self.check_endpoint();
        self.check_keys();
    }

    fn check_endpoint(&mut self) {
        let load = self.ours.load();
        if load.calls + load.transactions + load.names > 0 {
            self.violate(0, Err(format!("the endpoint still holds {load:?}")));
        }
    }

    /// One idempotency key, one call.
    fn check_keys(&mut self) {
        let mut keys: Vec<u64> = self.keys.iter().map(|(_, key)| *key).collect();
        keys.sort_unstable();
        let made = keys.len();
        keys.dedup();
        if keys.len() < made {
            self.violate(0, Err("one idempotency key made two calls".to_owned()));
        }
    }
}
