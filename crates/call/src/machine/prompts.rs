//! The prompts of a call: ordered once, ready or failed some time later, forgotten when nobody will play them.
//! Knows nothing of what they are played for.

use super::desk::Desk;
use model::flow::{GatherPrompt, Playback, Say};
use model::sound::{FOREVER, PromptFact, PromptId, PromptOrder, PromptSource};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is played as one: prompts one after the other, so often, with so much silence between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sound {
    /// In this order.
    pub(super) prompts: Vec<PromptId>,
    /// How often the whole sequence, from 1.
    pub(super) times: u16,
    /// Silence between two prompts.
    pub(super) gap_ms: u32,
}

/// Where a prompt stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Prompt {
    Preparing,
    Ready { duration_ms: u32 },
    Failed { reason: String },
}

/// Whether a sound can be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Some of its prompts are being prepared.
    Waiting,
    /// It can, and takes so long.
    Ready {
        /// Milliseconds, repetitions and gaps included.
        length_ms: u64,
    },
    /// It never can.
    Failed {
        /// Why, in words for the app's developer.
        reason: String,
    },
}

/// All prompts that are wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Prompts {
    last: u32,
    wanted: BTreeMap<PromptId, Prompt>,
}

impl Prompts {
    /// Has a text spoken.
    pub(super) fn say(&mut self, say: &Say, desk: &mut Desk) -> Sound {
        let source = PromptSource::Speech {
            text: say.text.clone().into(),
            locale: say.locale.clone(),
            voice: say.voice.clone(),
        };
        Sound { prompts: vec![self.prepare(source, desk)], times: say.times.max(1), gap_ms: 0 }
    }

    /// Has files fetched.
    pub(super) fn playback(&mut self, playback: &Playback, desk: &mut Desk) -> Sound {
        let source = |location: &String| PromptSource::Media { location: location.clone() };
        let prompts = playback.media.iter().map(|media| self.prepare(source(media), desk)).collect();
        Sound { prompts, times: playback.times.max(1), gap_ms: playback.gap_ms }
    }

    /// Has a gather's prompt made.
    pub(super) fn gather(&mut self, prompt: &GatherPrompt, desk: &mut Desk) -> Sound {
        match prompt {
            GatherPrompt::Say(say) => self.say(say, desk),
            GatherPrompt::Playback(playback) => self.playback(playback, desk),
        }
    }

    /// Has the "speak now" tone made.
    pub(super) fn beep(&mut self, desk: &mut Desk) -> Sound {
        Sound { prompts: vec![self.prepare(PromptSource::Beep, desk)], times: 1, gap_ms: 0 }
    }

    /// Has a country's ring tone made, to be played until it is stopped.
    pub(super) fn ring_tone(&mut self, country: &str, desk: &mut Desk) -> Sound {
        self.forever(PromptSource::RingTone { country: country.to_owned() }, desk)
    }

    /// Has music to wait by made, the server's own if none is named, to be played until it is stopped.
    pub(super) fn music(&mut self, location: Option<&str>, desk: &mut Desk) -> Sound {
        let source = match location {
            Some(location) => PromptSource::Media { location: location.to_owned() },
            None => PromptSource::HoldMusic,
        };
        self.forever(source, desk)
    }

    fn forever(&mut self, source: PromptSource, desk: &mut Desk) -> Sound {
        Sound { prompts: vec![self.prepare(source, desk)], times: FOREVER, gap_ms: 0 }
    }

    fn prepare(&mut self, source: PromptSource, desk: &mut Desk) -> PromptId {
        self.last = self.last.wrapping_add(1);
        let prompt = PromptId(self.last);
        self.wanted.insert(prompt, Prompt::Preparing);
        desk.order_prompt(PromptOrder::Prepare { prompt, source });
        prompt
    }

    /// Takes what became of a prompt. False when nobody waits for it.
    pub(super) fn on_fact(&mut self, fact: PromptFact) -> bool {
        let (id, state) = match fact {
            PromptFact::Ready { prompt, duration_ms } => (prompt, Prompt::Ready { duration_ms }),
            PromptFact::Failed { prompt, reason } => (prompt, Prompt::Failed { reason }),
        };
        match self.wanted.get_mut(&id) {
            Some(prompt) if *prompt == Prompt::Preparing => {
                *prompt = state;
                true
            }
            _ => false,
        }
    }

    /// Whether somebody may still play it.
    pub(super) fn wants(&self, prompt: PromptId) -> bool {
        self.wanted.contains_key(&prompt)
    }

    /// Whether the sound can be played.
    pub(super) fn readiness(&self, sound: &Sound) -> Readiness {
        let mut once_ms = 0u64;
        let mut waiting = false;
        for prompt in &sound.prompts {
            match self.wanted.get(prompt) {
                Some(Prompt::Ready { duration_ms }) => once_ms += u64::from(*duration_ms),
                Some(Prompt::Failed { reason }) => return Readiness::Failed { reason: reason.clone() },
                Some(Prompt::Preparing) | None => waiting = true,
            }
        }
        if waiting {
            return Readiness::Waiting;
        }
        let times = u64::from(sound.times);
        let gaps = (times * sound.prompts.len() as u64).saturating_sub(1);
        Readiness::Ready { length_ms: once_ms * times + gaps * u64::from(sound.gap_ms) }
    }

    /// Nobody will play the sound any more.
    pub(super) fn forget(&mut self, sound: &Sound) {
        for prompt in &sound.prompts {
            self.wanted.remove(prompt);
        }
    }
}
