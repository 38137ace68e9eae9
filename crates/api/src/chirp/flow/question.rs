//! What a flow's `webhook` step asks the app, and what the app may answer: `{"flow": […]}`. Pure.

use super::unchecked;
use crate::chirp::view::CallView;
use crate::http::fields::Fields;
use call::check::{FlowFaultKind, check};
use model::call::Call;
use model::flow::Flow;
use model::flow::variable::Variables;
use serde_json::{Value, json};

/// The question.
pub(in crate::chirp) fn question(call: &Call, variables: &Variables) -> String {
    let variables: serde_json::Map<String, Value> =
        variables.iter().map(|(name, value)| (name.clone(), value.expose().clone().into())).collect();
    json!({ "call": CallView::new(call), "variables": variables }).to_string()
}

/// The steps of the answer. Labels and ways out may be those of the flow that asks.
pub(in crate::chirp) fn answer(body: &[u8], variables: &Variables) -> Result<Option<Flow>, String> {
    let parsed: Value =
        serde_json::from_slice(body).map_err(|error| format!("the answer is not valid JSON: {error}"))?;
    let mut fields = Fields::of_value("answer".to_owned(), parsed).map_err(|fault| fault.message)?;
    let flow = unchecked(&mut fields, "flow").map_err(|fault| fault.message)?;
    fields.finish().map_err(|fault| fault.message)?;
    let Some(flow) = flow else { return Ok(None) };
    let elsewhere = |kind: FlowFaultKind| matches!(kind, FlowFaultKind::UnknownLabel);
    let faults = check(&flow, variables.keys().map(String::as_str));
    match faults.iter().find(|fault| !elsewhere(fault.kind)) {
        Some(fault) => Err(format!("the answer's flow is refused: {}", fault.message)),
        None => Ok(Some(flow)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_answer(body: &str, expected: Result<Option<usize>, &str>) {
        let got = answer(body.as_bytes(), &Variables::new()).map(|flow| flow.map(|flow| flow.steps.len()));
        match (got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{body}"),
            (Err(got), Err(expected)) => assert!(got.contains(expected), "{got}"),
            (got, expected) => panic!("{got:?} where {expected:?} was expected"),
        }
    }

    #[test]
    fn answers_hold_steps_or_nothing() {
        check_answer(r#"{"flow": [{"command": "say", "text": "Hi"}, {"command": "hangup"}]}"#, Ok(Some(2)));
        check_answer(r#"{"flow": [{"command": "goto", "label": "menu"}]}"#, Ok(Some(1)));
        check_answer("{}", Ok(None));
        check_answer("[]", Err("must be an object"));
        check_answer("<html>", Err("not valid JSON"));
        check_answer(r#"{"flow": [{"command": "sing"}]}"#, Err("must be one of"));
        check_answer(r#"{"flow": [{"command": "hangup"}, {"command": "pause"}]}"#, Err("no way leads"));
    }
}
