//! What the checker says of flows.
#![cfg(test)]

use call::check::check;
use model::flow::{
    Bridge, Condition, Flow, FlowCommand, Gather, Goto, Hangup, Label, Operator, Pause, Say, Set, Step,
    Variable, Webhook,
};
use model::{CommandId, IdSource, Pii, Timestamp};

/// A flow in few words: `label a`, `goto a`, `gather`, `say text`, `set x`, `hangup`, `pause`, `webhook a`; `?` before a
/// step puts a condition on `keys`, `?x` one on the variable x; `bridge: …` has a flow of its own, parted by `+`.
fn flow(lines: &[&str]) -> Flow {
    Flow { steps: lines.iter().map(|line| step(line)).collect() }
}

fn step(line: &str) -> Step {
    let (condition, rest) = match line.strip_prefix('?') {
        Some(rest) => rest.split_once(' ').map(|(name, rest)| (Some(name), rest)).unwrap(),
        None => (None, line),
    };
    let conditions = condition.map(|name| Condition {
        variable: if name.is_empty() { Variable::Keys } else { Variable::Named(name.to_owned()) },
        operator: Operator::Eq,
        value: "1".to_owned(),
    });
    let (command, word) = rest.split_once(' ').unwrap_or((rest, ""));
    let text = || word.to_owned();
    let command = match command {
        "label" => FlowCommand::Label(Label { name: text() }),
        "goto" => FlowCommand::Goto(Goto { label: text() }),
        "gather" => FlowCommand::Gather(Gather::default()),
        "say" => {
            FlowCommand::Say(Say { text: text(), locale: Say::LOCALE.to_owned(), voice: None, times: 1 })
        }
        "set" => FlowCommand::Set(Set { variable: text(), value: Pii::new("v".to_owned()) }),
        "pause" => FlowCommand::Pause(Pause { length_ms: 1_000 }),
        "hangup" => FlowCommand::Hangup(Hangup::default()),
        "webhook" => FlowCommand::Webhook(Webhook {
            url: "https://example.com".to_owned(),
            timeout_ms: 5_000,
            on_failure: (!word.is_empty()).then(text),
        }),
        "bridge:" => {
            let inner: Vec<&str> = word.split(" + ").collect();
            let bridge = Bridge::to(Pii::new("+4930".to_owned()));
            FlowCommand::Bridge(Box::new(Bridge { flow: Some(flow(&inner)), ..bridge }))
        }
        other => panic!("no such step: {other}"),
    };
    let id = CommandId::generate(&mut IdSource::new(1), Timestamp::default());
    Step { id, command, conditions: conditions.into_iter().collect() }
}

/// Faults as `1/0 text undefined_variable`.
fn judge(lines: &[&str], expected: &[&str]) {
    let got: Vec<String> = check(&flow(lines), ["given"])
        .iter()
        .map(|fault| {
            let steps: Vec<String> = fault.steps.iter().map(usize::to_string).collect();
            let field = fault.field.as_ref().map(|field| format!(" {field}")).unwrap_or_default();
            format!("{}{field} {}", steps.join("/"), fault.kind.code())
        })
        .collect();
    assert_eq!(got, expected, "{lines:?}");
}

#[test]
fn what_runs_and_ends_is_let_through() {
    judge(&[], &[]);
    judge(&["say Hello", "gather", "? say One", "hangup"], &[]);
    judge(&["label a", "gather", "? goto a", "hangup"], &[]);
    judge(&["gather", "? goto b", "say x", "label b"], &[]);
    judge(&["label a", "gather", "? hangup", "goto a"], &[]);
}

#[test]
fn steps_that_are_never_reached() {
    judge(&["hangup", "say x", "say y"], &["1 unreachable_step"]);
    judge(&["goto b", "say x", "label b", "pause"], &["1 unreachable_step"]);
    judge(&["? hangup", "say x"], &[]);
    judge(&["webhook", "hangup", "label later", "say x"], &[]);
}

#[test]
fn loops_without_an_exit_or_a_wait() {
    judge(&["label a", "gather", "goto a"], &["2 endless_loop"]);
    judge(&["label a", "? pause", "? goto a"], &["2 idle_loop"]);
    judge(&["label a", "set x", "? goto a"], &["2 idle_loop"]);
    judge(&["label a", "goto a"], &["1 endless_loop", "1 idle_loop"]);
    judge(&["label a", "label b", "gather", "? goto a", "? goto b"], &[]);
}

#[test]
fn labels() {
    judge(&["gather", "? goto nowhere"], &["1 label unknown_label"]);
    judge(&["webhook nowhere"], &["0 onFailure unknown_label"]);
    judge(&["label a", "label a"], &["1 name duplicate_label"]);
}

#[test]
fn variables() {
    judge(&["say {{keys}} {{from}} {{given}}"], &[]);
    judge(&["say {{x}}"], &["0 text undefined_variable"]);
    judge(&["set x", "say {{x}}"], &[]);
    judge(&["say {{x}}", "set x"], &["0 text undefined_variable"]);
    judge(&["label a", "gather", "?x say {{x}}", "set x", "? goto a"], &[]);
    judge(&["?y say z"], &["0 conditions[0].variable undefined_variable"]);
    judge(&["say {{a b}}"], &["0 text invalid_variable"]);
    judge(&["set keys"], &["0 variable invalid_variable"]);
    judge(&["set 9"], &["0 variable invalid_variable"]);
}

#[test]
fn flows_within_flows() {
    judge(&["set x", "bridge: say {{x}} + hangup + say y"], &["1/2 unreachable_step"]);
    judge(&["bridge: say {{x}}"], &["0/0 text undefined_variable"]);
}

#[test]
fn limits() {
    let long = vec!["pause"; Flow::STEPS_MAX + 1];
    judge(&long, &[" too_many_steps"]);
    let names: Vec<String> = (0..70).map(|number| format!("set v{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    judge(names.get(..64).unwrap(), &[" too_many_variables"]);
}
