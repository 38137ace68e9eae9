//! The options of commands (contract §2.3): of a step of a flow, and the bodies of the command endpoints.

use super::flow::{self, Place};
use super::locales::{GATHER, SAY, TRANSCRIBE};
use super::{DOOR, amd};
use crate::http::fields::{Fields, invalid};
use crate::http::refusal::Faults;
use model::Pii;
use model::fault::{Fault, FaultCode};
use model::flow::{
    Bridge, Gather, GatherInput, GatherPrompt, Hangup, HangupCause, Pause, Playback, Record, Say,
};
use model::recording::{RecordStart, SessionRecord};
use model::webhook::Notification;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Longest address, in characters.
pub(crate) const ADDRESS_CHARS_MAX: usize = 256;
/// Longest URL or file name, in characters.
pub(crate) const LOCATION_CHARS_MAX: usize = 2_048;
/// Longest name of a voice, in characters.
const VOICE_CHARS_MAX: usize = 64;
/// How long a prompt may be told to take; taken and without effect, for a prompt ends by itself.
const PROMPT_TIMEOUTS_S: RangeInclusive<u32> = 0..=14_400;
/// Ring timeouts, in seconds.
pub(crate) const RING_TIMEOUTS_S: RangeInclusive<u32> = 3..=120;
/// Countries whose ring tone can be asked for; `uk` is this door's name of `gb`.
const RING_TONES: &str = "be ca cn cy cz de dk dz eg fi fr hk hu il in jp ko pk pl ro rs ru sa tr uk us";

/// The options that are not taken yet.
pub(crate) struct Options(Fields);

/// A refusal for what was read without a fault and yet is nothing.
pub(crate) fn unread() -> Fault {
    Fault::new(FaultCode::InvalidField)
}

impl Options {
    /// The body of a command endpoint.
    pub(crate) const fn of_body(fields: Fields) -> Self {
        Self(fields)
    }

    /// The field `options` of a step; nothing given counts as an empty object.
    pub(crate) fn of_step(step: &mut Fields, faults: &mut Faults) -> Option<Self> {
        Self::of_field(step, "options", faults)
    }

    fn of_field(parent: &mut Fields, name: &'static str, faults: &mut Faults) -> Option<Self> {
        let path = parent.path(name);
        let value = parent.take(name).unwrap_or_else(|| Value::Object(Map::new()));
        faults.of(Fields::of_value(path, value)).map(Self)
    }

    /// A fault for each option that nobody took.
    pub(crate) fn take_unknown(self) -> Vec<Fault> {
        self.0.unknown()
    }

    /// No options at all.
    pub(crate) fn none(self, faults: &mut Faults) -> Option<()> {
        self.whole((), faults)
    }

    /// The command, unless something unknown stands beside it.
    fn whole<T>(self, made: T, faults: &mut Faults) -> Option<T> {
        let unknown = self.0.unknown();
        let good = unknown.is_empty();
        faults.extend(unknown);
        good.then_some(made)
    }

    fn need<T>(&self, name: &'static str, faults: &mut Faults, value: Result<Option<T>, Fault>) -> Option<T> {
        faults.need(&self.0.path(name), value)
    }

    pub(crate) fn hangup(mut self, faults: &mut Faults) -> Option<Hangup> {
        const CAUSES: &[(&str, HangupCause)] =
            &[("rejected", HangupCause::Rejected), ("busy", HangupCause::Busy)];
        let cause = faults.keep(self.0.choice("cause", CAUSES));
        self.whole(Hangup { cause }, faults)
    }

    pub(crate) fn say(mut self, faults: &mut Faults) -> Option<Say> {
        let text = self.0.text("text", 1..=Say::TEXT_MAX);
        let text = self.need("text", faults, text);
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            faults.push(invalid(&self.0.path("text"), "must say something"));
        }
        let locale = self.locale("locale", SAY, faults);
        let voice = faults.keep(self.0.text("voice", 1..=VOICE_CHARS_MAX));
        let times = self.times(faults);
        faults.keep(self.0.integer("timeout", PROMPT_TIMEOUTS_S));
        let say = text.map(|text| Say { text, locale, voice: voice.and_then(voice_name), times });
        self.whole(say, faults)?
    }

    pub(crate) fn playback(mut self, faults: &mut Faults) -> Option<Playback> {
        let media = self.0.texts("media", 1..=Playback::MEDIA_MAX, 1..=LOCATION_CHARS_MAX);
        let media = self.need("media", faults, media);
        let times = self.times(faults);
        faults.keep(self.0.integer("timeout", PROMPT_TIMEOUTS_S));
        let gap_ms = faults.keep(self.0.integer("pauseMilliseconds", 0..=Playback::GAP_MS_MAX));
        let playback = media.map(|media| Playback { media, times, gap_ms: gap_ms.unwrap_or(0) });
        self.whole(playback, faults)?
    }

    pub(crate) fn gather(mut self, faults: &mut Faults) -> Option<Gather> {
        const INPUTS: &[(&str, GatherInput)] = &[
            ("dtmf", GatherInput::Dtmf),
            ("speech", GatherInput::Speech),
            ("dtmf speech", GatherInput::Both),
            ("speech dtmf", GatherInput::Both),
        ];
        let usual = Gather::default();
        let gather = Gather {
            input: faults.keep(self.0.choice("input", INPUTS)).unwrap_or_default(),
            keys_max: faults.keep(self.0.integer("maxNumKeys", 1..=Gather::KEYS_MAX)),
            end_key: self.key(faults),
            timeout_ms: self.seconds("timeout", 1..=120, faults).unwrap_or(usual.timeout_ms),
            retries: faults.keep(self.0.integer("retries", 0..=Gather::RETRIES_MAX)).unwrap_or(0),
            speech_locale: self.locale("speechLocale", GATHER, faults),
            prompt: self.prompt(faults),
        };
        self.whole(gather, faults)
    }

    /// The nested prompt: `say` or `playback`.
    fn prompt(&mut self, faults: &mut Faults) -> Option<GatherPrompt> {
        let path = self.0.path("playback");
        let [said, played] = ["say", "playback"].map(|name| self.nested(name, faults));
        match (said, played) {
            (Some(_), Some(_)) => {
                faults.push(invalid(&path, "must not be given together with say"));
                None
            }
            (Some(said), None) => said.say(faults).map(GatherPrompt::Say),
            (None, Some(played)) => played.playback(faults).map(GatherPrompt::Playback),
            (None, None) => None,
        }
    }

    fn nested(&mut self, name: &'static str, faults: &mut Faults) -> Option<Self> {
        let path = self.0.path(name);
        let value = self.0.take(name)?;
        faults.of(Fields::of_value(path, value)).map(Self)
    }

    pub(crate) fn record(mut self, faults: &mut Faults) -> Option<Record> {
        let record = Record {
            end_key: self.key(faults),
            length_ms_max: self.seconds("maxLength", 1..=14_400, faults).unwrap_or(Record::LENGTH_MS),
            silence_ms: self.seconds("timeout", 1..=60, faults).unwrap_or(Record::SILENCE_MS),
            beep: faults.keep(self.0.boolean("beep")).unwrap_or(false),
            transcribe: faults.keep(self.0.boolean("transcribe")).unwrap_or(false),
            transcribe_locale: self.locale("transcribeLocale", TRANSCRIBE, faults),
        };
        self.whole(record, faults)
    }

    pub(crate) fn pause(mut self, faults: &mut Faults) -> Option<Pause> {
        let length_ms = self.seconds("length", 1..=3_600, faults).unwrap_or(Pause::LENGTH_MS);
        self.whole(Pause { length_ms }, faults)
    }

    pub(crate) fn bridge(mut self, faults: &mut Faults) -> Option<Bridge> {
        let to = self.0.text("to", 1..=ADDRESS_CHARS_MAX);
        let to = self.need("to", faults, to);
        let from = faults.keep(self.0.text("from", 1..=ADDRESS_CHARS_MAX));
        let usual = Bridge::to(Pii::new(to.clone().unwrap_or_default()));
        let record = session_record(&mut self.0, "recordStereo", faults);
        let bridge = Bridge {
            from: from.map(Pii::new),
            ring_timeout_ms: self
                .seconds("ringTimeout", RING_TIMEOUTS_S, faults)
                .unwrap_or(usual.ring_timeout_ms),
            max_duration_ms: max_duration(&mut self.0, faults)
                .unwrap_or(usual.max_duration_ms)
                .min(Bridge::MAX_DURATION_MS),
            ring_tone: self.ring_tone(faults),
            hangup_after: faults.keep(self.0.boolean("hangupAfterBridge")).unwrap_or(false),
            record,
            flow: flow::take(&mut self.0, Place::Bridge, faults),
            notification: notification(&mut self.0, faults),
            amd: amd::take(&mut self.0, faults),
            ..usual
        };
        self.whole(to.map(|_| bridge), faults)?
    }

    fn ring_tone(&mut self, faults: &mut Faults) -> Option<String> {
        let path = self.0.path("ringTone");
        let tone = faults.keep(self.0.text("ringTone", 2..=2))?;
        if RING_TONES.split_ascii_whitespace().all(|known| known != tone) {
            faults.push(invalid(&path, &format!("must be one of {}", RING_TONES.replace(' ', ", "))));
        }
        Some(if tone == "uk" { "gb".to_owned() } else { tone })
    }

    fn times(&mut self, faults: &mut Faults) -> u16 {
        faults.keep(self.0.integer("loop", 1..=Playback::TIMES_MAX)).unwrap_or(1)
    }

    fn seconds(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
        faults: &mut Faults,
    ) -> Option<u32> {
        faults.keep(self.0.integer(name, range)).map(|seconds| seconds.saturating_mul(1_000))
    }

    fn locale(&mut self, name: &'static str, known: &str, faults: &mut Faults) -> String {
        locale(&mut self.0, name, known, faults)
    }

    fn key(&mut self, faults: &mut Faults) -> Option<char> {
        let path = self.0.path("endKey");
        let text = faults.keep(self.0.text("endKey", 1..=1))?;
        let key = text.chars().next().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
        if key.is_none() {
            faults.push(invalid(&path, "must be one of 0-9, * and #"));
        }
        key
    }
}

/// A language of a list; `en-US` if none is given.
pub(crate) fn locale(fields: &mut Fields, name: &'static str, known: &str, faults: &mut Faults) -> String {
    let path = fields.path(name);
    let Some(text) = faults.keep(fields.text(name, 2..=16)) else { return Say::LOCALE.to_owned() };
    if known.split_ascii_whitespace().all(|known| known != text) {
        faults.push(invalid(&path, &format!("must be one of {known}")));
    }
    text
}

/// `male` and `female` are an older spelling: the language's own voice speaks.
fn voice_name(voice: String) -> Option<String> {
    Some(voice).filter(|voice| voice != "male" && voice != "female")
}

/// `maxDuration` in milliseconds; what is longer than a call can last counts as that.
pub(crate) fn max_duration(fields: &mut Fields, faults: &mut Faults) -> Option<u32> {
    let seconds = faults.keep(fields.integer("maxDuration", 1..=u64::from(u32::MAX)))?;
    let most = *model::call::CallSetup::MAX_DURATIONS_MS.end();
    Some(u32::try_from(seconds.saturating_mul(1_000)).unwrap_or(most).min(most))
}

/// `record`, `recordStart`, and whether in stereo under the name `stereo`.
pub(crate) fn session_record(
    fields: &mut Fields,
    stereo: &'static str,
    faults: &mut Faults,
) -> Option<SessionRecord> {
    const STARTS: &[(&str, RecordStart)] =
        &[("record-from-answer", RecordStart::Answer), ("record-from-ringing", RecordStart::Ringing)];
    let wanted = faults.keep(fields.boolean("record")).unwrap_or(false);
    let start = faults.keep(fields.choice("recordStart", STARTS)).unwrap_or_default();
    let stereo = faults.keep(fields.boolean(stereo)).unwrap_or(false);
    wanted.then_some(SessionRecord { start, stereo })
}

/// `notification.url`.
pub(crate) fn notification(fields: &mut Fields, faults: &mut Faults) -> Option<Notification> {
    let path = fields.path("notification");
    let value = fields.take("notification")?;
    let mut inner = faults.of(Fields::of_value(path, value))?;
    let url = faults.keep(inner.text("url", 1..=LOCATION_CHARS_MAX));
    faults.extend(inner.unknown());
    url.map(|url| Notification { url, door: DOOR.to_owned() })
}
