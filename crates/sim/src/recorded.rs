//! What the far side of a real call did, taken from the call's timeline, and somebody who does it again: rings, answers,
//! presses keys, speaks and hangs up at the same moments.

use crate::sound::voice::text_of;
use model::Timestamp;
use model::call::{Direction, EndSource};
use model::timeline::TimelineEntry;
use persona::{PersonaInput, PersonaOutput, PersonaRefusal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

/// Most things that one call's far side did which are kept.
const DEEDS_MAX: usize = 2_000;

/// What a call's far side did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Inputs {
    /// From the dialling until it rang.
    pub rang_after_ms: Option<u64>,
    /// From the dialling until it answered.
    pub answered_after_ms: Option<u64>,
    /// From the dialling until it refused, and its status code.
    pub refused: Option<(u64, u16)>,
    /// Keys: milliseconds from the answer to the end of the key, and the key.
    pub keys: Vec<(u64, char)>,
    /// Voice: milliseconds from the answer to its begin, and how long it lasted.
    pub voice: Vec<(u64, u64)>,
    /// From the answer until it hung up, if it did.
    pub hung_up_after_ms: Option<u64>,
}

/// The timeline does not tell what the far side did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InputsError(&'static str);

impl Inputs {
    /// Reads a finished call's timeline.
    pub fn of_timeline(entries: &[TimelineEntry]) -> Result<Self, InputsError> {
        let began = entries.first().ok_or(InputsError("the timeline is empty"))?.at;
        let dialled = entries.iter().find(|entry| is_dial(entry)).map_or(began, |entry| entry.at);
        let mut inputs = Self::default();
        let mut answered = None;
        let mut speaking = None;
        for entry in entries {
            let detail = &entry.detail;
            let from_dial = millis(dialled, entry.at);
            match (detail.get("event").and_then(Value::as_str), answered) {
                (Some("ringing"), _) => inputs.rang_after_ms = Some(from_dial),
                (Some("answered"), _) => {
                    inputs.answered_after_ms = Some(from_dial);
                    answered = Some(entry.at);
                }
                _ => {}
            }
            let Some(answered_at) = answered else {
                inputs.refused = inputs.refused.or_else(|| refusal(detail, from_dial));
                continue;
            };
            let at = millis(answered_at, entry.at);
            inputs.after_answer(detail, at, &mut speaking);
        }
        if inputs.keys.len() + inputs.voice.len() > DEEDS_MAX {
            return Err(InputsError("the far side did more than can be repeated"));
        }
        Ok(inputs)
    }

    fn after_answer(&mut self, detail: &Value, at: u64, speaking: &mut Option<u64>) {
        if let Some(key) = detail.get("key").and_then(Value::as_str).and_then(|key| key.chars().next()) {
            self.keys.push((at, key));
        }
        match (detail.get("voice").and_then(Value::as_bool), *speaking) {
            (Some(true), None) => *speaking = Some(at),
            (Some(false), Some(began)) => {
                self.voice.push((began, at.saturating_sub(began)));
                *speaking = None;
            }
            _ => {}
        }
        let by_far_side = detail.get("source").is_some_and(|source| {
            *source == serde_json::json!(EndSource::Callee) || *source == serde_json::json!(EndSource::Caller)
        });
        if by_far_side && detail.get("status").is_some() {
            self.hung_up_after_ms = Some(at);
            if let Some(began) = speaking.take() {
                self.voice.push((began, at.saturating_sub(began)));
            }
        }
    }
}

fn is_dial(entry: &TimelineEntry) -> bool {
    entry.summary.contains("INVITE ")
}

fn refusal(detail: &Value, from_dial: u64) -> Option<(u64, u16)> {
    detail.get("source").filter(|source| **source == serde_json::json!(EndSource::Callee))?;
    let code = detail.get("code")?.as_u64()?;
    u16::try_from(code).ok().filter(|code| (300..=699).contains(code)).map(|code| (from_dial, code))
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

/// How long a key is: its moment in a timeline is its end.
const KEY_MS: u64 = 120;

/// One who does it again.
pub(crate) struct Recorded {
    inputs: Inputs,
    direction: Direction,
    /// What is to come, by time.
    coming: Vec<(Timestamp, PersonaOutput)>,
    outputs: VecDeque<PersonaOutput>,
}

impl Recorded {
    pub(crate) fn new(inputs: Inputs, direction: Direction) -> Self {
        Self { inputs, direction, coming: Vec::new(), outputs: VecDeque::new() }
    }

    pub(crate) fn handle(&mut self, input: PersonaInput, now: Timestamp) {
        match input {
            PersonaInput::Called { .. } => self.called(now),
            PersonaInput::Connected => self.connected(now),
            _ => {}
        }
    }

    fn called(&mut self, now: Timestamp) {
        self.outputs.push_back(PersonaOutput::Trying);
        if self.direction == Direction::Inbound {
            return;
        }
        if let Some(after) = self.inputs.rang_after_ms {
            self.at(now, after, PersonaOutput::Ring);
        }
        if let Some((after, code)) = self.inputs.refused {
            let refusal = PersonaRefusal { code, phrase: "As Recorded", q850: None, retry_after_s: None };
            self.at(now, after, PersonaOutput::Refuse(refusal));
        }
        if let Some(after) = self.inputs.answered_after_ms {
            self.at(now, after, PersonaOutput::Answer);
        }
    }

    fn connected(&mut self, now: Timestamp) {
        for (at, key) in std::mem::take(&mut self.inputs.keys) {
            let press = PersonaOutput::Press { digits: key.into(), in_band: false };
            self.at(now, at.saturating_sub(KEY_MS), press);
        }
        for (at, length) in std::mem::take(&mut self.inputs.voice) {
            let length_ms = u32::try_from(length).ok();
            self.at(now, at, PersonaOutput::Say { text: text_of(length), length_ms });
        }
        if let Some(at) = self.inputs.hung_up_after_ms {
            self.at(now, at, PersonaOutput::HangUp);
        }
    }

    fn at(&mut self, now: Timestamp, after_ms: u64, output: PersonaOutput) {
        let at = now + Duration::from_millis(after_ms);
        let place = self.coming.partition_point(|coming| coming.0 <= at);
        self.coming.insert(place, (at, output));
    }

    pub(crate) fn handle_timeout(&mut self, now: Timestamp) {
        let due = self.coming.partition_point(|coming| coming.0 <= now);
        self.outputs.extend(self.coming.drain(..due).map(|(_, output)| output));
    }

    pub(crate) fn poll(&mut self) -> Option<PersonaOutput> {
        self.outputs.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.coming.first().map(|coming| coming.0)
    }
}
