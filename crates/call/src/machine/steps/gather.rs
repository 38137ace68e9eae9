//! `gather`: collects keys. A key cuts the prompt (barge-in) and counts.

use super::super::stage::Stage;
use super::super::timers::Timer;
use super::sounding::{Cue, Sounding};
use super::{FlowStep, Progress, StepEvent};
use model::event::{CommandOutcome, EventBody, GatherEnd};
use model::{CommandId, Pii, flow};
use serde::{Deserialize, Serialize};

/// A collection of keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Gather {
    id: CommandId,
    prompt: Option<Sounding>,
    keys: Pii<String>,
    keys_max: u8,
    end_key: Option<char>,
    timeout_ms: u32,
    retries_left: u8,
}

impl Gather {
    pub(super) fn prepare(id: CommandId, gather: &flow::Gather, stage: &mut Stage) -> Self {
        let prompt = gather.prompt.as_ref().map(|prompt| stage.prompts.gather(prompt, &mut stage.desk));
        Self {
            id,
            prompt: prompt.map(Sounding::new),
            keys: Pii::new(String::new()),
            keys_max: gather.keys_max.unwrap_or(flow::Gather::KEYS_MAX),
            end_key: gather.end_key,
            timeout_ms: gather.timeout_ms,
            retries_left: gather.retries,
        }
    }

    fn ask(&mut self, stage: &mut Stage) -> Progress {
        let cue = self.prompt.as_mut().map(|prompt| prompt.start(stage));
        match cue {
            Some(cue) => self.on_cue(cue, stage),
            None => self.listen(stage),
        }
    }

    fn on_cue(&self, cue: Cue, stage: &mut Stage) -> Progress {
        match cue {
            Cue::Going => Progress::Running,
            Cue::Over(_) => self.listen(stage),
            Cue::Failed(reason) => Progress::failed(reason),
        }
    }

    fn listen(&self, stage: &mut Stage) -> Progress {
        stage.desk.set_timer(Timer::Keys, self.timeout_ms.into());
        Progress::Running
    }

    fn on_key(&mut self, key: char, stage: &mut Stage) -> Progress {
        if let Some(prompt) = &mut self.prompt {
            prompt.stop(stage);
        }
        if Some(key) == self.end_key {
            return self.finish(GatherEnd::EndKey, stage);
        }
        let mut keys = self.keys.expose().clone();
        keys.push(key);
        let full = keys.len() >= usize::from(self.keys_max);
        self.keys = Pii::new(keys);
        if full { self.finish(GatherEnd::KeysMax, stage) } else { self.listen(stage) }
    }

    fn on_timeout(&mut self, stage: &mut Stage) -> Progress {
        if self.keys.expose().is_empty() && self.retries_left > 0 {
            self.retries_left -= 1;
            return self.ask(stage);
        }
        self.finish(GatherEnd::Timeout, stage)
    }

    fn finish(&self, ended_by: GatherEnd, stage: &mut Stage) -> Progress {
        stage.keys = self.keys.clone();
        let (command, keys) = (self.id, self.keys.clone());
        stage.desk.emit(EventBody::GatherCompleted { command, keys, ended_by });
        Progress::Done(CommandOutcome::Completed)
    }
}

impl FlowStep for Gather {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        stage.keys = Pii::new(String::new());
        self.ask(stage)
    }

    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Digit(key) => self.on_key(*key, stage),
            StepEvent::Timer(Timer::Keys) => self.on_timeout(stage),
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
