//! An incoming leg until it is answered: taken, rung, answered or refused.

use super::sound::SoundError;
use super::{Body, Leg, Stage, gone};
use model::Timestamp;
use model::leg::{LegEndedBy, LegFact};
use sip::{Order, Rejection, leg_end};

impl Leg {
    /// Somebody takes the call.
    pub(super) fn adopt(&mut self, body: Body) {
        if self.stage != Stage::Arrived || self.body.is_some() {
            body.finish(gone());
            return;
        }
        self.arrival = None;
        self.story.belongs_to(body.report.leg().call);
        self.body = Some(body);
    }

    /// Tells the caller that it rings.
    pub(super) fn ring(&self, orders: &mut Vec<Order>) {
        if self.stage == Stage::Arrived {
            orders.push(Order::Ring { key: self.call, code: 180, sdp: None });
        }
    }

    /// Tells the caller that somebody works on the call.
    pub(super) fn trying(&self, orders: &mut Vec<Order>) {
        if self.stage == Stage::Arrived {
            orders.push(Order::Ring { key: self.key, code: 100, sdp: None });
        }
    }

    /// Opens the sound before the answer. What does not do now may do in the answer, which then says why not.
    pub(super) fn early_media(&mut self, now: Timestamp, orders: &mut Vec<Order>) {
        if self.stage != Stage::Arrived || self.offer.is_none() {
            self.ring(orders);
            return self.fact(LegFact::Ringing { early_media: self.described.is_some() });
        }
        if let Ok(sdp) = self.description(now) {
            self.described = Some(sdp.clone());
            self.fact(LegFact::Ringing { early_media: true });
            orders.push(Order::Ring { key: self.key, code: 183, sdp: Some(sdp) });
        }
    }

    /// Answers; the fact follows the caller's acknowledgement.
    pub(super) fn answer(&mut self, now: Timestamp, orders: &mut Vec<Order>) {
        if self.stage != Stage::Arrived {
            return;
        }
        let described = self.described.take().map_or_else(|| self.description(now), Ok);
        match described {
            Ok(sdp) => {
                self.stage = Stage::Answering;
                orders.push(Order::Answer { key: self.call, sdp });
            }
            Err(why) => {
                let code = match &why {
                    SoundError::Refused(refusal) => refusal.status_code(),
                    _ => 500,
                };
                self.verdict = Some(leg_end::failed(LegEndedBy::Local, &format!("No sound: {why}")));
                self.stage = Stage::Ending;
                orders.push(Order::Reject { key: self.call, rejection: Rejection::with_code(code) });
            }
        }
    }

    /// Our answer to the caller's offer, its sound connected; our own offer where the caller made none.
    fn description(&mut self, now: Timestamp) -> Result<Vec<u8>, SoundError> {
        let body = self.body.as_mut().ok_or(SoundError::Missing)?;
        let Some(offer) = self.offer.take() else { return Ok(body.sound.offer()) };
        let (sdp, agreed) = body.sound.answer(&offer)?;
        self.connect(&agreed, now)?;
        Ok(sdp)
    }

    /// Refuses the call.
    pub(super) fn reject(&mut self, rejection: Rejection, orders: &mut Vec<Order>) {
        if self.stage == Stage::Arrived {
            self.verdict = Some(leg_end::of_rejection(&rejection));
            self.stage = Stage::Ending;
            orders.push(Order::Reject { key: self.call, rejection });
        }
    }

    /// The peer acknowledged sound before the answer, and answers the offer that it made, if any.
    pub(super) fn early_acknowledged(&mut self, sdp: Option<&[u8]>, now: Timestamp, orders: &mut Vec<Order>) {
        let Some(sdp) = sdp else { return };
        let answer =
            self.body.as_ref().ok_or(SoundError::Missing).and_then(|body| body.sound.read_answer(sdp));
        if let Err(why) = answer.and_then(|agreed| self.connect(&agreed, now)) {
            self.give_up(&why, now, orders);
        }
    }

    /// The peer acknowledged our 200, and answers in it the offer that our 200 made, if any.
    pub(super) fn acknowledged(&mut self, sdp: Option<&[u8]>, now: Timestamp, orders: &mut Vec<Order>) {
        if let Some(sdp) = sdp {
            let answer =
                self.body.as_ref().ok_or(SoundError::Missing).and_then(|body| body.sound.read_answer(sdp));
            if let Err(why) = answer.and_then(|agreed| self.connect(&agreed, now)) {
                return self.give_up(&why, now, orders);
            }
        }
        if self.stage == Stage::Answering {
            if !self.body.as_ref().is_some_and(|body| body.sound.is_connected()) {
                return self.give_up(&SoundError::Missing, now, orders);
            }
            self.stage = Stage::Talking;
            self.fact(LegFact::Answered);
        }
    }
}
