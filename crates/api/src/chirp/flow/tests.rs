//! What this door takes as a flow.

use super::*;
use serde_json::json;

fn check(flow: &Value, expected: Result<&[&str], &str>) {
    let Value::Object(map) = json!({ "flow": flow }) else { panic!("an object") };
    let got = take(&mut Fields::of_body(map), "flow", &Variables::new());
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
    check(
        &json!([
            {"command": "ringing", "earlyMedia": true},
            {"command": "answer"},
            {"command": "label", "name": "menu"},
            {"command": "gather", "input": "both", "speechLocale": "en-GB"},
            {"command": "goto", "label": "menu",
             "conditions": [{"variable": "speech", "operator": "contains", "value": "again"}]},
            {"command": "set", "variable": "team", "value": "{{keys}}"},
            {"command": "dtmf", "digits": "{{team}}#"},
            {"command": "webhook", "url": "https://example.com/next", "timeoutMs": 3000, "onFailure": "menu"},
            {"command": "bridge", "to": "+4930123456", "ringTone": "de", "record": {"stereo": true},
             "flow": [{"command": "say", "text": "{{team}} calls"}]},
            {"command": "transfer", "to": "sip:a@example.com", "mode": "attended"},
            {"command": "conference", "name": "team", "beep": true, "leaveKey": "*"},
            {"command": "queue", "name": "support", "waitMsMax": 60000},
            {"command": "hangup", "cause": "busy"},
        ]),
        Ok(&[
            "ringing",
            "answer",
            "label",
            "gather",
            "goto",
            "set",
            "dtmf",
            "webhook",
            "bridge",
            "transfer",
            "conference",
            "queue",
            "hangup",
        ]),
    );
}

#[test]
fn complaints_point_at_the_fault() {
    check(&json!([]), Err("flow"));
    check(&json!({}), Err("flow"));
    check(&json!(vec![json!({"command": "pause"}); Flow::STEPS_MAX + 1]), Err("flow"));
    check(&json!([{"command": "sing"}]), Err("flow[0].command"));
    check(&json!([{"text": "x"}]), Err("flow[0].command"));
    check(&json!([{"command": "say"}]), Err("flow[0].text"));
    check(&json!([{"command": "say", "text": "  "}]), Err("flow[0].text"));
    check(&json!([{"command": "hangup"}, {"command": "say", "text": "x", "tekst": 1}]), Err("flow[1].tekst"));
    check(&json!([{"command": "gather", "prompt": {}}]), Err("flow[0].prompt"));
    check(&json!([{"command": "gather", "prompt": {"say": {"text": 3}}}]), Err("flow[0].prompt.say.text"));
    check(&json!([{"command": "gather", "endKey": "x"}]), Err("flow[0].endKey"));
    check(&json!([{"command": "gather", "timeoutMs": 999}]), Err("flow[0].timeoutMs"));
    check(&json!([{"command": "pause", "lengthMs": 0}]), Err("flow[0].lengthMs"));
    check(&json!([{"command": "dtmf", "digits": "x"}]), Err("flow[0].digits"));
    check(&json!([{"command": "label", "name": "a b"}]), Err("flow[0].name"));
    check(&json!([{"command": "webhook", "url": "ftp://x"}]), Err("flow[0].url"));
    check(&json!([{"command": "bridge", "to": "+49301234", "ringTone": "DE"}]), Err("flow[0].ringTone"));
    check(&json!([{"command": "bridge"}]), Err("flow[0].to"));
    let condition = json!({"variable": "9", "operator": "eq", "value": "1"});
    check(&json!([{"command": "hangup", "conditions": [condition]}]), Err("flow[0].conditions[0].variable"));
}

#[test]
fn what_can_never_run_is_refused_with_its_place() {
    let say = |text: &str| json!({"command": "say", "text": text});
    check(&json!([{"command": "hangup"}, say("x")]), Err("flow[1]"));
    check(&json!([say("{{name}}")]), Err("flow[0].text"));
    check(&json!([{"command": "goto", "label": "x"}]), Err("flow[0].label"));
    let inner = json!([{"command": "bridge", "to": "+49301234", "flow": [say("x"), say("{{name}}")]}]);
    check(&inner, Err("flow[0].flow[1].text"));
}

#[test]
fn variables_come_by_name() {
    let taken = |value: Value| {
        let Value::Object(map) = json!({ "variables": value }) else { panic!("an object") };
        variables(&mut Fields::of_body(map), "variables").map_err(|fault| fault.param.unwrap_or_default())
    };
    assert_eq!(taken(json!({"name": "Ada", "n_1": ""})).unwrap().len(), 2);
    assert_eq!(taken(json!({"1": "x"})), Err("variables.1".to_owned()));
    assert_eq!(taken(json!({"keys": "x"})), Err("variables.keys".to_owned()));
    assert_eq!(taken(json!({"a": 1})), Err("variables.a".to_owned()));
}
