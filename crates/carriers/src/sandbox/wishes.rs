//! What the caller of a persona wishes of it: from a call's metadata, on the wire as one header of JSON, and for any
//! SIP phone as a parameter of the URI. Everything is bounded and checked where it enters.

use model::call::CallSetup;
use serde_json::{Map, Value};
use sip::message::Uri;
use sip::message::uri::unescape;

/// The header that carries the wishes on the wire.
pub(super) const HEADER: &str = "X-Lyrebird-Sandbox";

/// Most bytes of the header.
const HEADER_BYTES_MAX: usize = 14_336;
/// Most characters to be said.
const TEXT_CHARS_MAX: usize = 1_000;
/// Most digits to be pressed.
const DIGITS_MAX: usize = 64;
/// The longest delay: no call lasts longer.
const DELAY_MS_MAX: u32 = CallSetup::MAX_DURATION_MS;

/// What a caller wishes of a persona; what is not wished is as the persona's own page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `answerAfterMs`: from the call's arrival to the answer (or the refusal, which then rings first).
    pub answer_after_ms: Option<u32>,
    /// `hangUpAfterMs`: from the answer until the persona hangs up.
    pub hang_up_after_ms: Option<u32>,
    /// `pressAfterMs`: how long a prompt has to be silent before digits are pressed.
    pub press_after_ms: Option<u32>,
    /// `text`: what the persona says.
    pub text: Option<String>,
    /// `locale`: the language it speaks.
    pub locale: Option<String>,
    /// `digits` (or `sandboxDigits` beside `sandbox`): what it presses; `w` and `W` wait half a second and one.
    pub digits: Option<String>,
}

/// A wish that cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata.{key} must be {expected}")]
pub struct WishError {
    /// Where it stands.
    pub key: &'static str,
    /// What it may be.
    pub expected: &'static str,
}

impl Wishes {
    /// From a call's metadata: `sandbox: {…}` and `sandboxDigits`. Keys that no persona knows are left alone.
    pub fn from_metadata(metadata: &Map<String, Value>) -> Result<Self, WishError> {
        let beside = digits(metadata.get("sandboxDigits"), "sandboxDigits")?;
        let mut wishes = match metadata.get("sandbox") {
            None | Some(Value::Null) => Self::default(),
            Some(Value::Object(sandbox)) => Self::from_object(sandbox)?,
            Some(_) => return Err(WishError { key: "sandbox", expected: "an object" }),
        };
        wishes.digits = wishes.digits.or(beside);
        Ok(wishes)
    }

    fn from_object(sandbox: &Map<String, Value>) -> Result<Self, WishError> {
        Ok(Self {
            answer_after_ms: delay(sandbox.get("answerAfterMs"), "sandbox.answerAfterMs")?,
            hang_up_after_ms: delay(sandbox.get("hangUpAfterMs"), "sandbox.hangUpAfterMs")?,
            press_after_ms: delay(sandbox.get("pressAfterMs"), "sandbox.pressAfterMs")?,
            text: text(sandbox.get("text"))?,
            locale: locale(sandbox.get("locale"))?,
            digits: digits(sandbox.get("digits"), "sandbox.digits")?,
        })
    }

    /// The header's value; none if nothing is wished.
    pub(super) fn to_header(&self) -> Option<String> {
        let Self { answer_after_ms, hang_up_after_ms, press_after_ms, text, locale, digits } = self;
        let mut object = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(key.to_owned(), value);
            }
        };
        put("answerAfterMs", answer_after_ms.map(Value::from));
        put("hangUpAfterMs", hang_up_after_ms.map(Value::from));
        put("pressAfterMs", press_after_ms.map(Value::from));
        put("text", text.clone().map(Value::from));
        put("locale", locale.clone().map(Value::from));
        put("digits", digits.clone().map(Value::from));
        (!object.is_empty()).then(|| ascii(&Value::Object(object).to_string()))
    }

    /// From what arrived on the wire: the header, else the URI's `digits`. What is wrong is not granted.
    pub(super) fn from_wire(headers: &[(String, String)], request_uri: &str) -> Self {
        let header = headers.iter().find(|header| header.0.eq_ignore_ascii_case(HEADER));
        let object = header
            .filter(|header| header.1.len() <= HEADER_BYTES_MAX)
            .and_then(|header| serde_json::from_str::<Map<String, Value>>(&header.1).ok());
        let mut wishes = object.and_then(|object| Self::from_object(&object).ok()).unwrap_or_default();
        let uri = Uri::parse(request_uri).ok();
        let pressed = uri.and_then(|uri| uri.param("digits").flatten()).map(unescape);
        let pressed =
            pressed.and_then(|pressed| digits(Some(&Value::from(pressed)), "digits").ok().flatten());
        wishes.digits = wishes.digits.or(pressed);
        wishes
    }
}

fn delay(value: Option<&Value>, key: &'static str) -> Result<Option<u32>, WishError> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let millis = value.as_u64().and_then(|millis| u32::try_from(millis).ok());
    let millis = millis.filter(|millis| *millis <= DELAY_MS_MAX);
    millis.map(Some).ok_or(WishError { key, expected: "a whole number of milliseconds, 0 to 14400000" })
}

fn text(value: Option<&Value>) -> Result<Option<String>, WishError> {
    let fits = |text: &&str| !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX;
    string(value, fits, WishError { key: "sandbox.text", expected: "a text of 1 to 1000 characters" })
}

fn locale(value: Option<&Value>) -> Result<Option<String>, WishError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = |text: &&str| (2..=35).contains(&text.len()) && text.chars().all(plain);
    string(value, fits, WishError { key: "sandbox.locale", expected: "a language tag such as en-US" })
}

fn digits(value: Option<&Value>, key: &'static str) -> Result<Option<String>, WishError> {
    let known = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D' | 'w' | 'W');
    let fits = |text: &&str| (1..=DIGITS_MAX).contains(&text.len()) && text.chars().all(known);
    string(value, fits, WishError { key, expected: "1 to 64 of 0-9, *, #, A-D, w and W" })
}

fn string(
    value: Option<&Value>,
    fits: impl Fn(&&str) -> bool,
    error: WishError,
) -> Result<Option<String>, WishError> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    value.as_str().filter(fits).map(|text| Some(text.to_owned())).ok_or(error)
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
mod tests {
    use super::*;
    use serde_json::json;

    fn from(metadata: &Value) -> Result<Wishes, WishError> {
        Wishes::from_metadata(metadata.as_object().unwrap())
    }

    fn check_refused(metadata: &Value, key: &str) {
        assert_eq!(from(metadata).map_err(|error| error.key), Err(key), "{metadata}");
    }

    #[test]
    fn wishes_survive_the_wire() {
        let text = "Grüß Gott, \"wer\" da?\n🙂";
        let metadata = json!({"sandbox": {"answerAfterMs": 0, "hangUpAfterMs": 3_000, "pressAfterMs": 5,
            "text": text, "locale": "de-AT", "digits": "12#w", "lossOfNextYear": 3}});
        let wishes = from(&metadata).unwrap();
        assert_eq!(wishes.text.as_deref(), Some(text));
        let header = wishes.to_header().unwrap();
        assert!(header.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{header}");
        let headers = vec![("x-lyrebird-sandbox".to_owned(), header)];
        assert_eq!(Wishes::from_wire(&headers, "sip:1@127.0.0.1"), wishes);
        assert_eq!(from(&json!({"other": 1})).unwrap().to_header(), None);
    }

    #[test]
    fn the_longest_wish_fits_the_header() {
        let wishes =
            from(&json!({"sandbox": {"text": "🙂".repeat(1_000), "digits": "1".repeat(64)}})).unwrap();
        let header = wishes.to_header().unwrap();
        assert!(header.len() <= HEADER_BYTES_MAX, "{}", header.len());
        assert_eq!(Wishes::from_wire(&[(HEADER.to_owned(), header)], "sip:1@h"), wishes);
    }

    #[test]
    fn digits_stand_in_three_places() {
        let digits = |wishes: Wishes| wishes.digits.unwrap_or_default();
        assert_eq!(digits(from(&json!({"sandboxDigits": "1#"})).unwrap()), "1#");
        assert_eq!(digits(from(&json!({"sandboxDigits": "1", "sandbox": {"digits": "2"}})).unwrap()), "2");
        assert_eq!(digits(Wishes::from_wire(&[], "sip:1@127.0.0.1;digits=12%23")), "12#");
        assert_eq!(digits(Wishes::from_wire(&[], "sip:1@127.0.0.1;digits=hello")), "");
        let header = (HEADER.to_owned(), r#"{"digits":"3"}"#.to_owned());
        assert_eq!(digits(Wishes::from_wire(&[header], "sip:1@127.0.0.1;digits=4")), "3");
        assert_eq!(digits(Wishes::from_wire(&[(HEADER.to_owned(), "{".to_owned())], "")), "");
    }

    #[test]
    fn wishes_that_cannot_be_granted_are_named() {
        check_refused(&json!({"sandbox": 1}), "sandbox");
        check_refused(&json!({"sandboxDigits": 12}), "sandboxDigits");
        check_refused(&json!({"sandboxDigits": ""}), "sandboxDigits");
        check_refused(&json!({"sandbox": {"digits": "12x"}}), "sandbox.digits");
        check_refused(&json!({"sandbox": {"digits": "1".repeat(65)}}), "sandbox.digits");
        check_refused(&json!({"sandbox": {"answerAfterMs": -1}}), "sandbox.answerAfterMs");
        check_refused(&json!({"sandbox": {"answerAfterMs": 14_400_001}}), "sandbox.answerAfterMs");
        check_refused(&json!({"sandbox": {"hangUpAfterMs": "3"}}), "sandbox.hangUpAfterMs");
        check_refused(&json!({"sandbox": {"pressAfterMs": 1.5}}), "sandbox.pressAfterMs");
        check_refused(&json!({"sandbox": {"text": " "}}), "sandbox.text");
        check_refused(&json!({"sandbox": {"text": "a".repeat(1_001)}}), "sandbox.text");
        check_refused(&json!({"sandbox": {"locale": "en_US"}}), "sandbox.locale");
        assert_eq!(from(&json!({"sandbox": null, "sandboxDigits": null})), Ok(Wishes::default()));
    }
}
