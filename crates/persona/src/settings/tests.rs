//! Settings: read, refused by name, carried over the wire, laid over each other.

use super::*;
use serde_json::json;

fn from(metadata: &Value) -> Result<Settings, SettingError> {
    Settings::from_metadata(metadata.as_object().unwrap())
}

fn check_refused(metadata: &Value, field: &str, fault: SettingFault) {
    let error = from(metadata).expect_err(&metadata.to_string());
    assert_eq!((error.field.as_str(), error.fault), (field, fault), "{metadata}");
}

#[test]
fn settings_survive_the_wire() {
    let text = "Grüß Gott, \"wer\" da?\n🙂";
    let metadata = json!({"sandbox": {"persona": "voicemail", "answerAfterMs": 0, "speakAfterMs": 1,
        "hangUpAfterMs": 3_000, "pressAfterMs": 5, "tryingAfterMs": 6, "muteAfterMs": 7, "holdAfterMs": 8,
        "holdMs": 9, "transferAfterMs": 10, "transferTo": "+15005550002", "redirectTo": "+15005550003",
        "text": text, "locale": "de-AT", "voice": "slt", "digits": "12#w", "greetingMs": 5_000, "beepHz": 440,
        "beepMs": 300, "lossPercent": 2.5, "jitterMs": 30, "reorderPercent": 1, "seed": 7}});
    let settings = from(&metadata).unwrap();
    assert_eq!(settings.text.as_deref(), Some(text));
    assert_eq!(settings.to_object().len(), Settings::KEYS.len());
    let header = settings.to_header().unwrap();
    assert!(header.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{header}");
    assert_eq!(Settings::from_header(&header), settings);
    assert_eq!(from(&json!({"other": 1})).unwrap().to_header(), None);
}

#[test]
fn the_longest_settings_fit_the_header() {
    let mut sandbox =
        from(&json!({"sandbox": {"text": "🙂".repeat(1_000), "digits": "1".repeat(64)}})).unwrap();
    for key in Settings::KEYS.iter().filter(|key| key.ends_with("Ms")) {
        let longest = match *key {
            "greetingMs" => 60_000,
            "beepMs" => 5_000,
            "jitterMs" => 500,
            _ => 14_400_000,
        };
        sandbox = Settings::from_value(&json!({ *key: longest }), "").unwrap().over(&sandbox);
    }
    let rest = json!({"persona": "p".repeat(64), "transferTo": "+123456789012345", "redirectTo": "+123456789012345",
        "locale": "a".repeat(35), "voice": "v".repeat(64), "beepHz": 3_400, "lossPercent": 33.333_333,
        "reorderPercent": 33.333_333, "seed": 9_007_199_254_740_991_u64});
    let sandbox = Settings::from_value(&rest, "").unwrap().over(&sandbox);
    assert_eq!(sandbox.to_object().len(), Settings::KEYS.len());
    let header = sandbox.to_header().unwrap();
    assert!(header.len() <= HEADER_BYTES_MAX, "{}", header.len());
    assert_eq!(Settings::from_header(&header), sandbox);
}

#[test]
fn digits_stand_beside_the_settings_too() {
    let digits = |metadata: &Value| from(metadata).unwrap().digits.unwrap_or_default();
    assert_eq!(digits(&json!({"sandboxDigits": "1#"})), "1#");
    assert_eq!(digits(&json!({"sandboxDigits": "1", "sandbox": {"digits": "2"}})), "2");
    assert_eq!(Settings::digits_from_address("12#").as_deref(), Some("12#"));
    assert_eq!(Settings::digits_from_address("hello"), None);
}

#[test]
fn a_header_that_cannot_be_read_sets_nothing() {
    for header in ["{", "[]", "3", "", r#"{"digits":"x"}"#] {
        assert_eq!(Settings::from_header(header), Settings::default(), "{header}");
    }
    // Settings of a later version are none of this one's business.
    assert_eq!(Settings::from_header(r#"{"digits":"1","mood":"bad"}"#).digits.as_deref(), Some("1"));
}

#[test]
fn settings_that_cannot_be_are_named() {
    let check = |sandbox: Value, key: &str| {
        let field = format!("metadata.sandbox.{key}");
        check_refused(&json!({ "sandbox": sandbox }), &field, SettingFault::Invalid);
    };
    check_refused(&json!({"sandbox": 1}), "metadata.sandbox", SettingFault::Invalid);
    check_refused(&json!({"sandboxDigits": 12}), "metadata.sandboxDigits", SettingFault::Invalid);
    check_refused(&json!({"sandboxDigits": ""}), "metadata.sandboxDigits", SettingFault::Invalid);
    check(json!({"digits": "12x"}), "digits");
    check(json!({"digits": "1".repeat(65)}), "digits");
    check(json!({"answerAfterMs": -1}), "answerAfterMs");
    check(json!({"answerAfterMs": 14_400_001}), "answerAfterMs");
    check(json!({"hangUpAfterMs": "3"}), "hangUpAfterMs");
    check(json!({"pressAfterMs": 1.5}), "pressAfterMs");
    check(json!({"text": " "}), "text");
    check(json!({"text": "a".repeat(1_001)}), "text");
    check(json!({"locale": "en_US"}), "locale");
    check(json!({"voice": "a b"}), "voice");
    check(json!({"persona": "Bob"}), "persona");
    check(json!({"greetingMs": 99}), "greetingMs");
    check(json!({"beepHz": 200}), "beepHz");
    check(json!({"beepMs": 5_001}), "beepMs");
    check(json!({"lossPercent": 100.1}), "lossPercent");
    check(json!({"lossPercent": "5%"}), "lossPercent");
    check(json!({"jitterMs": 501}), "jitterMs");
    check(json!({"seed": -1}), "seed");
    check(json!({"seed": 9_007_199_254_740_992_u64}), "seed");
    check(json!({"transferTo": "bob"}), "transferTo");
    check(json!({"redirectTo": "5550000"}), "redirectTo");
    assert_eq!(from(&json!({"sandbox": null, "sandboxDigits": null})), Ok(Settings::default()));
    assert_eq!(from(&json!({"sandbox": {"text": null}})), Ok(Settings::default()));
}

#[test]
fn a_setting_that_does_not_exist_is_refused_with_those_that_do() {
    check_refused(&json!({"sandbox": {"greeting": 1}}), "metadata.sandbox.greeting", SettingFault::Unknown);
    let error = from(&json!({"sandbox": {"greeting": 1}})).unwrap_err();
    assert!(error.message.contains("greetingMs"), "{error}");
    let long = "ü".repeat(5_000);
    let error = from(&json!({"sandbox": { long: 1 }})).unwrap_err();
    assert!(error.field.len() < 100, "{error}");
}

#[test]
fn what_is_set_lies_over_a_base() {
    let base = from(&json!({"sandbox": {"text": "base", "digits": "1"}})).unwrap();
    let over = from(&json!({"sandbox": {"text": "mine"}})).unwrap().over(&base);
    assert_eq!((over.text.as_deref(), over.digits.as_deref()), (Some("mine"), Some("1")));
}
