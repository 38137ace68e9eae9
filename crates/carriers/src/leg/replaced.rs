//! A leg whose far side is taken over by another party (RFC 3891): an attended transfer that the far side made, or a call
//! picked up elsewhere. The leg and its call go on; only whom they talk to changes.

use super::sound::SoundError;
use super::{Leg, Stage};
use model::Timestamp;
use model::{AppId, TrunkId};
use serde_json::json;
use sip::{CallKey, IncomingCall, Order, Rejection};

/// Who may take a leg over: those on its line, and nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Nobody.
    Closed,
    /// Who calls over this trunk.
    Trunk(TrunkId),
    /// The phones of this app.
    Phones(AppId),
}

impl Leg {
    /// Who may take it over; nobody, while nobody has taken the call or once it ends.
    pub(crate) fn line(&self) -> Line {
        let goes_on = matches!(self.stage, Stage::Dialling | Stage::Talking);
        self.body.as_ref().filter(|_| goes_on).map_or(Line::Closed, |body| body.line)
    }

    /// Answers the call `key`, which takes the place of the one that the leg has; the endpoint ends that one.
    pub(crate) fn taken_over(
        &mut self,
        key: CallKey,
        call: &IncomingCall,
        now: Timestamp,
        orders: &mut Vec<Order>,
    ) -> Result<(), Rejection> {
        let described = self.description_for(call);
        let (sdp, agreed) = described.map_err(|why| {
            let code = match &why {
                SoundError::Refused(refusal) => refusal.status_code(),
                _ => 500,
            };
            Rejection { reason: Some(why.to_string()), ..Rejection::with_code(code) }
        })?;
        let others: Vec<_> = self.beside.drain(..).map(|beside| beside.call()).collect();
        orders.extend(others.into_iter().map(|key| Order::AnsweredElsewhere { key }));
        if self.stage == Stage::Dialling {
            self.stage = Stage::Answering;
        }
        (self.call, self.round, self.holding) = (key, key, self.holding.anew());
        (self.transferring, self.attempts) = (None, None);
        let detail = json!({ "from": call.source.address.to_string() });
        self.story.signalling("Another party took the place of the far side", detail, now);
        if let Some(agreed) = agreed
            && let Err(why) = self.connect(&agreed, now)
        {
            self.give_up(&why, now, orders);
            return Ok(());
        }
        orders.push(Order::Answer { key, sdp });
        Ok(())
    }

    /// Our description for somebody who has heard nothing of us yet, and what is agreed by it.
    fn description_for(
        &mut self,
        call: &IncomingCall,
    ) -> Result<(Vec<u8>, Option<sip::sdp::Negotiated>), SoundError> {
        let sound = &mut self.body.as_mut().ok_or(SoundError::Missing)?.sound;
        let before = sound.aim(call.source.address.ip());
        let Some(offer) = &call.sdp else { return Ok((sound.offer_anew(), None)) };
        match sound.answer_anew(offer) {
            Ok((sdp, agreed)) => Ok((sdp, Some(agreed))),
            Err(why) => {
                sound.aim(before);
                Err(why)
            }
        }
    }
}
