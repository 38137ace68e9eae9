//! Reads one setting of each kind, with its range, and says what it may be.

use super::{SettingError, SettingFault};
use model::E164;
use model::call::CallSetup;
use serde_json::{Map, Value};

/// Most characters to be said.
const TEXT_CHARS_MAX: usize = 1_000;
/// Most digits to be pressed.
const DIGITS_MAX: usize = 64;
/// Most bytes of a persona's or a voice's name.
const NAME_BYTES_MAX: usize = 64;
/// The largest whole number that every JSON reader keeps exact.
const SEED_MAX: u64 = (1 << 53) - 1;

/// How one kind of setting is read.
pub(super) struct Rule<T> {
    /// What it may be, in words.
    expected: &'static str,
    read: fn(&Value) -> Option<T>,
}

/// A time. The longest: no call lasts longer.
pub(super) const DELAY: Rule<u32> = Rule {
    expected: "a whole number of milliseconds, 0 to 14400000",
    read: |value| whole(value, 0, CallSetup::MAX_DURATION_MS),
};
pub(super) const GREETING_MS: Rule<u32> = Rule {
    expected: "a whole number of milliseconds, 100 to 60000",
    read: |value| whole(value, 100, 60_000),
};
pub(super) const BEEP_MS: Rule<u32> =
    Rule { expected: "a whole number of milliseconds, 50 to 5000", read: |value| whole(value, 50, 5_000) };
/// What a telephone line carries.
pub(super) const BEEP_HZ: Rule<u16> = Rule {
    expected: "a whole number of hertz, 300 to 3400",
    read: |value| whole(value, 300, 3_400).and_then(|hertz| u16::try_from(hertz).ok()),
};
pub(super) const JITTER_MS: Rule<u32> =
    Rule { expected: "a whole number of milliseconds, 0 to 500", read: |value| whole(value, 0, 500) };
pub(super) const PERCENT: Rule<f32> = Rule { expected: "a number, 0 to 100", read: percent };
pub(super) const SEED: Rule<u64> = Rule {
    expected: "a whole number, 0 to 9007199254740991",
    read: |value| value.as_u64().filter(|seed| *seed <= SEED_MAX),
};
pub(super) const TEXT: Rule<String> = Rule {
    expected: "a text of 1 to 1000 characters",
    read: |value| text(value, |text| !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX),
};
pub(super) const LOCALE: Rule<String> = Rule {
    expected: "a language tag such as en-US",
    read: |value| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        text(value, |text| (2..=35).contains(&text.len()) && text.chars().all(plain))
    },
};
pub(super) const VOICE: Rule<String> = Rule {
    expected: "the name of a voice: 1 to 64 letters, digits and . _ + -",
    read: |value| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        text(value, |text| (1..=NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(plain))
    },
};
pub(super) const NAME: Rule<String> = Rule {
    expected: "the name of a persona: 1 to 64 lower-case letters, digits and _ -",
    read: |value| text(value, is_name),
};
pub(super) const DIGITS: Rule<String> = Rule {
    expected: "1 to 64 of 0-9, *, #, A-D, w and W",
    read: |value| {
        let known = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D' | 'w' | 'W');
        text(value, |text| (1..=DIGITS_MAX).contains(&text.len()) && text.chars().all(known))
    },
};
pub(super) const NUMBER: Rule<String> = Rule {
    expected: "a phone number in E.164 form such as +15005550000",
    read: |value| value.as_str()?.parse::<E164>().ok().map(String::from),
};

/// Whether a persona may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(plain)
}

/// One setting of an object; none if it is not set or null.
pub(super) fn field<T>(
    object: &Map<String, Value>,
    place: &str,
    key: &str,
    rule: &Rule<T>,
) -> Result<Option<T>, SettingError> {
    let Some(value) = object.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let wrong = || SettingError::invalid(&join(place, key), rule.expected);
    (rule.read)(value).map(Some).ok_or_else(wrong)
}

/// Refuses keys that nobody knows.
pub(super) fn only(object: &Map<String, Value>, place: &str, known: &[&str]) -> Result<(), SettingError> {
    let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    // A key is the caller's own text: a long one would only hide what is to be said.
    let shown = unknown.get(..unknown.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default();
    Err(SettingError {
        field: join(place, shown),
        fault: SettingFault::Unknown,
        message: format!("is no setting of a persona; there are {}", known.join(", ")),
    })
}

/// The path of a setting below `place`.
pub(crate) fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn whole(value: &Value, least: u32, most: u32) -> Option<u32> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok())?;
    (least..=most).contains(&number).then_some(number)
}

/// The cast rounds; a percentage needs no more.
#[allow(clippy::cast_possible_truncation, reason = "0 to 100 fits, and a percentage needs no more digits")]
fn percent(value: &Value) -> Option<f32> {
    value.as_f64().filter(|number| (0.0..=100.0).contains(number)).map(|number| number as f32)
}

fn text(value: &Value, fits: impl Fn(&str) -> bool) -> Option<String> {
    value.as_str().filter(|text| fits(text)).map(str::to_owned)
}

impl Rule<String> {
    /// A text that came from elsewhere than JSON.
    pub(super) fn text(&self, text: &str) -> Option<String> {
        (self.read)(&Value::from(text))
    }
}
