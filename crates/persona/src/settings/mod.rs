//! What a caller sets of a persona: read from a call's metadata or the configuration, carried to the persona as one
//! header of JSON. Everything is bounded and checked where it enters.

mod read;

pub(crate) use read::{is_name, join};

use model::sound::Impairment;
use serde_json::{Map, Value};

/// The header that carries settings to the persona.
pub const HEADER: &str = "X-Lyrebird-Sandbox";
/// Most bytes of the header's value.
const HEADER_BYTES_MAX: usize = 16_384;

/// What is wrong with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingFault {
    /// There is no such setting.
    Unknown,
    /// It has the wrong type or a value outside its range.
    Invalid,
}

/// A setting that no persona can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct SettingError {
    /// Where it stands, such as `metadata.sandbox.greetingMs`.
    pub field: String,
    /// What is wrong.
    pub fault: SettingFault,
    /// What it may be.
    pub message: String,
}

impl SettingError {
    pub(crate) fn invalid(field: &str, expected: &str) -> Self {
        let message = format!("must be {expected}");
        Self { field: field.to_owned(), fault: SettingFault::Invalid, message }
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident: $type:ty, $key:literal, $rule:expr;)+) => {
        /// What is set of a persona; what is not set is as the persona's own page says.
        #[derive(Clone, Default, PartialEq)]
        pub struct Settings {
            $($(#[$doc])* pub $field: Option<$type>,)+
        }

        impl Settings {
            /// Every setting's name.
            pub const KEYS: &'static [&'static str] = &[$($key,)+];

            /// What is set here, and of the rest what is set in `base`.
            #[must_use]
            pub fn over(self, base: &Self) -> Self {
                Self { $($field: self.$field.or_else(|| base.$field.clone()),)+ }
            }

            fn read(object: &Map<String, Value>, place: &str) -> Result<Self, SettingError> {
                Ok(Self { $($field: read::field(object, place, $key, &$rule)?,)+ })
            }

            fn write(&self) -> Map<String, Value> {
                let mut object = Map::new();
                $(if let Some(value) = &self.$field {
                    object.insert($key.to_owned(), Value::from(value.clone()));
                })+
                object
            }
        }
    };
}

settings! {
    /// Which persona, by its name, whatever the number.
    persona: String, "persona", read::NAME;
    /// From the call's arrival to the answer (or the refusal, which then rings first).
    answer_after_ms: u32, "answerAfterMs", read::DELAY;
    /// From the answer until the persona begins to speak.
    speak_after_ms: u32, "speakAfterMs", read::DELAY;
    /// From the answer until the persona hangs up.
    hang_up_after_ms: u32, "hangUpAfterMs", read::DELAY;
    /// How long a prompt has to be silent before digits are pressed.
    press_after_ms: u32, "pressAfterMs", read::DELAY;
    /// From the call's arrival to the first sign of life of one who is late.
    trying_after_ms: u32, "tryingAfterMs", read::DELAY;
    /// From the answer until the sound of one stops whose sound does.
    mute_after_ms: u32, "muteAfterMs", read::DELAY;
    /// From the answer until the caller is put on hold.
    hold_after_ms: u32, "holdAfterMs", read::DELAY;
    /// How long the caller is on hold.
    hold_ms: u32, "holdMs", read::DELAY;
    /// From the answer until the caller shall be transferred.
    transfer_after_ms: u32, "transferAfterMs", read::DELAY;
    /// To whom the caller shall be transferred.
    transfer_to: String, "transferTo", read::NUMBER;
    /// To whom the caller is redirected.
    redirect_to: String, "redirectTo", read::NUMBER;
    /// What the persona says: its hello, its greeting, its question, its choices.
    text: String, "text", read::TEXT;
    /// The language it speaks.
    locale: String, "locale", read::LOCALE;
    /// The voice it speaks with, as the speech engine names it.
    voice: String, "voice", read::VOICE;
    /// What it presses; `w` and `W` wait half a second and one second.
    digits: String, "digits", read::DIGITS;
    /// How long an answering machine's greeting is.
    greeting_ms: u32, "greetingMs", read::GREETING_MS;
    /// The frequency of its beep.
    beep_hz: u16, "beepHz", read::BEEP_HZ;
    /// The length of its beep.
    beep_ms: u32, "beepMs", read::BEEP_MS;
    /// Packets lost of a hundred, each way.
    loss_percent: f32, "lossPercent", read::PERCENT;
    /// Packets late by up to so much, each way.
    jitter_ms: u32, "jitterMs", read::JITTER_MS;
    /// Packets that later ones may overtake, of a hundred, each way.
    reorder_percent: f32, "reorderPercent", read::PERCENT;
    /// The same seed spoils the same packets.
    seed: u64, "seed", read::SEED;
}

/// What is said and keyed is personal: only how much is set is shown.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({} set)", self.write().len())
    }
}

impl Settings {
    /// From a call's metadata: `sandbox: {…}`, and `sandboxDigits` beside it.
    pub fn from_metadata(metadata: &Map<String, Value>) -> Result<Self, SettingError> {
        let beside = read::field(metadata, "metadata", "sandboxDigits", &read::DIGITS)?;
        let mut settings = match metadata.get("sandbox") {
            None => Self::default(),
            Some(sandbox) => Self::from_value(sandbox, "metadata.sandbox")?,
        };
        settings.digits = settings.digits.or(beside);
        Ok(settings)
    }

    /// From a JSON object, or nothing set from null. `place` is where it stands, for errors.
    pub fn from_value(value: &Value, place: &str) -> Result<Self, SettingError> {
        match value {
            Value::Null => Ok(Self::default()),
            Value::Object(object) => {
                read::only(object, place, Self::KEYS)?;
                Self::read(object, place)
            }
            _ => Err(SettingError::invalid(place, "an object")),
        }
    }

    /// As a JSON object, without what is not set.
    pub fn to_object(&self) -> Map<String, Value> {
        self.write()
    }

    /// The header's value; none if nothing is set.
    pub fn to_header(&self) -> Option<String> {
        let object = self.write();
        (!object.is_empty()).then(|| ascii(&Value::Object(object).to_string()))
    }

    /// From the header's value. What is wrong counts as not set.
    pub fn from_header(value: &str) -> Self {
        let object = Some(value).filter(|value| value.len() <= HEADER_BYTES_MAX);
        let object = object.and_then(|value| serde_json::from_str::<Map<String, Value>>(value).ok());
        object.and_then(|object| Self::read(&object, "").ok()).unwrap_or_default()
    }

    /// The digits, where they come as a parameter of an address. What is wrong counts as not set.
    pub fn digits_from_address(text: &str) -> Option<String> {
        read::DIGITS.text(text)
    }

    /// What the network does to the sound, if anything; what is not set is as in `base`.
    pub(crate) fn impairment(&self, base: Option<Impairment>) -> Option<Impairment> {
        let set = self.loss_percent.is_some() || self.jitter_ms.is_some() || self.reorder_percent.is_some();
        let none = Impairment { loss_percent: 0.0, jitter_ms: 0, reorder_percent: 0.0, seed: 0 };
        let base = base.or_else(|| set.then_some(none))?;
        Some(Impairment {
            loss_percent: self.loss_percent.unwrap_or(base.loss_percent),
            jitter_ms: self.jitter_ms.unwrap_or(base.jitter_ms),
            reorder_percent: self.reorder_percent.unwrap_or(base.reorder_percent),
            seed: self.seed.unwrap_or(base.seed),
        })
    }
}

/// JSON in ASCII alone, as every SIP peer can carry it.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for unit in json.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() && byte != 0x7f => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests;
