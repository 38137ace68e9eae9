//! Steps that say where the flow goes and what the call becomes, as this door spells them.

use super::LOCATION_CHARS_MAX;
use crate::http::fields::{Fields, invalid};
use model::fault::Fault;
use model::flow::{Goto, Hangup, HangupCause, Label, Ringing, Set, Webhook, variable};

/// Words for a caller who was not answered.
pub(crate) const CAUSES: &[(&str, HangupCause)] =
    &[("rejected", HangupCause::Rejected), ("busy", HangupCause::Busy)];

pub(crate) fn hangup(fields: &mut Fields) -> Result<Hangup, Fault> {
    Ok(Hangup { cause: fields.choice("cause", CAUSES)? })
}

pub(crate) fn ringing(fields: &mut Fields) -> Result<Ringing, Fault> {
    Ok(Ringing { early_media: fields.boolean("earlyMedia")?.unwrap_or(false) })
}

pub(super) fn label(fields: &mut Fields) -> Result<Label, Fault> {
    let name = name(fields, "name")?;
    Ok(Label { name: fields.required("name", name)? })
}

pub(super) fn goto(fields: &mut Fields) -> Result<Goto, Fault> {
    let label = name(fields, "label")?;
    Ok(Goto { label: fields.required("label", label)? })
}

pub(super) fn set(fields: &mut Fields) -> Result<Set, Fault> {
    let variable = fields.text("variable", 1..=variable::NAME_MAX)?;
    let value = fields.text("value", 0..=variable::VALUE_MAX)?;
    Ok(Set {
        variable: fields.required("variable", variable)?,
        value: fields.required("value", value)?.into(),
    })
}

pub(super) fn webhook(fields: &mut Fields) -> Result<Webhook, Fault> {
    let url = fields.text("url", 1..=LOCATION_CHARS_MAX)?;
    let url = fields.required("url", url)?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(invalid(&fields.path("url"), "must be an https URL"));
    }
    Ok(Webhook {
        url,
        timeout_ms: fields
            .integer("timeoutMs", 1_000..=Webhook::TIMEOUT_MS_MAX)?
            .unwrap_or(Webhook::TIMEOUT_MS),
        on_failure: name(fields, "onFailure")?,
    })
}

/// A name of a label, a conference or a queue.
pub(super) fn name(fields: &mut Fields, field: &'static str) -> Result<Option<String>, Fault> {
    let Some(name) = fields.text(field, 1..=Label::NAME_MAX)? else { return Ok(None) };
    if Label::is_name(&name) {
        return Ok(Some(name));
    }
    let message = "must begin with a letter or _, and may hold letters, digits, _ and -";
    Err(invalid(&fields.path(field), message))
}
