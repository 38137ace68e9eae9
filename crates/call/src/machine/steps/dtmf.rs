//! `dtmf`: sends keys to the far side, and is over when they are sent.

use super::super::stage::Stage;
use super::{FlowStep, Progress, StepEvent};
use model::event::CommandOutcome;
use model::sound::DigitsId;
use model::{Pii, flow};
use serde::{Deserialize, Serialize};

/// Keys to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Dtmf {
    digits: Pii<String>,
    sent: Option<DigitsId>,
}

impl Dtmf {
    pub(super) fn prepare(dtmf: &flow::Dtmf) -> Self {
        Self { digits: dtmf.digits.clone(), sent: None }
    }
}

impl FlowStep for Dtmf {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        let digits = self.digits.expose();
        let fits = |byte: u8| byte.is_ascii_digit() || b"*#wW".contains(&byte);
        if digits.is_empty() || digits.len() > flow::Dtmf::DIGITS_MAX || !digits.bytes().all(fits) {
            return Progress::failed(
                "digits may hold 1 to 64 of 0-9, *, #, w (half a second) and W (one second)",
            );
        }
        self.sent = Some(stage.send_digits(self.digits.clone()));
        Progress::Running
    }

    fn on_event(&mut self, event: &StepEvent, _stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Digits(id, result) if Some(*id) == self.sent => match result {
                Ok(()) => Progress::Done(CommandOutcome::Completed),
                Err(reason) => Progress::failed(reason.as_str()),
            },
            _ => Progress::Running,
        }
    }
}
