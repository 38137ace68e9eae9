//! Who answered: a person, a machine, a screener, a fax machine; and the beep. Judges what is heard by the greeting's
//! length, words and pauses, by tones, and by what follows. Allocates only when it is made; knows no call and no clock:
//! time is the sound that was heard. docs/amd.md says how it decides, and how well.

mod greeting;
mod history;
mod input;
mod spectrum;
mod tones;

use greeting::Greeting;
use history::{History, MARK_MS};
use input::Input;
use model::amd::{AmdEvidence, AmdFinding, AmdNews, AmdResult, AmdSettings, AmdSign};
use spectrum::Spectrum;
use tones::{Tone, Tones};

/// The greeting is judged anew each so many steps.
const JUDGE_STEPS: u32 = 8;
/// Silence after which a short greeting waits for an answer.
const HUMAN_SILENCE_MS: u32 = 1_340;
/// After a mere hello a little less will do.
const HELLO_SILENCE_MS: u32 = 1_200;
const HELLO_MS: u32 = 1_000;
/// Silence after which a greeting is over.
const GREETING_SILENCE_MS: u32 = 1_800;
/// Silence after a long greeting within which a machine's beep would have come.
const BEEP_WITHIN_MS: u32 = 3_000;
/// No screener talks longer than this without waiting for an answer.
const SCREENING_MS_MAX: u32 = 9_500;
/// A short greeting of many words that no beep follows is a question; a longer one may be a machine's.
const QUESTION_MS_MAX: u32 = 5_200;
/// A screener that gets no answer asks again within this time,
const ASKS_AGAIN_WITHIN_MS: u32 = 7_500;
/// and no machine pauses so long within its greeting.
const ASKED_AGAIN_MS: u32 = 2_800;
/// Whoever is silent for so long does not speak.
const NO_SPEECH_MS: u32 = 6_000;

/// Words are counted by ear: so many more may be a mistake.
const WORDS_SLACK: u16 = 1;
/// Of so much voice somebody has surely spoken: ringing tones begin as voice does.
const SPOKEN_MS_MIN: u32 = 300;
/// Less voice than this is a cough or a click.
const VOICE_MS_MIN: u32 = 140;

/// Listens to one far side.
#[derive(Debug)]
pub struct AmdDetector {
    settings: AmdSettings,
    input: Input,
    spectrum: Box<Spectrum>,
    history: History,
    tones: Tones,
    greeting: Greeting,
    steps: u32,
    decided: bool,
    silence_told: bool,
}

impl AmdDetector {
    /// A detector that has heard nothing yet, of sound at 8 or 16 kHz.
    pub fn new(settings: &AmdSettings, rate_hz: u32) -> Self {
        Self {
            settings: settings.clone(),
            input: Input::new(rate_hz),
            spectrum: Box::new(Spectrum::new()),
            history: History::new(),
            tones: Tones::default(),
            greeting: Greeting::default(),
            steps: 0,
            decided: false,
            silence_told: false,
        }
    }

    /// Listens to a frame of any length.
    pub fn on_frame(&mut self, frame: &[i16], mut report: impl FnMut(AmdNews)) {
        let mut rest = frame;
        while let Some(step) = self.input.step(&mut rest) {
            let step = self.spectrum.step(&step);
            self.on_step(&step, &mut report);
        }
    }

    fn on_step(&mut self, step: &spectrum::Step, report: &mut impl FnMut(AmdNews)) {
        self.steps += 1;
        self.history.push(step);
        let quiet_dbfs = self.greeting.quiet_dbfs();
        match self.tones.step(step, self.greeting.voiced_ms >= SPOKEN_MS_MIN, quiet_dbfs) {
            Some(Tone::Fax) => self.decide(AmdResult::Fax, AmdSign::FaxTone, report),
            Some(Tone::Beep(beep)) => {
                self.decide(AmdResult::Machine, AmdSign::Beep, report);
                report(AmdNews::Beep(beep));
            }
            None => {}
        }
        if self.steps.is_multiple_of(JUDGE_STEPS) && !self.history.is_full() {
            self.greeting = Greeting::of(&self.history);
            self.judge(report);
        }
    }

    fn judge(&mut self, report: &mut impl FnMut(AmdNews)) {
        if let Some((result, sign)) = self.verdict().filter(|_| !self.decided) {
            self.decide(result, sign, report);
        }
        let is_over = self.greeting.first_ms.is_some() && self.silence_ms() >= GREETING_SILENCE_MS;
        if self.decided && is_over && !self.silence_told {
            self.silence_told = true;
            report(AmdNews::Silence { at_ms: self.greeting.end_ms });
        }
    }

    /// What the greeting says, once it says anything.
    fn verdict(&self) -> Option<(AmdResult, AmdSign)> {
        let greeting = &self.greeting;
        if greeting.is_tonal() || greeting.voiced_ms < VOICE_MS_MIN {
            let sign = if greeting.is_tonal() { AmdSign::Music } else { AmdSign::NoSpeech };
            return (self.now_ms() >= NO_SPEECH_MS).then_some((AmdResult::Unknown, sign));
        }
        let (length_ms, silence_ms) = (greeting.length_ms(), self.silence_ms());
        let words_max = u16::from(self.settings.word_count);
        let is_short =
            length_ms <= self.settings.speech_timeout_ms && greeting.words <= words_max + WORDS_SLACK;
        if is_short {
            let wait_ms = if length_ms < HELLO_MS { HELLO_SILENCE_MS } else { HUMAN_SILENCE_MS };
            let waits = silence_ms >= wait_ms && !self.tones.is_sounding();
            return waits.then_some((AmdResult::Human, AmdSign::ShortGreeting));
        }
        if greeting.pause_ms >= ASKED_AGAIN_MS {
            return Some((AmdResult::Screening, AmdSign::Question));
        }
        if length_ms > SCREENING_MS_MAX {
            return Some((AmdResult::Machine, AmdSign::LongGreeting));
        }
        let is_question = length_ms <= QUESTION_MS_MAX;
        let wait_ms = if is_question { BEEP_WITHIN_MS } else { ASKS_AGAIN_WITHIN_MS };
        if silence_ms < wait_ms || self.tones.is_sounding() {
            return None;
        }
        Some(match is_question {
            true => (AmdResult::Screening, AmdSign::Question),
            false => (AmdResult::Machine, AmdSign::ManyWords),
        })
    }

    fn decide(&mut self, result: AmdResult, sign: AmdSign, report: &mut impl FnMut(AmdNews)) {
        if std::mem::replace(&mut self.decided, true) {
            return;
        }
        let at_ms = self.now_ms();
        let words = self.greeting.words;
        report(AmdNews::Decided(AmdFinding { result, sign, words, at_ms, evidence: self.evidence() }));
    }

    fn evidence(&self) -> AmdEvidence {
        let greeting = &self.greeting;
        let dbfs = |level: f32| level.round().clamp(-96.0, 0.0) as i8;
        AmdEvidence {
            first_voice_ms: greeting.first_ms,
            greeting_ms: greeting.length_ms(),
            voiced_ms: greeting.voiced_ms,
            longest_pause_ms: greeting.pause_ms,
            bursts: greeting.bursts,
            voice_dbfs: dbfs(greeting.voice_dbfs()),
            noise_dbfs: dbfs(greeting.noise_dbfs),
            tonal_ms: greeting.tonal_ms,
        }
    }

    const fn now_ms(&self) -> u32 {
        self.steps.saturating_mul(MARK_MS)
    }

    fn silence_ms(&self) -> u32 {
        self.now_ms().saturating_sub(self.greeting.end_ms)
    }
}

#[cfg(test)]
mod tests;
