//! The legs of the loop: each has the events of its call, a later attempt has its leg, and what a leg decides is done.

use super::super::registrations::{RegistrationNews, news};
use super::super::traces::Trace;
use super::{EARLY_END_ORDERS, RETRY_AFTER_S, Run};
use crate::leg::{self, Command, Fate, Leg};
use model::Timestamp;
use sip::{CallKey, DialogSnapshot, Event, IncomingCall, Order, OrderError, OutgoingCall, Q850, Rejection};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// How far the numbers of a dead process's requests are stepped over.
const CSEQ_GAP: u32 = 1_000;
/// Temporary failure: what a far side hears of a process that died.
const FAILED_HERE: Q850 = Q850 { cause: 41, text: None };

impl Run<'_> {
    pub(super) fn place(
        &mut self,
        leg: Leg,
        call: Box<OutgoingCall>,
        taken: oneshot::Sender<Result<(), OrderError>>,
        now: Timestamp,
    ) {
        let key = leg.key();
        self.name_towards(call.destination.address);
        let accepted = self.endpoint.handle_order(Order::Invite { key, call }, now);
        if accepted.is_ok() {
            self.legs.entry(key).insert_entry(leg).into_mut().placed(now);
            self.ring_beside(key, now);
            let Some(leg) = self.legs.get_mut(&key) else { return };
            self.patience.extend(leg.patience_until().map(|at| (at, key, key)));
            if let Some((_, end)) = self.early_ends.remove(&key) {
                leg.command(end, now, &mut self.follow_ups);
            }
        }
        // Whoever asked may have stopped waiting; the leg then tells its own end.
        let _ = taken.send(accepted);
    }

    pub(super) fn tell(&mut self, key: CallKey, command: Command, now: Timestamp) {
        if let Some(leg) = self.legs.get_mut(&key) {
            leg.command(command, now, &mut self.follow_ups);
        } else if let Command::Adopt(body) = command {
            body.finish(leg::gone());
        }
    }

    /// An end that found no room in the queue. Its leg may still wait there to be placed.
    pub(super) fn farewell(&mut self, key: CallKey, command: Command, now: Timestamp) {
        if !key.is_incoming() && !self.legs.contains_key(&key) {
            self.early_ends.insert(key, (self.orders_taken + EARLY_END_ORDERS, command));
        } else {
            self.tell(key, command, now);
        }
    }

    /// Gives attempts up of which nothing was heard.
    pub(super) fn lose_patience(&mut self, now: Timestamp) {
        while let Some(waiting) = self.patience.first().copied().filter(|waiting| waiting.0 <= now) {
            self.patience.remove(&waiting);
            let (_, key, attempt) = waiting;
            let Some(leg) = self.legs.get_mut(&key).filter(|leg| leg.round() == attempt) else { continue };
            let done = catch_unwind(AssertUnwindSafe(|| leg.unheard(now, &mut self.follow_ups)));
            match done {
                Ok(fate) => self.meet(key, fate, now),
                Err(_) => self.give_up(key),
            }
        }
    }

    /// Of a call that the endpoint lost to a panic no end would ever come: its leg is let go when it is hung up.
    pub(super) fn let_orphans_go(&mut self) {
        for key in std::mem::take(&mut self.orphans) {
            let leg = self.leg_of(key);
            let is_its_call = self.legs.get(&leg).is_some_and(|leg| leg.call() == key);
            if !self.endpoint.has_call(key) && is_its_call {
                self.give_up(key);
            }
        }
    }

    /// Lets go of a leg that a panic left half done: its end is told, and the peer hears that it is over.
    pub(super) fn give_up(&mut self, key: CallKey) {
        let leg = self.leg_of(key);
        let calls = self.legs.get(&leg).map_or_else(|| vec![key], |leg| leg.calls().collect());
        self.guarded("a leg's end", |run| drop(run.let_go(leg)));
        // Its story ends here: no late message has to find it by its attempts.
        self.attempts.retain(|_, of| *of != leg);
        let alive = calls.into_iter().filter(|call| self.endpoint.has_call(*call));
        self.follow_ups.extend(alive.map(|key| Order::HangUp { key, q850: None }));
    }

    pub(super) fn event(&mut self, event: Event, now: Timestamp) {
        if let Some((key, news)) = news(&event) {
            if news == RegistrationNews::Ended {
                self.registrars.remove(&key);
            }
            return self.ground.door.registration(key, news);
        }
        let event = match event {
            Event::Incoming { key, call } => return self.incoming(key, *call, now),
            Event::RegisterReceived { request, register } => {
                let outcome = self.ground.door.register(&register);
                return self.follow_ups.push(Order::AnswerRegister { request, outcome });
            }
            event => event,
        };
        let Some(call) = event.key() else { return };
        let key = self.leg_of(call);
        // What an attempt says that was given up already is no matter.
        let Some(leg) = self.legs.get_mut(&key).filter(|leg| leg.has_call(call)) else { return };
        let answered = matches!(event, Event::Answered { .. } | Event::AnswerAcknowledged { .. });
        if answered && self.ground.config.hands_over {
            // Before the answer is told: both are written at once.
            leg.hand_over_as(self.endpoint.dialog_snapshot(call));
        }
        let fate = leg.event(event, now, &mut self.follow_ups);
        self.meet(key, fate, now);
    }

    /// Hangs up a call that a dead process left behind. Nobody hears how that goes.
    pub(super) fn release(&mut self, mut snapshot: DialogSnapshot, now: Timestamp) {
        let key = CallKey(self.ground.next_key.fetch_add(1, Ordering::Relaxed));
        // Requests that went out after it was taken have numbers of their own.
        snapshot.dialog.local_cseq = snapshot.dialog.local_cseq.saturating_add(CSEQ_GAP);
        self.name_towards(snapshot.dialog.peer.address);
        match self.endpoint.restore(key, snapshot, None, now) {
            Ok(()) => self.follow_ups.push(Order::HangUp { key, q850: Some(FAILED_HERE) }),
            Err(error) => tracing::debug!(%error, "a call of a dead process could not be hung up"),
        }
    }

    /// Does to a leg what its last step decided.
    pub(super) fn meet(&mut self, key: CallKey, fate: Fate, now: Timestamp) {
        match fate {
            Fate::Lives => {}
            Fate::Over => {
                if let Some(leg) = self.let_go(key)
                    && let Some(closed) = self.traces.over(key, leg.into_story())
                {
                    self.attempts.retain(|_, leg| *leg != closed);
                }
            }
            Fate::Again(call) => self.try_again(key, call, now),
        }
    }

    /// The next attempt of a leg's call.
    pub(super) fn try_again(&mut self, key: CallKey, mut call: Box<OutgoingCall>, now: Timestamp) {
        let attempt = CallKey(self.ground.next_key.fetch_add(1, Ordering::Relaxed));
        let Some(leg) = self.legs.get_mut(&key) else { return };
        leg.attempts(attempt, now);
        leg.aim(&mut call);
        self.attempts.insert(attempt, key);
        self.name_towards(call.destination.address);
        self.ground.counters.failovers.add();
        if let Err(error) = self.endpoint.handle_order(Order::Invite { key: attempt, call }, now) {
            tracing::debug!(%error, "a call could not go on to its next host");
            let fate = self.legs.get_mut(&key).map(|leg| leg.cannot_go_on(&error.to_string()));
            if let Some(fate) = fate {
                self.meet(key, fate, now);
            }
            return;
        }
        self.ring_beside(key, now);
        let until = self.legs.get(&key).and_then(Leg::patience_until);
        self.patience.extend(until.map(|at| (at, key, attempt)));
    }

    /// Rings the other places of the present attempt too. One that cannot be rung leaves the others alone.
    fn ring_beside(&mut self, key: CallKey, now: Timestamp) {
        while let Some((call, target)) = self.legs.get_mut(&key).and_then(Leg::next_beside) {
            let attempt = CallKey(self.ground.next_key.fetch_add(1, Ordering::Relaxed));
            self.name_towards(target.hop.address);
            let order = Order::Invite { key: attempt, call: Box::new(call) };
            match self.endpoint.handle_order(order, now) {
                Ok(()) => {
                    self.attempts.insert(attempt, key);
                    if let Some(leg) = self.legs.get_mut(&key) {
                        leg.rings_beside(attempt, target, now);
                    }
                }
                Err(error) => tracing::debug!(%error, "a place could not be rung"),
            }
        }
    }

    /// The leg that a call of the endpoint belongs to.
    pub(super) fn leg_of(&self, call: CallKey) -> CallKey {
        self.attempts.get(&call).copied().unwrap_or(call)
    }

    pub(super) fn let_go(&mut self, key: CallKey) -> Option<Leg> {
        let leg = self.legs.remove(&key)?;
        if let Some(source) = leg.source() {
            self.gate.leave(source);
        }
        Some(leg)
    }

    pub(super) fn incoming(&mut self, key: CallKey, call: IncomingCall, now: Timestamp) {
        self.ground.counters.incoming.add();
        let source = call.source.address.ip();
        if let Some(replaced) = call.replaces {
            if let Err(rejection) = self.take_over(key, &call, replaced, now) {
                self.follow_ups.push(Order::Reject { key, rejection });
            }
            return;
        }
        if !self.gate.enter(source) {
            let rejection = Rejection { retry_after_secs: Some(RETRY_AFTER_S), ..Rejection::with_code(503) };
            return self.follow_ups.push(Order::Reject { key, rejection });
        }
        match self.ground.door.incoming(key, &call) {
            Ok(mut leg) => {
                leg.came_from(source);
                self.traces.stands(key, leg.story());
                self.legs.insert(key, leg);
                self.ground.door.arrived(key, call);
            }
            Err(rejection) => {
                self.gate.leave(source);
                self.follow_ups.push(Order::Reject { key, rejection });
            }
        }
    }

    /// A call that is to take the place of another one: that one's leg goes on with it.
    fn take_over(
        &mut self,
        key: CallKey,
        call: &IncomingCall,
        replaced: CallKey,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let (leg_key, source) = (self.leg_of(replaced), call.source.address.ip());
        let leg = self.legs.get_mut(&leg_key).filter(|leg| leg.has_call(replaced));
        let leg = leg.ok_or_else(|| Rejection::with_code(481))?;
        self.ground.door.may_take_over(call, leg.line())?;
        leg.taken_over(key, call, now, &mut self.follow_ups)?;
        // The place that its old source had among all calls is the new one's.
        if let Some(before) = leg.source() {
            self.gate.leave(before);
            self.gate.enter(source);
            leg.came_from(source);
        }
        self.traces.stands(key, leg.story());
        self.attempts.insert(key, leg_key);
        Ok(())
    }

    pub(super) fn trace(&mut self, call: CallKey, trace: Trace) {
        let key = self.leg_of(call);
        match self.legs.get_mut(&key) {
            Some(leg) => trace.tell(leg.story()),
            None => self.traces.keep(key, trace),
        }
    }
}
