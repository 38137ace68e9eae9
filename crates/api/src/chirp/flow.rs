//! The neutral flow vocabulary as JSON: `[{"command": "say", "text": "…"}, …]`. Our addition to the contract.

use crate::http::fields::{Fields, invalid};
use model::fault::Fault;
use model::flow::{
    Condition, Flow, FlowCommand, Gather, GatherPrompt, Operator, Pause, Playback, Record, Say, Step,
    Variable, variable,
};
use model::{CommandId, IdSource, Timestamp};
use serde_json::Value;

/// Most conditions of one step.
const CONDITIONS_MAX: usize = 10;
/// Longest value of a condition, in characters.
const CONDITION_CHARS_MAX: usize = 256;
/// Longest name of a locale or voice, in characters.
const NAME_CHARS_MAX: usize = 64;
/// Longest URL or file name, in characters.
const LOCATION_CHARS_MAX: usize = 2_048;

/// The field's flow, if it is there. Steps get their ids when the call is placed.
pub(crate) fn take(fields: &mut Fields, name: &'static str) -> Result<Option<Flow>, Fault> {
    let Some(items) = fields.list(name, 1..=Flow::STEPS_MAX)? else { return Ok(None) };
    let mut placeholder = IdSource::new(0);
    let steps = items.into_iter().map(|(path, value)| step(path, value, &mut placeholder));
    Ok(Some(Flow { steps: steps.collect::<Result<_, _>>()? }))
}

fn step(path: String, value: Value, ids: &mut IdSource) -> Result<Step, Fault> {
    let mut fields = Fields::of_value(path, value)?;
    let name = fields.text("command", 1..=NAME_CHARS_MAX)?;
    let name = fields.required("command", name)?;
    let command = match name.as_str() {
        "say" => FlowCommand::Say(say(&mut fields, "times")?),
        "playback" => FlowCommand::Playback(playback(&mut fields)?),
        "gather" => FlowCommand::Gather(gather(&mut fields)?),
        "record" => FlowCommand::Record(record(&mut fields)?),
        "pause" => FlowCommand::Pause(pause(&mut fields)?),
        "hangup" => FlowCommand::hangup(),
        _ => {
            let message = "must be one of say, playback, gather, record, pause, hangup";
            return Err(invalid(&fields.path("command"), message));
        }
    };
    let conditions = conditions(&mut fields)?;
    fields.finish()?;
    Ok(Step { id: CommandId::generate(ids, Timestamp::default()), command, conditions })
}

/// `text`, `locale`, `voice`, and how often under the name `times`.
pub(crate) fn say(fields: &mut Fields, times: &'static str) -> Result<Say, Fault> {
    let text = fields.text("text", 1..=Say::TEXT_MAX)?;
    let text = fields.required("text", text)?;
    if text.trim().is_empty() {
        return Err(invalid(&fields.path("text"), "must say something"));
    }
    Ok(Say {
        text,
        locale: fields.text("locale", 2..=NAME_CHARS_MAX)?.unwrap_or_else(|| Say::LOCALE.to_owned()),
        voice: fields.text("voice", 1..=NAME_CHARS_MAX)?,
        times: fields.integer(times, 1..=Playback::TIMES_MAX)?.unwrap_or(1),
    })
}

fn playback(fields: &mut Fields) -> Result<Playback, Fault> {
    let media = fields.texts("media", 1..=Playback::MEDIA_MAX, 1..=LOCATION_CHARS_MAX)?;
    Ok(Playback {
        media: fields.required("media", media)?,
        times: fields.integer("times", 1..=Playback::TIMES_MAX)?.unwrap_or(1),
        gap_ms: fields.integer("gapMs", 0..=Playback::GAP_MS_MAX)?.unwrap_or(0),
    })
}

fn gather(fields: &mut Fields) -> Result<Gather, Fault> {
    Ok(Gather {
        prompt: prompt(fields)?,
        keys_max: fields.integer("keysMax", 1..=Gather::KEYS_MAX)?,
        end_key: key(fields, "endKey")?,
        timeout_ms: fields
            .integer("timeoutMs", 1_000..=Gather::TIMEOUT_MS_MAX)?
            .unwrap_or(Gather::TIMEOUT_MS),
        retries: fields.integer("retries", 0..=Gather::RETRIES_MAX)?.unwrap_or(0),
        ..Gather::default()
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

fn record(fields: &mut Fields) -> Result<Record, Fault> {
    Ok(Record {
        end_key: key(fields, "endKey")?,
        length_ms_max: fields
            .integer("lengthMsMax", 1_000..=Record::LENGTH_MS_MAX)?
            .unwrap_or(Record::LENGTH_MS),
        silence_ms: fields
            .integer("silenceMs", 1_000..=Record::SILENCE_MS_MAX)?
            .unwrap_or(Record::SILENCE_MS),
        beep: fields.boolean("beep")?.unwrap_or(false),
        ..Record::default()
    })
}

fn pause(fields: &mut Fields) -> Result<Pause, Fault> {
    let length_ms = fields.integer("lengthMs", 1_000..=Pause::LENGTH_MS_MAX)?.unwrap_or(Pause::LENGTH_MS);
    Ok(Pause { length_ms })
}

fn key(fields: &mut Fields, name: &'static str) -> Result<Option<char>, Fault> {
    let Some(text) = fields.text(name, 1..=1)? else { return Ok(None) };
    let key = text.chars().next().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    key.map(Some).ok_or_else(|| invalid(&fields.path(name), "must be one of 0-9, * and #"))
}

fn conditions(fields: &mut Fields) -> Result<Vec<Condition>, Fault> {
    let Some(items) = fields.list("conditions", 0..=CONDITIONS_MAX)? else { return Ok(Vec::new()) };
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
    let value = fields.text("value", 0..=CONDITION_CHARS_MAX)?;
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
mod tests {
    use super::*;
    use serde_json::json;

    fn check(flow: &Value, expected: Result<&[&str], &str>) {
        let Value::Object(map) = json!({ "flow": flow }) else { panic!("an object") };
        let got = take(&mut Fields::of_body(map), "flow");
        match (got, expected) {
            (Ok(Some(flow)), Ok(names)) => {
                let got: Vec<_> = flow.steps.iter().map(|step| step.command.name()).collect();
                assert_eq!(got, names);
            }
            (Err(fault), Err(param)) => assert_eq!(fault.param.as_deref(), Some(param), "{fault}"),
            (got, expected) => panic!("{got:?} where {expected:?} was expected"),
        }
    }

    #[test]
    fn flows() {
        check(
            &json!([
                {"command": "say", "text": "Hello", "locale": "en-GB", "times": 2},
                {"command": "gather", "prompt": {"say": {"text": "Press 1"}}, "keysMax": 1, "endKey": "#"},
                {"command": "playback", "media": ["a.wav"], "gapMs": 100,
                 "conditions": [{"variable": "keys", "operator": "==", "value": "1"}]},
                {"command": "record", "beep": true, "endKey": "*", "lengthMsMax": 5000},
                {"command": "pause", "lengthMs": 1000},
                {"command": "hangup"},
            ]),
            Ok(&["say", "gather", "playback", "record", "pause", "hangup"]),
        );
    }

    #[test]
    fn complaints_point_at_the_fault() {
        check(&json!([]), Err("flow"));
        check(&json!({}), Err("flow"));
        check(&json!(vec![json!({"command": "hangup"}); 21]), Err("flow"));
        check(&json!([{"command": "sing"}]), Err("flow[0].command"));
        check(&json!([{"text": "x"}]), Err("flow[0].command"));
        check(&json!([{"command": "say"}]), Err("flow[0].text"));
        check(&json!([{"command": "say", "text": "  "}]), Err("flow[0].text"));
        check(
            &json!([{"command": "hangup"}, {"command": "say", "text": "x", "tekst": 1}]),
            Err("flow[1].tekst"),
        );
        check(&json!([{"command": "gather", "prompt": {}}]), Err("flow[0].prompt"));
        check(
            &json!([{"command": "gather", "prompt": {"say": {"text": 3}}}]),
            Err("flow[0].prompt.say.text"),
        );
        check(&json!([{"command": "gather", "endKey": "x"}]), Err("flow[0].endKey"));
        check(&json!([{"command": "gather", "timeoutMs": 999}]), Err("flow[0].timeoutMs"));
        check(&json!([{"command": "pause", "lengthMs": 0}]), Err("flow[0].lengthMs"));
        let condition = json!({"variable": "9", "operator": "eq", "value": "1"});
        check(
            &json!([{"command": "hangup", "conditions": [condition]}]),
            Err("flow[0].conditions[0].variable"),
        );
    }
}
