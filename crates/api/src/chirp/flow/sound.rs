//! Steps that sound and listen, as this door spells them.

use super::{LOCATION_CHARS_MAX, NAME_CHARS_MAX, key};
use crate::http::fields::{Fields, invalid};
use model::fault::Fault;
use model::flow::{Dtmf, Gather, GatherInput, GatherPrompt, Pause, Playback, Record, Say};

/// `text`, `locale`, `voice`, and how often under the name `times`.
pub(crate) fn say(fields: &mut Fields, times: &'static str) -> Result<Say, Fault> {
    let text = fields.text("text", 1..=Say::TEXT_MAX)?;
    let text = fields.required("text", text)?;
    if text.trim().is_empty() {
        return Err(invalid(&fields.path("text"), "must say something"));
    }
    Ok(Say {
        text,
        locale: locale(fields, "locale")?,
        voice: fields.text("voice", 1..=NAME_CHARS_MAX)?,
        times: fields.integer(times, 1..=Playback::TIMES_MAX)?.unwrap_or(1),
    })
}

pub(crate) fn playback(fields: &mut Fields) -> Result<Playback, Fault> {
    let media = fields.texts("media", 1..=Playback::MEDIA_MAX, 1..=LOCATION_CHARS_MAX)?;
    Ok(Playback {
        media: fields.required("media", media)?,
        times: fields.integer("times", 1..=Playback::TIMES_MAX)?.unwrap_or(1),
        gap_ms: fields.integer("gapMs", 0..=Playback::GAP_MS_MAX)?.unwrap_or(0),
    })
}

pub(crate) fn gather(fields: &mut Fields) -> Result<Gather, Fault> {
    const INPUTS: &[(&str, GatherInput)] =
        &[("dtmf", GatherInput::Dtmf), ("speech", GatherInput::Speech), ("both", GatherInput::Both)];
    Ok(Gather {
        input: fields.choice("input", INPUTS)?.unwrap_or_default(),
        prompt: prompt(fields)?,
        keys_max: fields.integer("keysMax", 1..=Gather::KEYS_MAX)?,
        end_key: key(fields, "endKey")?,
        timeout_ms: fields
            .integer("timeoutMs", 1_000..=Gather::TIMEOUT_MS_MAX)?
            .unwrap_or(Gather::TIMEOUT_MS),
        retries: fields.integer("retries", 0..=Gather::RETRIES_MAX)?.unwrap_or(0),
        speech_locale: locale(fields, "speechLocale")?,
    })
}

fn prompt(fields: &mut Fields) -> Result<Option<GatherPrompt>, Fault> {
    let path = fields.path("prompt");
    let Some(value) = fields.take("prompt") else { return Ok(None) };
    let mut inner = Fields::of_value(path.clone(), value)?;
    let spoken = inner.take("say");
    let played = inner.take("playback");
    inner.finish()?;
    match (spoken, played) {
        (Some(value), None) => {
            let mut fields = Fields::of_value(format!("{path}.say"), value)?;
            let say = say(&mut fields, "times")?;
            fields.finish().map(|()| Some(GatherPrompt::Say(say)))
        }
        (None, Some(value)) => {
            let mut fields = Fields::of_value(format!("{path}.playback"), value)?;
            let playback = playback(&mut fields)?;
            fields.finish().map(|()| Some(GatherPrompt::Playback(playback)))
        }
        _ => Err(invalid(&path, "must hold either say or playback")),
    }
}

pub(crate) fn record(fields: &mut Fields) -> Result<Record, Fault> {
    Ok(Record {
        end_key: key(fields, "endKey")?,
        length_ms_max: fields
            .integer("lengthMsMax", 1_000..=Record::LENGTH_MS_MAX)?
            .unwrap_or(Record::LENGTH_MS),
        silence_ms: fields
            .integer("silenceMs", 1_000..=Record::SILENCE_MS_MAX)?
            .unwrap_or(Record::SILENCE_MS),
        beep: fields.boolean("beep")?.unwrap_or(false),
        transcribe: fields.boolean("transcribe")?.unwrap_or(false),
        transcribe_locale: locale(fields, "transcribeLocale")?,
    })
}

pub(super) fn pause(fields: &mut Fields) -> Result<Pause, Fault> {
    let length_ms = fields.integer("lengthMs", 1_000..=Pause::LENGTH_MS_MAX)?.unwrap_or(Pause::LENGTH_MS);
    Ok(Pause { length_ms })
}

/// What templates make of the keys is looked at when the step has its turn.
pub(super) fn dtmf(fields: &mut Fields) -> Result<Dtmf, Fault> {
    let digits = fields.text("digits", 1..=LOCATION_CHARS_MAX)?;
    let digits = fields.required("digits", digits)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || b"*#wW".contains(&byte));
    if !digits.contains("{{") && (!plain || digits.len() > Dtmf::DIGITS_MAX) {
        let message = "may hold 1 to 64 of 0-9, *, #, w (half a second) and W (one second)";
        return Err(invalid(&fields.path("digits"), message));
    }
    Ok(Dtmf { digits: digits.into() })
}

fn locale(fields: &mut Fields, name: &'static str) -> Result<String, Fault> {
    Ok(fields.text(name, 2..=NAME_CHARS_MAX)?.unwrap_or_else(|| Say::LOCALE.to_owned()))
}
