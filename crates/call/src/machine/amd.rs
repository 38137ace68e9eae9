//! Who answered: has the leg listened to from the answer on, keeps what was found in the row, and waits for the end of
//! a machine's greeting where the app asked to be told then. The flow goes on meanwhile.

use super::desk::Desk;
use super::timers::Timer;
use model::amd::{
    AmdBeep, AmdEvidence, AmdFinding, AmdGreetingEnd, AmdGreetingEndedBy, AmdNews, AmdNotify, AmdOutcome,
    AmdResult, AmdSign,
};
use model::event::EventBody;
use model::sound::MediaOrder;
use serde::{Deserialize, Serialize};

/// Where the detection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Amd {
    /// Not asked for, not begun, or over.
    #[default]
    Idle,
    /// Who answered is not known yet.
    Listening,
    /// A machine; its greeting goes on.
    Greeting,
}

impl Amd {
    /// The call was answered.
    pub(super) fn start(&mut self, desk: &mut Desk) {
        let Some(settings) = desk.setup.amd.clone() else { return };
        *self = Self::Listening;
        desk.order_media(MediaOrder::DetectMachine { settings });
    }

    /// The detector tells something.
    pub(super) fn on_news(&mut self, news: &AmdNews, desk: &mut Desk) {
        match (&*self, news) {
            (Self::Listening, AmdNews::Decided(finding)) => self.decide(*finding, desk),
            (Self::Greeting, AmdNews::Beep(beep)) => self.end_by_beep(*beep, desk),
            (Self::Greeting, AmdNews::Silence { at_ms }) if notify(desk) == Some(AmdNotify::Silence) => {
                self.end_greeting(AmdGreetingEndedBy::Silence, *at_ms, None, desk);
            }
            _ => {}
        }
    }

    /// The end of the greeting did not come in time.
    pub(super) fn on_timeout(&mut self, desk: &mut Desk) {
        if *self == Self::Greeting {
            let at_ms = since_answer(desk);
            self.end_greeting(AmdGreetingEndedBy::Timeout, at_ms, None, desk);
        }
    }

    /// The call ends: what was not told yet is told now.
    pub(super) fn stop(&mut self, desk: &mut Desk) {
        let at_ms = since_answer(desk);
        match *self {
            Self::Idle => {}
            Self::Listening => self.decide(unknown(at_ms), desk),
            Self::Greeting => self.end_greeting(AmdGreetingEndedBy::CallEnded, at_ms, None, desk),
        }
    }

    fn decide(&mut self, finding: AmdFinding, desk: &mut Desk) {
        let Some(settings) = &desk.setup.amd else { return };
        let beep_timeout_ms = settings.beep_timeout_ms;
        let (locale, notify) = (settings.locale.clone(), settings.notify);
        let outcome = AmdOutcome { finding, locale, notify, greeting_end: None };
        let later = outcome.is_announced_later();
        desk.call.amd = Some(outcome.clone());
        desk.emit(EventBody::AmdCompleted { outcome });
        if later {
            *self = Self::Greeting;
            desk.set_timer(Timer::Greeting, beep_timeout_ms.into());
        } else {
            self.finish(desk);
        }
    }

    fn end_by_beep(&mut self, beep: AmdBeep, desk: &mut Desk) {
        let at_ms = beep.at_ms.saturating_add(beep.length_ms);
        self.end_greeting(AmdGreetingEndedBy::Beep, at_ms, Some(beep), desk);
    }

    fn end_greeting(&mut self, by: AmdGreetingEndedBy, at_ms: u32, beep: Option<AmdBeep>, desk: &mut Desk) {
        let end = AmdGreetingEnd { by, at_ms, beep };
        if let Some(outcome) = &mut desk.call.amd {
            outcome.greeting_end = Some(end);
        }
        desk.emit(EventBody::AmdGreetingEnded { end });
        self.finish(desk);
    }

    fn finish(&mut self, desk: &mut Desk) {
        *self = Self::Idle;
        desk.timers.clear(Timer::Greeting);
        desk.order_media(MediaOrder::StopDetecting);
    }
}

fn notify(desk: &Desk) -> Option<AmdNotify> {
    desk.setup.amd.as_ref().map(|settings| settings.notify)
}

fn since_answer(desk: &Desk) -> u32 {
    let since = desk.call.answered_at.map(|at| desk.now.since(at)).unwrap_or_default();
    u32::try_from(since.as_millis()).unwrap_or(u32::MAX)
}

/// Nothing was found before the call ended.
fn unknown(at_ms: u32) -> AmdFinding {
    let evidence = AmdEvidence::default();
    AmdFinding { result: AmdResult::Unknown, sign: AmdSign::CallEnded, words: 0, at_ms, evidence }
}
