//! `callFlow` (contract §2.3) as the neutral vocabulary. All faults of a flow are told, each with its path.

use super::options::Options;
use crate::http::fields::{Fields, invalid};
use crate::http::refusal::Faults;
use call::check::{FlowFault, check};
use model::fault::{Fault, FaultCode};
use model::flow::{Condition, Flow, FlowCommand, Operator, Ringing, Step, Variable};
use model::{CommandId, IdSource, Timestamp};
use serde_json::Value;

/// Most steps of one flow.
const STEPS_MAX: usize = 20;

/// Where a flow stands: each place has its own commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a new call.
    Create,
    /// In a change of a live call.
    Update,
    /// On the new leg of a bridge.
    Bridge,
}

impl Place {
    const fn commands(self) -> &'static str {
        match self {
            Self::Create => "hangup, playback, say, gather, record, bridge, pause",
            Self::Update => "answer, hangup, playback, say, gather, record, bridge, pause, ringing",
            Self::Bridge => "hangup, playback, say, gather, record, pause",
        }
    }

    fn knows(self, command: &str) -> bool {
        self.commands().split(", ").any(|known| known == command)
    }
}

/// The flow, if one with steps is there. Steps get their ids when the call takes it.
pub(crate) fn take(fields: &mut Fields, place: Place, faults: &mut Faults) -> Option<Flow> {
    let items = faults.keep(fields.list("callFlow", 0..=STEPS_MAX))?;
    let (given, mut placeholder) = (items.len(), IdSource::new(0));
    let steps =
        items.into_iter().filter_map(|(path, value)| step(path, value, place, &mut placeholder, faults));
    let steps: Vec<_> = steps.collect();
    if steps.len() == given && place != Place::Bridge {
        let flow = Flow { steps };
        // A bridge's flow is looked at with the one it stands in.
        faults.extend(check(&flow, []).iter().map(refusal).collect());
        return (!flow.steps.is_empty()).then_some(flow);
    }
    (!steps.is_empty()).then_some(Flow { steps })
}

/// What can never run, with its place in this door's spelling.
fn refusal(fault: &FlowFault) -> Fault {
    let mut path = "callFlow".to_owned();
    for (depth, step) in fault.steps.iter().enumerate() {
        path.push_str(if depth > 0 { ".options.callFlow" } else { "" });
        path.push_str(&format!("[{step}]"));
    }
    match &fault.field {
        Some(field) if field.starts_with("conditions") => path.push_str(&format!(".{field}")),
        Some(field) => path.push_str(&format!(".options.{field}")),
        None => {}
    }
    Fault::field(FaultCode::InvalidFlow, path, fault.message.clone())
}

fn step(path: String, value: Value, place: Place, ids: &mut IdSource, faults: &mut Faults) -> Option<Step> {
    let mut fields = faults.of(Fields::of_value(path, value))?;
    let name_path = fields.path("command");
    let name = fields.text("command", 1..=64);
    let name = faults.need(&name_path, name);
    let conditions = conditions(&mut fields, faults);
    let options = Options::of_step(&mut fields, faults);
    faults.extend(fields.unknown());
    let name = name?;
    if !place.knows(&name) {
        faults.push(invalid(&name_path, &format!("must be one of {}", place.commands())));
        return None;
    }
    let command = command(&name, options?, faults)?;
    Some(Step { id: CommandId::generate(ids, Timestamp::default()), command, conditions: conditions? })
}

fn command(name: &str, options: Options, faults: &mut Faults) -> Option<FlowCommand> {
    match name {
        "hangup" => options.hangup(faults).map(FlowCommand::Hangup),
        "playback" => options.playback(faults).map(FlowCommand::Playback),
        "say" => options.say(faults).map(FlowCommand::Say),
        "gather" => options.gather(faults).map(FlowCommand::Gather),
        "record" => options.record(faults).map(FlowCommand::Record),
        "bridge" => options.bridge(faults).map(Box::new).map(FlowCommand::Bridge),
        "pause" => options.pause(faults).map(FlowCommand::Pause),
        "answer" => options.none(faults).map(|()| FlowCommand::Answer),
        "ringing" => options.none(faults).map(|()| FlowCommand::Ringing(Ringing::default())),
        _ => None,
    }
}

fn conditions(fields: &mut Fields, faults: &mut Faults) -> Option<Vec<Condition>> {
    let items = faults.of(fields.list("conditions", 0..=Condition::COUNT_MAX))?.unwrap_or_default();
    let asked = items.len();
    let read = items.into_iter().filter_map(|(path, value)| condition(path, value, faults));
    let read: Vec<_> = read.collect();
    (read.len() == asked).then_some(read)
}

fn condition(path: String, value: Value, faults: &mut Faults) -> Option<Condition> {
    const VARIABLES: &[(&str, bool)] = &[("keys", false), ("speech", true)];
    const OPERATORS: &[(&str, Operator)] = &[
        ("eq", Operator::Eq),
        ("==", Operator::Eq),
        ("ne", Operator::Ne),
        ("!=", Operator::Ne),
        ("contains", Operator::Contains),
    ];
    let mut fields = faults.of(Fields::of_value(path, value))?;
    let paths = ["variable", "operator", "value"].map(|name| fields.path(name));
    let [variable_path, operator_path, value_path] = &paths;
    let variable = fields.choice("variable", VARIABLES);
    let variable = faults.need(variable_path, variable);
    let operator = fields.choice("operator", OPERATORS);
    let operator = faults.need(operator_path, operator);
    let value = fields.text("value", 0..=Condition::VALUE_MAX);
    let value = faults.need(value_path, value);
    faults.extend(fields.unknown());
    let variable = if variable? { Variable::Speech } else { Variable::Keys };
    Some(Condition { variable, operator: operator?, value: value? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(flow: &Value, place: Place, expected: Result<&[&str], &[&str]>) {
        let Value::Object(map) = json!({ "callFlow": flow }) else { panic!("an object") };
        let mut faults = Faults::default();
        let taken = take(&mut Fields::of_body(map), place, &mut faults);
        match (faults.check(), expected) {
            (Ok(()), Ok(names)) => {
                let got: Vec<_> =
                    taken.iter().flat_map(|flow| &flow.steps).map(|step| step.command.name()).collect();
                assert_eq!(got, names);
            }
            (Err(refusal), Err(paths)) => {
                let got: Vec<_> =
                    refusal.all().map(|fault| fault.param.clone().unwrap_or_default()).collect();
                assert_eq!(got, paths, "{flow}");
            }
            (got, expected) => panic!("{got:?} where {expected:?} was expected"),
        }
    }

    #[test]
    fn flows() {
        check(
            &json!([
                {"command": "playback", "options": {"media": ["https://x/a.wav"], "pauseMilliseconds": 100}},
                {"command": "say", "options": {"locale": "en-US", "text": "Your message", "voice": "female"}},
                {"command": "gather", "options": {"maxNumKeys": 1, "endKey": "#", "input": "dtmf speech",
                    "say": {"text": "Press 1"}}},
                {"command": "record", "options": {"beep": true, "transcribe": true}, "conditions": null},
                {"command": "bridge", "options": {"to": "+351000000000", "ringTone": "uk", "callFlow": [
                    {"command": "say", "options": {"text": "A call for you"}}]},
                 "conditions": [{"variable": "keys", "operator": "==", "value": "1"}]},
                {"command": "pause"},
                {"command": "hangup", "options": null}
            ]),
            Place::Create,
            Ok(&["playback", "say", "gather", "record", "bridge", "pause", "hangup"]),
        );
        check(
            &json!([{"command": "answer"}, {"command": "ringing"}]),
            Place::Update,
            Ok(&["answer", "ringing"]),
        );
        check(&json!([]), Place::Create, Ok(&[]));
    }

    #[test]
    fn every_fault_is_told_with_its_path() {
        check(
            &json!([
                {"command": "say", "options": {"text": "", "locale": "xx-XX", "loop": 0}},
                {"command": "sing"},
                {"command": "playback", "options": {"medium": 1}},
                {"command": "hangup", "conditions": [{"variable": "mood", "operator": "eq", "value": "x"}]}
            ]),
            Place::Create,
            Err(&[
                "callFlow[0].options.text",
                "callFlow[0].options.locale",
                "callFlow[0].options.loop",
                "callFlow[1].command",
                "callFlow[2].options.media",
                "callFlow[2].options.medium",
                "callFlow[3].conditions[0].variable",
            ]),
        );
        check(&json!({}), Place::Create, Err(&["callFlow"]));
        check(&json!(vec![json!({"command": "hangup"}); 21]), Place::Create, Err(&["callFlow"]));
        check(&json!([{"command": "answer"}]), Place::Create, Err(&["callFlow[0].command"]));
        let inner = json!([{"command": "bridge", "options": {"to": "+351000000000"}}]);
        check(
            &json!([{"command": "bridge", "options": {"callFlow": inner, "ringTone": "xx"}}]),
            Place::Create,
            Err(&[
                "callFlow[0].options.to",
                "callFlow[0].options.ringTone",
                "callFlow[0].options.callFlow[0].command",
            ]),
        );
    }
}
