//! An outgoing leg until it is answered: ringing, early sound, forks.

use super::sound::SoundError;
use super::{Leg, Stage};
use model::Timestamp;
use model::leg::LegFact;
use serde_json::json;
use sip::sdp::Negotiated;
use sip::{Answer, CallKey, Order};

/// Most early dialogs whose agreement is remembered; a fork beyond them has to repeat it in its answer.
const FORKS_MAX: usize = 8;

/// An early dialog of one of the leg's calls.
type Fork = (CallKey, u16);

impl Leg {
    /// 101..=199 to our INVITE.
    pub(super) fn provisional(&mut self, code: u16, fork: Fork, sdp: Option<&[u8]>, now: Timestamp) {
        if self.stage != Stage::Dialling {
            return;
        }
        let early_media = sdp.is_some_and(|sdp| self.early_sound(fork, sdp, now));
        let was_early = matches!(self.ringing, Some(LegFact::Ringing { early_media: true }));
        if code == 180 || early_media {
            let ringing = LegFact::Ringing { early_media: early_media || was_early };
            if self.ringing.as_ref() != Some(&ringing) {
                self.ringing = Some(ringing.clone());
                self.fact(ringing);
            }
        }
    }

    /// Connects sound before the answer; whether there is any. A description that does not do is passed over: the
    /// final answer may bring a better one.
    fn early_sound(&mut self, fork: Fork, sdp: &[u8], now: Timestamp) -> bool {
        self.aim_at(fork.0);
        let Some(body) = &self.body else { return false };
        let agreed = body.sound.read_answer(sdp);
        match agreed.and_then(|agreed| self.connect(&agreed, now).map(|()| agreed)) {
            Ok(agreed) => {
                self.remember(fork, agreed);
                true
            }
            Err(why) => {
                self.story.sound(&format!("No early sound: {why}"), json!({ "fork": fork.1 }), now);
                false
            }
        }
    }

    fn remember(&mut self, fork: Fork, agreed: Negotiated) {
        if let Some(known) = self.early.iter_mut().find(|known| known.0 == fork) {
            known.1 = agreed;
        } else if self.early.len() < FORKS_MAX {
            self.early.push((fork, agreed));
        }
    }

    /// The 2xx to our INVITE. Without a description it stands by what its own early dialog had agreed.
    pub(super) fn answered(&mut self, answer: &Answer, now: Timestamp, orders: &mut Vec<Order>) {
        if self.stage != Stage::Dialling {
            return;
        }
        self.aim_at(self.call);
        match self.agreed(answer).and_then(|agreed| self.connect(&agreed, now)) {
            Ok(()) => {
                self.stage = Stage::Talking;
                self.early = Vec::new();
                self.fact(LegFact::Answered);
            }
            Err(why) => self.give_up(&why, now, orders),
        }
    }

    fn agreed(&self, answer: &Answer) -> Result<Negotiated, SoundError> {
        let body = self.body.as_ref().ok_or(SoundError::Missing)?;
        match &answer.sdp {
            Some(sdp) => body.sound.read_answer(sdp),
            None => {
                let early = self.early.iter().find(|known| known.0 == (self.call, answer.fork));
                early.map(|known| known.1.clone()).ok_or(SoundError::Missing)
            }
        }
    }
}
