//! What changes in an answered leg: held and resumed by either side, and moved elsewhere.

use super::sound::SoundError;
use super::{Leg, Stage};
use model::Timestamp;
use model::leg::{LegFact, LegSide};
use serde_json::json;
use sip::sdp::{MediaDirection, Negotiated};
use sip::{AnswerPlace, CallKey, Order};

/// Who holds a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holding {
    /// The peer wants no sound of ours.
    remote: bool,
    /// We want none of the peer's, and it agreed.
    local: bool,
    /// What the peer was asked to agree to and has not answered.
    asked: Option<bool>,
}

impl Holding {
    pub(super) const fn new() -> Self {
        Self { remote: false, local: false, asked: None }
    }

    /// Towards another party, who was asked nothing yet.
    pub(super) const fn anew(self) -> Self {
        Self { asked: None, ..self }
    }
}

impl Leg {
    /// Asks the peer to send no sound, or to send again.
    pub(super) fn hold(&mut self, on: bool, orders: &mut Vec<Order>) {
        let wanted = self.holding.asked.unwrap_or(self.holding.local);
        if self.stage != Stage::Talking || wanted == on || self.holding.asked.is_some() {
            return;
        }
        let Some(body) = &mut self.body else { return };
        self.holding.asked = Some(on);
        orders.push(Order::Reinvite { key: self.call, sdp: body.sound.offer_hold(on) });
    }

    /// The peer took our change.
    pub(super) fn change_answered(&mut self, sdp: Option<&[u8]>, now: Timestamp, orders: &mut Vec<Order>) {
        if let Some(sdp) = sdp {
            let answer =
                self.body.as_ref().ok_or(SoundError::Missing).and_then(|body| body.sound.read_answer(sdp));
            if let Err(why) = answer.and_then(|agreed| self.connect(&agreed, now)) {
                return self.give_up(&why, now, orders);
            }
        }
        let Some(on) = self.holding.asked.take() else { return };
        self.holding.local = on;
        let by = LegSide::Local;
        self.fact(if on { LegFact::Held { by } } else { LegFact::Resumed { by } });
    }

    /// The peer refused our change; all stays as it was.
    pub(super) fn change_refused(&mut self, code: u16, now: Timestamp) {
        let Some(on) = self.holding.asked.take() else { return };
        if let Some(body) = &mut self.body {
            body.sound.hold(self.holding.local);
        }
        let what = if on { "Hold" } else { "Resume" };
        self.story.sound(&format!("{what} refused by the far side: {code}"), json!({ "code": code }), now);
    }

    /// Tells when the peer begins or ceases to hold the leg: by direction, or by the address of nobody (RFC 3264 §8.4).
    pub(super) fn tell_holding(&mut self, agreed: &Negotiated) {
        let wants_sound = matches!(agreed.direction, MediaDirection::SendReceive | MediaDirection::SendOnly)
            && !agreed.remote.ip().is_unspecified();
        let was_held = std::mem::replace(&mut self.holding.remote, !wants_sound);
        if was_held != wants_sound || self.stage != Stage::Talking {
            return;
        }
        let by = LegSide::Remote;
        self.fact(if wants_sound { LegFact::Resumed { by } } else { LegFact::Held { by } });
    }

    /// The peer offers a changed session: hold, resume, another address.
    pub(super) fn reinvited(
        &mut self,
        key: CallKey,
        offer: Option<&[u8]>,
        now: Timestamp,
        orders: &mut Vec<Order>,
    ) {
        let Some(body) = &mut self.body else {
            // Nobody has taken the call yet, so there is no sound that could change.
            orders.push(Order::RejectReinvite { key, code: 500 });
            return;
        };
        let Some(offer) = offer else {
            orders.push(Order::AnswerReinvite { key, sdp: body.sound.offer() });
            return;
        };
        let answered = body.sound.answer(offer);
        match answered.and_then(|(sdp, agreed)| self.connect(&agreed, now).map(|()| sdp)) {
            Ok(sdp) => orders.push(Order::AnswerReinvite { key, sdp }),
            Err(why) => {
                let code = match &why {
                    SoundError::Refused(refusal) => refusal.status_code(),
                    SoundError::Plane(_) => 500,
                    SoundError::Missing | SoundError::NotLoopback => 488,
                };
                self.story.sound(
                    &format!("Change of the sound refused: {why}"),
                    json!({ "code": code }),
                    now,
                );
                orders.push(Order::RejectReinvite { key, code });
            }
        }
    }

    /// The peer's response brings an offer, for we made none.
    pub(super) fn answer_wanted(
        &mut self,
        key: CallKey,
        place: AnswerPlace,
        offer: &[u8],
        now: Timestamp,
        orders: &mut Vec<Order>,
    ) {
        let answer = self.body.as_mut().ok_or(SoundError::Missing).and_then(|body| body.sound.answer(offer));
        match answer.and_then(|(sdp, agreed)| self.connect(&agreed, now).map(|()| sdp)) {
            Ok(sdp) => orders.push(Order::GiveAnswer { key, place, sdp }),
            Err(why) => self.give_up(&why, now, orders),
        }
    }
}
