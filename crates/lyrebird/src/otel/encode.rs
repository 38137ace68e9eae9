//! Spans as OTLP's JSON form (opentelemetry-proto, `ExportTraceServiceRequest`): ids in hex, times and 64-bit numbers as
//! texts.

use super::span::{Attributes, Event, Place, Span};
use serde_json::{Value, json};

/// OTLP's numbers for kinds of spans and for a failure.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const ERROR: u8 = 2;

/// One request's body.
pub(super) fn batch(spans: &[Span], service: &str) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let version = env!("CARGO_PKG_VERSION");
    let resource = [text("service.name", service), text("service.version", version)];
    let spans: Vec<_> = spans.iter().map(span).collect();
    json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{ "scope": { "name": "lyrebird", "version": version }, "spans": spans }],
        }],
    })
}

fn span(span: &Span) -> Value {
    let Span { place, parent, name, .. } = span;
    let events: Vec<_> = span.events.iter().map(event).collect();
    let links: Vec<_> = span.links.iter().map(link).collect();
    let status = if span.failed { json!({ "code": ERROR }) } else { json!({}) };
    json!({
        "traceId": trace(*place),
        "spanId": id(place.span),
        "parentSpanId": parent.map(id).unwrap_or_default(),
        "name": name,
        "kind": if *name == "request" { SERVER } else { INTERNAL },
        "startTimeUnixNano": span.begun_ns.to_string(),
        "endTimeUnixNano": span.ended_ns.to_string(),
        "attributes": attributes(&span.attributes),
        "events": events,
        "droppedEventsCount": span.events_dropped,
        "links": links,
        "status": status,
    })
}

fn event(event: &Event) -> Value {
    json!({
        "timeUnixNano": event.at_ns.to_string(),
        "name": event.name,
        "attributes": attributes(&event.attributes),
    })
}

fn link(place: &Place) -> Value {
    json!({ "traceId": trace(*place), "spanId": id(place.span) })
}

fn attributes(attributes: &Attributes) -> Vec<Value> {
    attributes.0.iter().map(|(name, value)| json!({ "key": name, "value": wrapped(value) })).collect()
}

fn wrapped(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => json!({ "boolValue": flag }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        other => json!({ "stringValue": other.to_string() }),
    }
}

fn trace(place: Place) -> String {
    format!("{:032x}", place.trace)
}

fn id(span: u64) -> String {
    format!("{span:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_as_collectors_read_it() {
        let parent = Place { trace: 0xab, span: 0xcd };
        let mut child = Span::begin("call", Some(parent));
        child.attributes.0.extend([
            ("n", json!(7)),
            ("f", json!(1.5)),
            ("b", json!(true)),
            ("t", json!("x")),
        ]);
        child.ended_ns = 5;
        let body = batch(&[child.clone()], "mine");
        let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "000000000000000000000000000000ab");
        assert_eq!(span["parentSpanId"], "00000000000000cd");
        assert_eq!(span["spanId"], format!("{:016x}", child.place.span));
        assert_eq!(span["endTimeUnixNano"], "5");
        let values: Vec<_> =
            span["attributes"].as_array().unwrap().iter().map(|a| a["value"].clone()).collect();
        let expected = [
            json!({"intValue": "7"}),
            json!({"doubleValue": 1.5}),
            json!({"boolValue": true}),
            json!({"stringValue": "x"}),
        ];
        assert_eq!(values, expected);
        assert_eq!(body["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"], "mine");
    }
}
