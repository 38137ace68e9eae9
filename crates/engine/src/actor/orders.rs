//! Carrying out the machine's orders: legs to the carrier, sound to the media plane, prompts to the prompt room,
//! recordings to the recorder. What cannot even be tried comes back to the machine as a fact.

use super::ledger::lock;
use super::recorder;
use super::run::Actor;
use crate::figures;
use call::{Input, Output};
use model::LegId;
use model::child::{ChildFact, ParentFact};
use model::leg::{LegEndKind, LegOrder};
use model::sound::{MediaFact, MediaOrder, PromptOrder, RecordFact, RecordOrder};
use model::timeline::TimelineKind;
use ports::media::{Blend, PlaneOrder};
use ports::{CarrierError, Dial, MediaError};
use serde_json::json;
use std::sync::Arc;

impl Actor {
    /// Carries out one order.
    pub(super) fn order(&mut self, output: Output) {
        match output {
            Output::Leg(leg, LegOrder::Dial { ring_timeout_ms }) => self.dial(leg, ring_timeout_ms),
            Output::Leg(leg, order) => self.order_leg(leg, order),
            Output::Media(leg, MediaOrder::Listen(listening)) => self.listen(leg, *listening),
            Output::Media(leg, MediaOrder::StopListening { listen }) => self.stop_listening(leg, listen),
            Output::Media(leg, order) => self.order_sound(leg, order),
            Output::Prompt(PromptOrder::Prepare { prompt, source }) => {
                let owner = (self.machine.call().app, self.call);
                self.prompts.prepare(&self.core, &self.mailbox, owner, prompt, source);
            }
            Output::Fetch(fetch) => self.fetch(fetch),
            Output::Record(leg, order) => self.order_recording(leg, &order),
            Output::Child(child, order) => {
                self.ties.order_child(self.machine.call(), &self.mailbox, child, order);
            }
            Output::Parent(fact) => self.tell_parent(fact),
            meeting @ (Output::Conference(_) | Output::Queue(_)) => {
                self.ties.order_meeting(self.machine.call(), meeting);
            }
            // Announcements are the loop's business.
            Output::Event { .. } | Output::Note { .. } => {}
        }
    }

    fn dial(&mut self, leg: LegId, ring_timeout_ms: u32) {
        let (Some(route), Ok(carrier)) = (self.road.route(), self.road.carrier().cloned()) else {
            return self.leg_ended(leg, LegEndKind::Failed, "The call's trunk was removed.");
        };
        lock(&self.standing).legs.push(leg);
        let call = self.machine.call();
        let dial = Dial {
            leg,
            from: call.from.clone(),
            to: call.to.clone(),
            ring_timeout_ms,
            route,
            paced: true,
            sink: Arc::new(self.mailbox.clone()),
        };
        self.dialling = Some((leg, Box::pin(async move { carrier.dial(dial).await })));
    }

    /// The carrier took a dialling, or could not.
    pub(super) fn dialled(&mut self, leg: LegId, result: Result<(), CarrierError>) {
        if let Err(error) = result {
            self.core.note(self.call, TimelineKind::Call, format!("not dialled: {error}"), json!(null));
            self.leg_ended(leg, LegEndKind::Failed, &error.to_string());
            return;
        }
        figures::dialled(self.machine.call(), self.core.now());
        if self.abandoned || self.machine.call().status.is_final() {
            // It ended while its carrier took its time; a leg that is over already is no matter.
            let _ = self.road.order(leg, LegOrder::HangUp);
        }
    }

    fn order_leg(&mut self, leg: LegId, order: LegOrder) {
        let Err(error) = self.road.order(leg, order) else { return };
        if error == CarrierError::UnknownLeg {
            // It has ended, and its last fact, which knows why, is in the mailbox.
            return;
        }
        self.leg_ended(leg, LegEndKind::Failed, &error.to_string());
    }

    /// A call whose parent is gone has nobody to wait for.
    fn tell_parent(&mut self, fact: ChildFact) {
        let over = matches!(fact, ChildFact::Ended(_));
        if !self.ties.tell_parent(self.machine.call().parent, fact) && !over {
            self.local.push_back(Input::Parent(ParentFact::Ended));
        }
    }

    fn order_sound(&mut self, leg: LegId, order: MediaOrder) {
        let mut unsent = None;
        let joins = matches!(order, MediaOrder::Bridge { .. } | MediaOrder::Join { .. });
        let (order, otherwise) = match order {
            MediaOrder::Play { playback, prompts, times, gap_ms } => {
                let clips = self.prompts.clips(&prompts);
                let cut = MediaFact::PlaybackFinished { playback, played_ms: 0, completed: false };
                (PlaneOrder::Play { playback, clips, times, gap_ms }, Some(cut))
            }
            MediaOrder::StopPlayback { playback } => {
                let cut = MediaFact::PlaybackFinished { playback, played_ms: 0, completed: false };
                (PlaneOrder::StopPlayback { playback }, Some(cut))
            }
            MediaOrder::SendDigits { id, digits } => {
                unsent = Some(id);
                (PlaneOrder::SendDigits { id, digits: digits.into_exposed(), in_band: false }, None)
            }
            MediaOrder::WatchVoice { on } => (PlaneOrder::WatchVoice { on }, None),
            MediaOrder::DetectMachine { settings } => (PlaneOrder::DetectMachine { settings }, None),
            MediaOrder::StopDetecting => (PlaneOrder::StopDetecting, None),
            // Carried out where what is heard is awaited.
            MediaOrder::Listen(_) | MediaOrder::StopListening { .. } => return,
            MediaOrder::Bridge { with } => (PlaneOrder::Bridge { with }, None),
            MediaOrder::Join { conference, muted, deaf } => {
                (PlaneOrder::JoinConference { conference, muted, deaf }, None)
            }
            MediaOrder::Unbridge => (PlaneOrder::Unbridge, None),
        };
        let blend = blend_of(&order);
        let done = self.core.media.order(leg, order).and_then(|()| {
            blend.map_or(Ok(()), |blend| self.core.media.order(leg, PlaneOrder::BlendPlayback { blend }))
        });
        let Err(error) = done else { return };
        // A leg without sound is being hung up; that alone is not worth a line.
        if error != MediaError::UnknownLeg {
            let summary = format!("the sound could not be ordered: {error}");
            self.core.note(self.call, TimelineKind::Media, summary, json!(null));
        }
        let unsent = unsent.map(|id| MediaFact::DigitsFailed { id, reason: error.to_string() });
        let unjoined = joins.then(|| MediaFact::NotJoined { reason: error.to_string() });
        if let Some(fact) = otherwise.or(unsent).or(unjoined) {
            self.local.push_back(Input::Media(leg, fact));
        }
    }

    fn order_recording(&mut self, leg: LegId, order: &RecordOrder) {
        match *order {
            RecordOrder::Start { recording, source } => {
                let spool = recorder::spool(&self.core.config.spool_dir, recording);
                let order = PlaneOrder::StartRecording { recording, source, spool };
                let fact = match self.core.media.order(leg, order) {
                    Ok(()) => RecordFact::Started { recording },
                    Err(error) => RecordFact::Failed { recording, reason: error.to_string() },
                };
                self.local.push_back(Input::Record(fact));
            }
            // A leg that is gone keeps nothing more anyhow.
            RecordOrder::Pause { recording } => {
                let _ = self.core.media.order(leg, PlaneOrder::PauseRecording { recording });
            }
            RecordOrder::Resume { recording } => {
                let _ = self.core.media.order(leg, PlaneOrder::ResumeRecording { recording });
            }
            RecordOrder::Stop { recording } => {
                // A leg that is gone has closed its spool.
                let _ = self.core.media.order(leg, PlaneOrder::StopRecording { recording });
                recorder::finish_later(&self.core, &self.mailbox, recording);
            }
        }
    }
}

/// What is played in a conference is heard together with it, elsewhere instead of what is relayed.
const fn blend_of(order: &PlaneOrder) -> Option<Blend> {
    match order {
        PlaneOrder::JoinConference { .. } => Some(Blend::Mix),
        PlaneOrder::Bridge { .. } => Some(Blend::Replace),
        _ => None,
    }
}
