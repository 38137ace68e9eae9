//! Each persona as a score: what happens and when, and what it does then.

use super::*;
use PersonaInput::{Connected, Digit, Pressed, Said, VoiceStarted, VoiceStopped};
use model::Timestamp;

const CALLED: PersonaInput = PersonaInput::Called { authorized: false };
const RINGS: [PersonaOutput; 2] = [PersonaOutput::Trying, PersonaOutput::Ring];

struct Score {
    persona: Persona,
    now_ms: u64,
}

impl Score {
    fn of(number: &str, settings: Settings) -> Self {
        Self { persona: Persona::new(number, settings), now_ms: 1_000 }
    }

    fn done(&mut self) -> Vec<PersonaOutput> {
        std::iter::from_fn(|| self.persona.poll()).collect()
    }

    /// Lets time run to `at_ms` after the call, firing each timer at its time: (time, output).
    fn until(&mut self, at_ms: u64) -> Vec<(u64, PersonaOutput)> {
        let end = Timestamp::from_millis(1_000 + at_ms);
        let mut done = Vec::new();
        while let Some(deadline) = self.persona.deadline().filter(|deadline| *deadline <= end) {
            self.now_ms = deadline.as_millis();
            self.persona.handle_timeout(deadline);
            let at = self.now_ms - 1_000;
            done.extend(self.done().into_iter().map(|output| (at, output)));
        }
        self.now_ms = 1_000 + at_ms;
        done
    }

    fn hears(&mut self, input: PersonaInput) -> Vec<PersonaOutput> {
        self.persona.handle(input, Timestamp::from_millis(self.now_ms));
        self.done()
    }

    /// Called, answered and connected.
    fn connected(number: &str, settings: Settings) -> (Self, Vec<PersonaOutput>) {
        let mut score = Self::of(number, settings);
        assert_eq!(score.hears(CALLED), RINGS);
        assert_eq!(score.until(1_000), [(1_000, PersonaOutput::Answer)]);
        let done = score.hears(Connected);
        (score, done)
    }
}

fn say(text: &str) -> PersonaOutput {
    PersonaOutput::Say { text: text.to_owned(), length_ms: None }
}

fn press(digits: &str, in_band: bool) -> PersonaOutput {
    PersonaOutput::Press { digits: digits.to_owned(), in_band }
}

#[test]
fn a_human_answers_says_hello_and_stays() {
    for number in ["+15005550000", "+15005550099", "+4930123456", "bob", ""] {
        let (mut score, done) = Score::connected(number, Settings::default());
        assert_eq!(done, [say("Hello?")], "{number}");
        assert_eq!(score.persona.lines(), ["Hello?"]);
        assert_eq!(score.until(4 * 3_600_000), [], "{number}");
    }
}

#[test]
fn an_impatient_human_hangs_up_after_three_seconds() {
    let (mut score, _) = Score::connected("+15005550001", Settings::default());
    assert_eq!(score.until(60_000), [(4_000, PersonaOutput::HangUp)]);
}

#[test]
fn delays_and_words_are_as_wished() {
    let settings = Settings {
        answer_after_ms: Some(10),
        hang_up_after_ms: Some(50),
        text: Some("Hi.".into()),
        ..Settings::default()
    };
    let mut score = Score::of("+15005550000", settings);
    score.hears(CALLED);
    assert_eq!(score.until(10), [(10, PersonaOutput::Answer)]);
    assert_eq!(score.hears(Connected), [say("Hi.")]);
    assert_eq!(score.until(9_000), [(60, PersonaOutput::HangUp)]);
}

#[test]
fn echo_echoes() {
    let (_, done) = Score::connected("+15005550002", Settings::default());
    assert_eq!(done, [PersonaOutput::Echo]);
}

#[test]
fn a_dialler_presses_once_after_each_prompt_has_been_silent_long_enough() {
    for (number, in_band) in [("+15005550003", false), ("+15005550004", true)] {
        let (mut score, done) = Score::connected(number, Settings::default());
        assert_eq!(done, [PersonaOutput::Listen]);
        assert_eq!(score.until(5_000), [], "nothing was heard yet");
        score.hears(VoiceStarted);
        assert_eq!(score.until(6_000), []);
        score.hears(VoiceStopped);
        assert_eq!(score.until(6_600), [], "a pause between sentences");
        score.hears(VoiceStarted);
        score.hears(VoiceStopped);
        assert_eq!(score.until(8_000), [(7_300, press("1234#", in_band))]);
        score.hears(VoiceStarted);
        score.hears(VoiceStopped);
        assert_eq!(score.until(9_000), [], "still pressing");
        score.hears(Pressed);
        assert_eq!(score.until(60_000), [(9_700, press("1234#", in_band))]);
    }
}

#[test]
fn a_dialler_presses_what_is_wished() {
    let settings = Settings { digits: Some("7w8".into()), press_after_ms: Some(100), ..Settings::default() };
    let (mut score, _) = Score::connected("+15005550003", settings);
    score.hears(VoiceStarted);
    score.hears(VoiceStopped);
    assert_eq!(score.until(9_000), [(1_100, press("7w8", false))]);
}

#[test]
fn refusers_refuse_at_once_or_ring_first_if_wished() {
    for (number, code, q850, retry_after_s) in [
        ("+15005550005", 603, Some(21), None),
        ("+15005550006", 486, Some(17), None),
        ("+15005550008", 404, Some(1), None),
        ("+15005550009", 503, None, Some(30)),
    ] {
        let refused = |output: &PersonaOutput| match output {
            PersonaOutput::Refuse(refusal) => (refusal.code, refusal.q850, refusal.retry_after_s),
            other => panic!("{number} does {other:?}"),
        };
        let done = Score::of(number, Settings::default()).hears(CALLED);
        assert_eq!(done.iter().map(refused).collect::<Vec<_>>(), [(code, q850, retry_after_s)]);

        let mut score = Score::of(number, Settings { answer_after_ms: Some(20), ..Settings::default() });
        assert_eq!(score.hears(CALLED), RINGS);
        let done = score.until(1_000);
        assert_eq!(
            done.iter().map(|(at, output)| (*at, refused(output).0)).collect::<Vec<_>>(),
            [(20, code)]
        );
    }
}

#[test]
fn a_silent_one_rings_for_ever() {
    let mut score = Score::of("+15005550007", Settings { answer_after_ms: Some(1), ..Settings::default() });
    assert_eq!(score.hears(CALLED), RINGS);
    assert_eq!(score.until(4 * 3_600_000), []);
}

#[test]
fn a_menu_repeats_says_what_was_pressed_and_can_be_asked_again() {
    let settings = Settings { text: Some("One or two?".into()), ..Settings::default() };
    let (mut score, done) = Score::connected("+15005550014", settings);
    let choices = || say("One or two?");
    assert_eq!(done, [choices()]);
    assert_eq!(score.hears(Said), []);
    assert_eq!(score.until(7_000), [(6_000, choices())], "repeated after five seconds");
    assert_eq!(score.hears(Digit('1')), [say("You pressed one.")], "a digit cuts the choices");
    assert_eq!(score.hears(Said), [choices()]);
    assert_eq!(score.hears(Said), []);
    assert_eq!(score.hears(Digit('#')), [say("You pressed pound.")]);
    assert_eq!(score.until(60_000), [], "the timer of the choices does not cut a confirmation");
    assert_eq!(score.hears(Digit('*')), [choices()]);
}
