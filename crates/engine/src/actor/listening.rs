//! What is listened for on a call: from the order until it is understood. The machine says what it is listened for; the
//! leg hands over the sound, an engine the words. What is still being understood when the call ends is given up with it.

use super::mailbox::Mailbox;
use super::run::Actor;
use crate::core::Core;
use call::Input;
use model::speech::{ListenId, Listening, SpeechFact};
use model::timeline::TimelineKind;
use model::{CallId, LegId};
use ports::media::PlaneOrder;
use ports::speech::{HeardSpeech, SpokenSound, SttRequest};
use serde_json::json;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Most things of one call being understood at once.
const UNDER_WAY_MAX: usize = 4;

/// A call's listenings.
#[derive(Default)]
pub(super) struct Listenings {
    /// What is listened for now.
    wanted: Option<Listening>,
    /// Aborted when it is dropped.
    tasks: JoinSet<()>,
}

impl Actor {
    /// Listens from now on.
    pub(super) fn listen(&mut self, leg: LegId, listening: Listening) {
        let Listening { listen, end_silence_ms, length_ms_max, ref locale, .. } = listening;
        let ordered = self.core.stt.understands(locale).map_err(|error| error.to_string()).and_then(|()| {
            let order = PlaneOrder::Listen { listen, end_silence_ms, length_ms_max };
            self.core.media.order(leg, order).map_err(|error| error.to_string())
        });
        match ordered {
            Ok(()) => self.listenings.wanted = Some(listening),
            Err(reason) => self.local.push_back(Input::Speech(SpeechFact::Failed { listen, reason })),
        }
    }

    /// Listens no longer.
    pub(super) fn stop_listening(&mut self, leg: LegId, listen: ListenId) {
        self.listenings.wanted.take_if(|wanted| wanted.listen == listen);
        // A leg that is gone listens to nothing.
        let _ = self.core.media.order(leg, PlaneOrder::StopListening { listen });
    }

    /// Something was said; it is understood in the background.
    pub(super) fn heard(&mut self, speech: HeardSpeech) {
        let Some(listening) = self.listenings.wanted.take_if(|wanted| wanted.listen == speech.listen) else {
            return;
        };
        while self.listenings.tasks.try_join_next().is_some() {}
        if self.listenings.tasks.len() >= UNDER_WAY_MAX {
            let (listen, reason) = (speech.listen, "too much is being understood for this call".to_owned());
            self.local.push_back(Input::Speech(SpeechFact::Failed { listen, reason }));
            return;
        }
        let (core, mailbox, call) = (self.core.clone(), self.mailbox.clone(), self.call);
        self.listenings.tasks.spawn(understand(core, mailbox, call, listening, speech));
    }
}

async fn understand(
    core: Arc<Core>,
    mailbox: Mailbox,
    call: CallId,
    listening: Listening,
    speech: HeardSpeech,
) {
    let Listening { listen, locale, hints, .. } = listening;
    let sound = SpokenSound { rate_hz: speech.rate_hz, channels: 1, samples: speech.samples.into() };
    let (begun, sound_ms) = (core.now(), sound.duration().as_millis());
    let request = SttRequest { sound, locale, hints, single: true };
    let understood = core.stt.transcribe(&request).await;
    let took_ms = core.now().since(begun).as_millis();
    let mut detail = json!({ "soundMs": sound_ms, "tookMs": took_ms, "locale": request.locale });
    let (summary, fact) = match understood {
        Ok(transcript) => {
            let (text, confidence) = (transcript.text(), transcript.confidence());
            if let Some(detail) = detail.as_object_mut() {
                detail.insert("text".to_owned(), json!(text));
                detail.insert("confidence".to_owned(), json!(confidence));
            }
            let words = text.expose().split_whitespace().count();
            let summary = format!("{sound_ms} ms of speech understood in {took_ms} ms: {words} words");
            (summary, SpeechFact::Heard { listen, text, confidence })
        }
        Err(error) => {
            let reason = error.to_string();
            (
                format!("{sound_ms} ms of speech not understood: {reason}"),
                SpeechFact::Failed { listen, reason },
            )
        }
    };
    core.note(call, TimelineKind::Speech, summary, detail);
    mailbox.speech(fact).await;
}
