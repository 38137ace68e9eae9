//! `amdSettings` (contract §2.4).

use super::locales::GATHER;
use super::options::locale;
use crate::http::fields::Fields;
use crate::http::refusal::Faults;
use model::amd::{AmdNotify, AmdSettings};

/// The door's words for when the app is told.
const NOTICES: &[(&str, AmdNotify)] =
    &[("wordCount", AmdNotify::WordCount), ("beep", AmdNotify::Beep), ("silence", AmdNotify::Silence)];

/// The settings, where they are given and switched on.
pub(crate) fn take(fields: &mut Fields, faults: &mut Faults) -> Option<AmdSettings> {
    let path = fields.path("amdSettings");
    let value = fields.take("amdSettings")?;
    let mut fields = faults.of(Fields::of_value(path, value))?;
    let usual = AmdSettings::default();
    let enabled = faults.keep(fields.boolean("enabled")).unwrap_or(false);
    let speech_s = faults.keep(fields.integer("speechTimeout", 1..=30_u32));
    let beep_s = faults.keep(fields.integer("beepTimeout", 1..=120_u32));
    let settings = AmdSettings {
        word_count: faults
            .keep(fields.integer("wordCount", AmdSettings::WORD_COUNTS))
            .unwrap_or(usual.word_count),
        speech_timeout_ms: speech_s.map_or(usual.speech_timeout_ms, |seconds| seconds * 1_000),
        beep_timeout_ms: beep_s.map_or(usual.beep_timeout_ms, |seconds| seconds * 1_000),
        locale: locale(&mut fields, "speechLocale", GATHER, faults),
        notify: faults.keep(fields.choice("ifMachineNotifyAfter", NOTICES)).unwrap_or(usual.notify),
    };
    faults.extend(fields.unknown());
    enabled.then_some(settings)
}
