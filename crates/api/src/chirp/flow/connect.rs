//! Steps that connect the call with others, as this door spells them.

use super::control::name;
use super::{LOCATION_CHARS_MAX, key, unchecked};
use crate::http::fields::{Fields, invalid};
use model::Pii;
use model::call::CallSetup;
use model::fault::Fault;
use model::flow::{Bridge, Conference, Queue, Transfer, TransferMode};
use model::recording::{RecordStart, SessionRecord};

/// Longest address, in characters.
const ADDRESS_CHARS_MAX: usize = 256;

pub(crate) fn bridge(fields: &mut Fields) -> Result<Bridge, Fault> {
    let (from, to) = (address(fields, "from")?, address(fields, "to")?);
    let max_duration_ms = fields.integer("maxDurationMs", 1_000..=Bridge::MAX_DURATION_MS)?;
    let plain = Bridge::to(fields.required("to", to)?);
    Ok(Bridge {
        from,
        ring_timeout_ms: fields
            .integer("ringTimeoutMs", CallSetup::RING_TIMEOUTS_MS)?
            .unwrap_or(plain.ring_timeout_ms),
        max_duration_ms: max_duration_ms.unwrap_or(plain.max_duration_ms),
        ring_tone: ring_tone(fields)?,
        hangup_after: fields.boolean("hangupAfter")?.unwrap_or(false),
        record: session_record(fields)?,
        flow: unchecked(fields, "flow")?,
        ..plain
    })
}

fn ring_tone(fields: &mut Fields) -> Result<Option<String>, Fault> {
    let Some(country) = fields.text("ringTone", 2..=2)? else { return Ok(None) };
    if country.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(Some(country));
    }
    Err(invalid(&fields.path("ringTone"), "must be a country in two lower-case letters, as in de"))
}

fn session_record(fields: &mut Fields) -> Result<Option<SessionRecord>, Fault> {
    const STARTS: &[(&str, RecordStart)] =
        &[("answer", RecordStart::Answer), ("ringing", RecordStart::Ringing)];
    let path = fields.path("record");
    let Some(value) = fields.take("record") else { return Ok(None) };
    let mut fields = Fields::of_value(path, value)?;
    let record = SessionRecord {
        start: fields.choice("start", STARTS)?.unwrap_or_default(),
        stereo: fields.boolean("stereo")?.unwrap_or(false),
    };
    fields.finish().map(|()| Some(record))
}

/// Also a command's.
pub(crate) fn transfer(fields: &mut Fields) -> Result<Transfer, Fault> {
    const MODES: &[(&str, TransferMode)] =
        &[("blind", TransferMode::Blind), ("attended", TransferMode::Attended)];
    let to = address(fields, "to")?;
    Ok(Transfer {
        to: fields.required("to", to)?,
        mode: fields.choice("mode", MODES)?.unwrap_or_default(),
        from: address(fields, "from")?,
        ring_timeout_ms: fields
            .integer("ringTimeoutMs", CallSetup::RING_TIMEOUTS_MS)?
            .unwrap_or(Transfer::RING_TIMEOUT_MS),
    })
}

pub(crate) fn conference(fields: &mut Fields) -> Result<Conference, Fault> {
    let name = name(fields, "name")?;
    let plain = Conference::named(fields.required("name", name)?);
    Ok(Conference {
        muted: fields.boolean("muted")?.unwrap_or(plain.muted),
        deaf: fields.boolean("deaf")?.unwrap_or(plain.deaf),
        starts: fields.boolean("starts")?.unwrap_or(plain.starts),
        ends: fields.boolean("ends")?.unwrap_or(plain.ends),
        beep: fields.boolean("beep")?.unwrap_or(plain.beep),
        music: fields.text("music", 1..=LOCATION_CHARS_MAX)?,
        leave_key: key(fields, "leaveKey")?,
        ..plain
    })
}

pub(super) fn queue(fields: &mut Fields) -> Result<Queue, Fault> {
    let name = name(fields, "name")?;
    let plain = Queue::named(fields.required("name", name)?);
    Ok(Queue {
        take: fields.boolean("take")?.unwrap_or(plain.take),
        music: fields.text("music", 1..=LOCATION_CHARS_MAX)?,
        wait_ms_max: fields.integer("waitMsMax", 1_000..=Queue::WAIT_MS_MAX)?.unwrap_or(plain.wait_ms_max),
        ..plain
    })
}

fn address(fields: &mut Fields, name: &'static str) -> Result<Option<Pii<String>>, Fault> {
    Ok(fields.text(name, 1..=ADDRESS_CHARS_MAX)?.map(Pii::new))
}
