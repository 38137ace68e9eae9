//! `gather`: collects keys, words, or whichever come first. A key or a voice cuts the prompt (barge-in) and counts; keys
//! win over words.

use super::super::stage::Stage;
use super::super::timers::Timer;
use super::sounding::{Cue, Sounding};
use super::{FlowStep, Progress, StepEvent};
use model::event::{CommandOutcome, EventBody, GatherEnd};
use model::flow::GatherInput;
use model::speech::{ListenId, Listening, SpeechFact};
use model::timeline::TimelineKind;
use model::{CommandId, Pii, flow};
use serde::{Deserialize, Serialize};

/// How long understanding may take, after the longest speech and the silence that ends it.
const UNDERSTAND_MS: u64 = 20_000;
/// So many noises that are no words are overlooked at each asking.
const NOISES_MAX: u8 = 2;

/// A collection of keys or words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Gather {
    id: CommandId,
    input: GatherInput,
    prompt: Option<Sounding>,
    keys: Pii<String>,
    keys_max: u8,
    end_key: Option<char>,
    timeout_ms: u32,
    retries_left: u8,
    locale: String,
    hints: Vec<String>,
    /// Voice is watched for.
    watching: bool,
    /// What is listened for.
    listen: Option<ListenId>,
    /// Somebody speaks, or it is being understood.
    speaking: bool,
    noises_left: u8,
}

impl Gather {
    pub(super) fn prepare(id: CommandId, gather: &flow::Gather, stage: &mut Stage) -> Self {
        let prompt = gather.prompt.as_ref().map(|prompt| stage.prompts.gather(prompt, &mut stage.desk));
        Self {
            id,
            input: gather.input,
            prompt: prompt.map(Sounding::new),
            keys: Pii::new(String::new()),
            keys_max: gather.keys_max.unwrap_or(flow::Gather::KEYS_MAX),
            end_key: gather.end_key,
            timeout_ms: gather.timeout_ms,
            retries_left: gather.retries,
            locale: gather.speech_locale.clone(),
            hints: stage.hints.clone(),
            watching: false,
            listen: None,
            speaking: false,
            noises_left: NOISES_MAX,
        }
    }

    fn ask(&mut self, stage: &mut Stage) -> Progress {
        self.noises_left = NOISES_MAX;
        self.listen(stage);
        let cue = self.prompt.as_mut().map(|prompt| prompt.start(stage));
        match cue {
            Some(cue) => self.on_cue(cue, stage),
            None => self.wait(stage),
        }
    }

    fn on_cue(&mut self, cue: Cue, stage: &mut Stage) -> Progress {
        match cue {
            Cue::Going => Progress::Running,
            Cue::Over(_) if self.speaking => Progress::Running,
            Cue::Over(_) => self.wait(stage),
            Cue::Failed(reason) => {
                self.turn_deaf(stage);
                Progress::failed(reason)
            }
        }
    }

    /// Waits for input, from now on for so long.
    fn wait(&self, stage: &mut Stage) -> Progress {
        stage.desk.set_timer(Timer::Keys, self.timeout_ms.into());
        Progress::Running
    }

    /// Listens for words, if it does not yet.
    fn listen(&mut self, stage: &mut Stage) {
        if !self.input.takes_speech() {
            return;
        }
        if !std::mem::replace(&mut self.watching, true) {
            stage.watch_voice(true);
        }
        if self.listen.is_none() {
            self.listen = Some(stage.listen(&self.locale, &self.hints));
        }
    }

    fn listen_no_longer(&mut self, stage: &mut Stage) {
        self.speaking = false;
        stage.desk.timers.clear(Timer::Speech);
        if let Some(listen) = self.listen.take() {
            stage.stop_listening(listen);
        }
    }

    fn turn_deaf(&mut self, stage: &mut Stage) {
        self.listen_no_longer(stage);
        if std::mem::take(&mut self.watching) {
            stage.watch_voice(false);
        }
    }

    fn on_key(&mut self, key: char, stage: &mut Stage) -> Progress {
        self.hush(stage);
        self.listen_no_longer(stage);
        if Some(key) == self.end_key {
            return self.finish(GatherEnd::EndKey, stage);
        }
        let mut keys = self.keys.expose().clone();
        keys.push(key);
        let full = keys.len() >= usize::from(self.keys_max);
        self.keys = Pii::new(keys);
        if full { self.finish(GatherEnd::KeysMax, stage) } else { self.wait(stage) }
    }

    fn hush(&mut self, stage: &mut Stage) {
        if let Some(prompt) = &mut self.prompt {
            prompt.stop(stage);
        }
    }

    /// Whoever begins to speak is listened to until it is understood, or has taken too long.
    fn on_voice(&mut self, stage: &mut Stage) -> Progress {
        if self.listen.is_some() && !self.speaking {
            self.speaking = true;
            self.hush(stage);
            stage.desk.timers.clear(Timer::Keys);
            let longest = Listening::LENGTH_MS_MAX + Listening::END_SILENCE_MS;
            stage.desk.set_timer(Timer::Speech, u64::from(longest) + UNDERSTAND_MS);
        }
        Progress::Running
    }

    fn on_speech(&mut self, fact: &SpeechFact, stage: &mut Stage) -> Progress {
        let (SpeechFact::Heard { listen, .. } | SpeechFact::Failed { listen, .. }) = fact;
        if self.listen != Some(*listen) {
            return Progress::Running;
        }
        // It is over: only another one could be stopped.
        self.listen = None;
        match fact {
            SpeechFact::Heard { text, .. } if text.expose().trim().is_empty() => self.on_noise(stage),
            SpeechFact::Heard { text, confidence, .. } => {
                (stage.speech, stage.confidence) = (text.clone(), *confidence);
                self.hush(stage);
                self.finish(GatherEnd::Speech, stage)
            }
            SpeechFact::Failed { reason, .. } => self.on_deaf(reason, stage),
        }
    }

    fn on_noise(&mut self, stage: &mut Stage) -> Progress {
        self.listen_no_longer(stage);
        if self.noises_left == 0 {
            return self.on_timeout(stage);
        }
        self.noises_left -= 1;
        stage.desk.note(TimelineKind::Speech, "what was heard are no words; listening on");
        self.listen(stage);
        self.wait(stage)
    }

    /// Words cannot be understood. Where keys count as well, they still do.
    fn on_deaf(&mut self, reason: &str, stage: &mut Stage) -> Progress {
        let waits = self.speaking;
        self.turn_deaf(stage);
        if !self.input.takes_keys() {
            self.hush(stage);
            return Progress::failed(reason);
        }
        self.input = GatherInput::Dtmf;
        stage.desk.note(TimelineKind::Speech, format!("only keys count from now on: {reason}"));
        if waits { self.wait(stage) } else { Progress::Running }
    }

    fn on_timeout(&mut self, stage: &mut Stage) -> Progress {
        if self.keys.expose().is_empty() && self.retries_left > 0 {
            self.retries_left -= 1;
            return self.ask(stage);
        }
        self.finish(GatherEnd::Timeout, stage)
    }

    fn finish(&mut self, ended_by: GatherEnd, stage: &mut Stage) -> Progress {
        self.turn_deaf(stage);
        stage.keys = self.keys.clone();
        let spoken = Some(&stage.speech).filter(|speech| !speech.expose().is_empty());
        let body = EventBody::GatherCompleted {
            command: self.id,
            keys: self.keys.clone(),
            speech: spoken.cloned(),
            confidence: stage.confidence,
            ended_by,
        };
        stage.desk.emit(body);
        Progress::Done(CommandOutcome::Completed)
    }
}

impl FlowStep for Gather {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        stage.keys = Pii::new(String::new());
        (stage.speech, stage.confidence) = (Pii::new(String::new()), None);
        self.ask(stage)
    }

    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Digit(key) if self.input.takes_keys() => self.on_key(*key, stage),
            StepEvent::Voice { speaking: true } => self.on_voice(stage),
            StepEvent::Speech(fact) => self.on_speech(fact, stage),
            StepEvent::Timer(Timer::Keys) => self.on_timeout(stage),
            StepEvent::Timer(Timer::Speech) => {
                self.on_deaf("what was said was not understood in time", stage)
            }
            _ => {
                let cue = self.prompt.as_mut().map_or(Cue::Going, |prompt| prompt.on_event(event, stage));
                self.on_cue(cue, stage)
            }
        }
    }

    fn stop(&mut self, stage: &mut Stage) {
        self.finish(GatherEnd::Interrupted, stage);
    }

    fn forget(&mut self, stage: &mut Stage) {
        if let Some(prompt) = &self.prompt {
            prompt.forget(stage);
        }
    }
}
