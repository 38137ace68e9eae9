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

fn length(text_of: &PersonaOutput) -> Option<u32> {
    match text_of {
        PersonaOutput::Say { length_ms, .. } => *length_ms,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answering_machine_greets_beeps_and_listens() {
    for (number, beeps) in [("+15005550010", true), ("+15005550011", false)] {
        let (mut score, done) = Score::connected(number, Settings::default());
        assert_eq!(done.iter().map(length).collect::<Vec<_>>(), [Some(6_000)], "{number}");
        assert_eq!(score.hears(VoiceStarted), [], "it does not mind being spoken to");
        if beeps {
            let beep = Tone { frequencies_hz: [1_000, 0], on_ms: 400, off_ms: 0, repeat: false };
            assert_eq!(score.hears(Said), [PersonaOutput::Play(beep)]);
        }
        assert_eq!(score.hears(Said), [PersonaOutput::Listen], "{number}");
        assert_eq!(score.hears(Said), []);
        assert_eq!(score.until(3_600_000), []);
    }
}

#[test]
fn an_answering_machine_is_as_set() {
    let settings = Settings {
        text: Some("Hi.".into()),
        greeting_ms: Some(900),
        beep_hz: Some(440),
        beep_ms: Some(250),
        ..Settings::default()
    };
    let (mut score, done) = Score::connected("+15005550010", settings);
    assert_eq!(done, [PersonaOutput::Say { text: "Hi.".into(), length_ms: Some(900) }]);
    let beep = Tone { frequencies_hz: [440, 0], on_ms: 250, off_ms: 0, repeat: false };
    assert_eq!(score.hears(Said), [PersonaOutput::Play(beep)]);
}

/// What a persona says, by its first words.
fn says(outputs: &[PersonaOutput]) -> Vec<&str> {
    outputs
        .iter()
        .map(|output| match output {
            PersonaOutput::Say { text, .. } => text.split(['.', '?', ',']).next().unwrap_or_default(),
            PersonaOutput::Listen => "(listens)",
            PersonaOutput::HangUp => "(hangs up)",
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_screener_waits_for_an_answer_and_passes_the_call_on() {
    let settings = Settings { text: Some("Who is calling, please?".into()), ..Settings::default() };
    let (mut score, done) = Score::connected("+15005550012", settings);
    assert_eq!(says(&done), ["(listens)", "Who is calling"]);
    assert_eq!(score.hears(VoiceStarted), [], "spoken over the question");
    assert_eq!(score.hears(VoiceStopped), []);
    assert_eq!(score.hears(Said), []);
    assert_eq!(score.until(5_000), []);
    score.hears(VoiceStarted);
    score.hears(VoiceStopped);
    assert_eq!(score.until(5_800), [], "a pause between sentences");
    score.hears(VoiceStarted);
    assert_eq!(score.until(20_000), [], "a long answer");
    score.hears(VoiceStopped);
    let done = score.until(21_000);
    assert_eq!((done[0].0, says(&[done[0].1.clone()])[0]), (20_900, "Thank you"));
    assert_eq!(score.hears(Said), []);
    assert_eq!(score.until(60_000), [(22_500, say("Hello?"))]);
    assert_eq!(score.hears(Said), []);
    assert_eq!(score.until(600_000), []);
}

#[test]
fn a_screener_gives_up_on_who_says_nothing() {
    let (mut score, _) = Score::connected("+15005550012", Settings::default());
    for asked in 1..=3 {
        assert_eq!(score.hears(Said), []);
        let done = score.until(1_000 + asked * 6_000);
        let wanted = if asked < 3 { "Hello" } else { "I did not hear you" };
        assert_eq!(
            done.iter().map(|done| says(std::slice::from_ref(&done.1))[0].to_owned()).collect::<Vec<_>>(),
            [wanted]
        );
    }
    assert_eq!(score.hears(Said), [PersonaOutput::HangUp]);
}

#[test]
fn a_fax_machine_sounds_its_answer_tone_again_and_again() {
    let (_, done) = Score::connected("+15005550013", Settings::default());
    let [PersonaOutput::Play(tone)] = done.as_slice() else { panic!("{done:?}") };
    assert_eq!((tone.frequencies_hz, tone.on_ms, tone.repeat), ([2_100, 0], 3_000, true));
}

#[test]
fn early_media_is_heard_before_the_answer() {
    let mut score = Score::of("+15005550015", Settings::default());
    let [PersonaOutput::Trying, PersonaOutput::EarlyMedia, PersonaOutput::Play(tone)] =
        score.hears(CALLED)[..]
    else {
        panic!("it does not begin as it should")
    };
    assert!(tone.repeat);
    assert_eq!(score.until(1_000), [(1_000, PersonaOutput::Quiet), (1_000, PersonaOutput::Answer)]);
    assert_eq!(score.hears(Connected), [say("Hello?")]);
}

#[test]
fn sound_stops_for_good_some_time_after_the_answer() {
    let (mut score, _) = Score::connected("+15005550016", Settings::default());
    assert_eq!(score.until(60_000), [(4_000, PersonaOutput::Mute)]);
}

#[test]
fn a_bad_network_is_as_set_and_can_be_anybodys() {
    let impaired = |number: &str, settings: Settings| {
        let (_, done) = Score::connected(number, settings);
        match done.first() {
            Some(PersonaOutput::Impair(i)) => Some((i.loss_percent, i.jitter_ms, i.reorder_percent, i.seed)),
            _ => None,
        }
    };
    let lossy = || Settings { loss_percent: Some(50.0), seed: Some(3), ..Settings::default() };
    assert_eq!(impaired("+15005550017", Settings::default()), Some((5.0, 40, 2.0, 17)));
    assert_eq!(impaired("+15005550017", lossy()), Some((50.0, 40, 2.0, 3)));
    assert_eq!(impaired("+15005550000", lossy()), Some((50.0, 0, 0.0, 3)));
    assert_eq!(impaired("+15005550000", Settings::default()), None);
}

#[test]
fn a_slow_one_shows_no_sign_of_life_and_loses_its_answer_once() {
    let mut score = Score::of("+15005550018", Settings::default());
    assert_eq!(score.hears(CALLED), []);
    let wanted = [
        (3_000, PersonaOutput::Trying),
        (3_000, PersonaOutput::Ring),
        (4_000, PersonaOutput::LoseAnswer),
        (4_000, PersonaOutput::Answer),
    ];
    assert_eq!(score.until(60_000), wanted);
    assert_eq!(score.hears(Connected), [say("Hello?")]);
}

#[test]
fn a_challenger_rings_only_for_those_who_prove_who_they_are() {
    let mut score = Score::of("+15005550019", Settings::default());
    assert_eq!(score.hears(CALLED), [PersonaOutput::Challenge]);
    assert_eq!(score.until(60_000), []);
    let mut score = Score::of("+15005550019", Settings::default());
    assert_eq!(score.hears(PersonaInput::Called { authorized: true }), RINGS);
    assert_eq!(score.until(1_000), [(1_000, PersonaOutput::Answer)]);
}

#[test]
fn a_redirector_sends_to_whom_is_set() {
    let to = |settings| Score::of("+15005550020", settings).hears(CALLED);
    let redirect = |to: &str| [PersonaOutput::Redirect { to: to.to_owned() }];
    assert_eq!(to(Settings::default()), redirect("+15005550000"));
    let settings = Settings { redirect_to: Some("+15005550006".into()), ..Settings::default() };
    assert_eq!(to(settings), redirect("+15005550006"));
}

#[test]
fn a_holder_holds_and_takes_back() {
    let (mut score, _) = Score::connected("+15005550021", Settings::default());
    assert_eq!(score.until(5_000), [(4_000, PersonaOutput::Hold)]);
    assert_eq!(score.hears(PersonaInput::HoldAnswered { accepted: true }), []);
    assert_eq!(score.until(60_000), [(8_000, PersonaOutput::Resume)]);
    assert_eq!(score.hears(PersonaInput::HoldAnswered { accepted: true }), []);
    assert_eq!(score.until(600_000), [], "once is enough");

    let (mut score, _) = Score::connected("+15005550021", Settings::default());
    score.until(5_000);
    assert_eq!(score.hears(PersonaInput::HoldAnswered { accepted: false }), []);
    assert_eq!(score.until(600_000), [], "nobody is held, nobody is taken back");
}

#[test]
fn a_transferrer_lets_go_or_says_that_it_did_not_work() {
    for accepted in [true, false] {
        let (mut score, _) = Score::connected("+15005550022", Settings::default());
        let transfer = PersonaOutput::Transfer { to: "+15005550000".into() };
        assert_eq!(score.until(10_000), [(4_000, transfer)]);
        let done = score.hears(PersonaInput::TransferAnswered { accepted });
        assert_eq!(says(&done), [if accepted { "(hangs up)" } else { "I am sorry" }]);
    }
}

#[test]
fn anybody_begins_to_speak_when_set_and_is_who_is_named() {
    let settings =
        Settings { persona: Some("human".into()), speak_after_ms: Some(700), ..Settings::default() };
    let (mut score, done) = Score::connected("+15005550006", settings);
    assert_eq!(done, []);
    assert_eq!(score.until(60_000), [(1_700, say("Hello?"))]);
}
