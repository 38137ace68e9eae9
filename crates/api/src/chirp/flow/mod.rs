//! The neutral flow vocabulary as JSON: `[{"command": "say", "text": "…"}, …]`. Our addition to the contract.

pub(crate) mod check;
mod connect;
mod control;
pub(crate) mod question;
mod sound;

pub(crate) use connect::{bridge, conference, transfer};
pub(crate) use control::{hangup, ringing};
pub(crate) use sound::{gather, playback, record, say};

use crate::http::fields::{Fields, invalid};
use model::fault::Fault;
use model::flow::variable::{self, Variables};
use model::flow::{Condition, Flow, FlowCommand, Operator, Step, Variable};
use model::{CommandId, IdSource, Pii, Timestamp};
use serde_json::Value;

/// Longest name of a command, locale or voice, in characters.
const NAME_CHARS_MAX: usize = 64;
/// Longest URL or file name, in characters.
const LOCATION_CHARS_MAX: usize = 2_048;

/// The field's flow, if it is there; what can never run is refused. `variables` come with the call. Steps get their
/// ids when the call is placed.
pub(crate) fn take(
    fields: &mut Fields,
    name: &'static str,
    variables: &Variables,
) -> Result<Option<Flow>, Fault> {
    let path = fields.path(name);
    let Some(flow) = unchecked(fields, name)? else { return Ok(None) };
    check::refuse(&flow, variables, &path)?;
    Ok(Some(flow))
}

/// The field's flow, each step read for itself.
fn unchecked(fields: &mut Fields, name: &'static str) -> Result<Option<Flow>, Fault> {
    let Some(items) = fields.list(name, 1..=Flow::STEPS_MAX)? else { return Ok(None) };
    let mut placeholder = IdSource::new(0);
    let steps = items.into_iter().map(|(path, value)| step(path, value, &mut placeholder));
    Ok(Some(Flow { steps: steps.collect::<Result<_, _>>()? }))
}

/// The variables that come with a call: texts by name.
pub(crate) fn variables(fields: &mut Fields, name: &'static str) -> Result<Variables, Fault> {
    let path = fields.path(name);
    let given = fields.object(name)?.unwrap_or_default();
    if given.len() > variable::COUNT_MAX {
        return Err(invalid(&path, &format!("may have at most {} variables", variable::COUNT_MAX)));
    }
    let mut variables = Variables::new();
    for (name, value) in given {
        let shown: String = name.chars().take(variable::NAME_MAX).collect();
        let path = format!("{path}.{shown}");
        if !variable::is_name(&name) || variable::BUILT_IN.contains(&name.as_str()) {
            let built_in = variable::BUILT_IN.join(", ");
            let message = format!("must be a name of letters, digits and _, and none of {built_in}");
            return Err(invalid(&path, &message));
        }
        let value = crate::http::fields::text(&path, value, 0..=variable::VALUE_MAX)?;
        variables.insert(name, Pii::new(value));
    }
    Ok(variables)
}

fn step(path: String, value: Value, ids: &mut IdSource) -> Result<Step, Fault> {
    let mut fields = Fields::of_value(path, value)?;
    let name = fields.text("command", 1..=NAME_CHARS_MAX)?;
    let name = fields.required("command", name)?;
    let command = command(&name, &mut fields)?;
    let conditions = conditions(&mut fields)?;
    fields.finish()?;
    Ok(Step { id: CommandId::generate(ids, Timestamp::default()), command, conditions })
}

fn command(name: &str, fields: &mut Fields) -> Result<FlowCommand, Fault> {
    Ok(match name {
        "say" => FlowCommand::Say(say(fields, "times")?),
        "playback" => FlowCommand::Playback(playback(fields)?),
        "gather" => FlowCommand::Gather(gather(fields)?),
        "record" => FlowCommand::Record(record(fields)?),
        "pause" => FlowCommand::Pause(sound::pause(fields)?),
        "dtmf" => FlowCommand::Dtmf(sound::dtmf(fields)?),
        "hangup" => FlowCommand::Hangup(control::hangup(fields)?),
        "answer" => FlowCommand::Answer,
        "ringing" => FlowCommand::Ringing(control::ringing(fields)?),
        "label" => FlowCommand::Label(control::label(fields)?),
        "goto" => FlowCommand::Goto(control::goto(fields)?),
        "set" => FlowCommand::Set(control::set(fields)?),
        "webhook" => FlowCommand::Webhook(control::webhook(fields)?),
        "bridge" => FlowCommand::Bridge(Box::new(connect::bridge(fields)?)),
        "transfer" => FlowCommand::Transfer(connect::transfer(fields)?),
        "conference" => FlowCommand::Conference(connect::conference(fields)?),
        "queue" => FlowCommand::Queue(connect::queue(fields)?),
        _ => {
            let message = "must be one of say, playback, gather, record, pause, dtmf, hangup, answer, ringing, \
                           label, goto, set, webhook, bridge, transfer, conference, queue";
            return Err(invalid(&fields.path("command"), message));
        }
    })
}

fn key(fields: &mut Fields, name: &'static str) -> Result<Option<char>, Fault> {
    let Some(text) = fields.text(name, 1..=1)? else { return Ok(None) };
    let key = text.chars().next().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    key.map(Some).ok_or_else(|| invalid(&fields.path(name), "must be one of 0-9, * and #"))
}

fn conditions(fields: &mut Fields) -> Result<Vec<Condition>, Fault> {
    let Some(items) = fields.list("conditions", 0..=Condition::COUNT_MAX)? else { return Ok(Vec::new()) };
    items.into_iter().map(|(path, value)| condition(path, value)).collect()
}

fn condition(path: String, value: Value) -> Result<Condition, Fault> {
    const OPERATORS: &[(&str, Operator)] = &[
        ("eq", Operator::Eq),
        ("==", Operator::Eq),
        ("ne", Operator::Ne),
        ("!=", Operator::Ne),
        ("contains", Operator::Contains),
    ];
    let mut fields = Fields::of_value(path, value)?;
    let variable = variable(&mut fields)?;
    let operator = fields.choice("operator", OPERATORS)?;
    let value = fields.text("value", 0..=Condition::VALUE_MAX)?;
    let condition = Condition {
        variable,
        operator: fields.required("operator", operator)?,
        value: fields.required("value", value)?,
    };
    fields.finish()?;
    Ok(condition)
}

/// `keys`, `speech`, or the name of a variable.
fn variable(fields: &mut Fields) -> Result<Variable, Fault> {
    let name = fields.text("variable", 1..=variable::NAME_MAX)?;
    let name = fields.required("variable", name)?;
    match name.as_str() {
        "keys" => Ok(Variable::Keys),
        "speech" => Ok(Variable::Speech),
        _ if variable::is_name(&name) => Ok(Variable::Named(name)),
        _ => Err(invalid(&fields.path("variable"), "must be keys, speech, or the name of a variable")),
    }
}

#[cfg(test)]
mod tests;
