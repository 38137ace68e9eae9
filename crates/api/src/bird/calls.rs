//! `…/channels/{channelId}/calls`: a call is made, looked at, given another flow, ended (contract §2.2, §2.6).

use super::commands::{CallPath, end};
use super::error::BirdError;
use super::flow::{self, Place};
use super::options::{ADDRESS_CHARS_MAX, RING_TIMEOUTS_S, max_duration, notification, session_record};
use super::scope::{call_of, workspace_and_channel};
use super::view::CallView;
use super::{Door, amd, insights};
use crate::http::ask::{Ask, PathIds, answer, response};
use crate::http::fields::{Fields, invalid};
use crate::http::refusal::{Faults, Refusal};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::PlaceCall;
use model::Pii;
use model::call::Call;
use model::flow::{CallCommand, Flow};
use model::tenant::Principal;
use model::voice_channel::VoiceChannel;
use ports::store::PageRequest;

/// Most keys of `sendKeys`.
const SEND_KEYS_MAX: usize = 20;
/// Longest tag, in characters.
const TAG_CHARS_MAX: usize = 50;
/// How far the app's numbers are looked through for one to call from.
const FIRST_NUMBER: PageRequest = PageRequest { limit: 1, offset: 0 };

/// `POST …/calls`.
pub(crate) async fn create(
    State(door): State<Door>,
    PathIds((workspace, channel)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, BirdError> {
    let channel = workspace_and_channel(&door, ask.who(), &workspace, &channel).await?;
    let usual = usual_number(&door, ask.who(), &channel).await?;
    let order = PlaceCall {
        voice_channel: Some(channel.id),
        request_id: Some(ask.caller.request_id.clone()),
        ..order(ask.fields()?, usual)?
    };
    let render = |call: &Call, flow: Option<&Flow>| {
        response(StatusCode::ACCEPTED, &CallView::with_new_flow(call, flow))
    };
    Ok(answer(door.engine.place(ask.who(), order, ask.idempotency()?, &render).await?))
}

/// The number that the channel calls from where a call says none: its own, else the app's first.
async fn usual_number(
    door: &Door,
    who: Principal,
    channel: &VoiceChannel,
) -> Result<Option<String>, Refusal> {
    if let Some(number) = &channel.number {
        return Ok(Some(number.as_str().to_owned()));
    }
    let numbers = door.engine.numbers(who, FIRST_NUMBER).await?;
    Ok(numbers.items.into_iter().next().map(|number| number.number.into()))
}

/// What the body asks for; all of its faults, if it has any.
fn order(mut fields: Fields, usual_from: Option<String>) -> Result<PlaceCall, Refusal> {
    let mut faults = Faults::default();
    let from = faults.keep(fields.text("from", 1..=ADDRESS_CHARS_MAX)).or(usual_from);
    let from = faults.need("from", Ok(from)).unwrap_or_default();
    let to = fields.text("to", 1..=ADDRESS_CHARS_MAX);
    let to = faults.need("to", to).unwrap_or_default();
    let ring_s = faults.keep(fields.integer("ringTimeout", RING_TIMEOUTS_S));
    let own_url = notification(&mut fields, &mut faults);
    let record = session_record(&mut fields, "stereo", &mut faults);
    let order = PlaceCall {
        ring_timeout_ms: ring_s.map(|seconds| seconds * 1_000),
        max_duration_ms: max_duration(&mut fields, &mut faults),
        first_digits: send_keys(&mut fields, &mut faults),
        record,
        flow: flow::take(&mut fields, Place::Create, &mut faults),
        flow_at_ringing: faults.keep(fields.choice("flowStart", FLOW_STARTS)).unwrap_or(false),
        scheduled_for: faults.keep(fields.time("scheduledFor")),
        notification: own_url,
        amd: amd::take(&mut fields, &mut faults),
        tags: tags(&mut fields, &mut faults),
        ..PlaceCall::new(from, to)
    };
    faults.extend(fields.unknown());
    faults.check()?;
    Ok(order)
}

/// Whether the flow runs while it still rings.
const FLOW_STARTS: &[(&str, bool)] = &[("from-answer", false), ("from-ringing", true)];

fn send_keys(fields: &mut Fields, faults: &mut Faults) -> Option<Pii<String>> {
    let keys = faults.keep(fields.text("sendKeys", 1..=SEND_KEYS_MAX))?;
    if keys.bytes().all(|key| key.is_ascii_digit() || matches!(key, b'*' | b'#')) {
        return Some(Pii::new(keys));
    }
    faults.push(invalid("sendKeys", "may hold only 0-9, * and #"));
    None
}

/// In lower case, each once.
fn tags(fields: &mut Fields, faults: &mut Faults) -> Vec<String> {
    let given = faults.keep(fields.texts("tags", 0..=Call::TAGS_MAX, 1..=TAG_CHARS_MAX)).unwrap_or_default();
    let mut tags: Vec<String> = given.iter().map(|tag| tag.to_lowercase()).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// `GET …/calls/{callId}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathIds((workspace, channel, call)): CallPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace_and_channel(&door, ask.who(), &workspace, &channel).await?;
    let call = call_of(&door, ask.who(), &channel, &call).await?;
    let flows = door.engine.flows_of(std::slice::from_ref(&call)).await?;
    let shown = CallView::with_flow(&call, flows.get(&call.id));
    if !call.status.is_final() {
        return Ok(Json(shown).into_response());
    }
    let found = insights::of(&door, ask.who(), &call).await?;
    Ok(Json(shown.and_insights(&call, &found)).into_response())
}

/// `PATCH …/calls/{callId}`: `status: completed` ends the call, a flow takes the place of the one that runs.
pub(crate) async fn update(
    State(door): State<Door>,
    PathIds((workspace, channel, call)): CallPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace_and_channel(&door, ask.who(), &workspace, &channel).await?;
    let call = call_of(&door, ask.who(), &channel, &call).await?;
    let mut fields = ask.fields()?;
    let mut faults = Faults::default();
    let ends = faults.keep(fields.choice("status", &[("completed", true)])).unwrap_or(false);
    let flow = flow::take(&mut fields, Place::Update, &mut faults);
    faults.extend(fields.unknown());
    faults.check()?;
    let flows = door.engine.flows_of(std::slice::from_ref(&call)).await?;
    let command = match flow {
        _ if ends => end(),
        Some(flow) => CallCommand::ReplaceFlow(flow),
        None => {
            let shown = CallView::with_flow(&call, flows.get(&call.id));
            return Ok((StatusCode::ACCEPTED, Json(shown)).into_response());
        }
    };
    let known = flows.get(&call.id).cloned();
    let (id, request_id) = (call.id, Some(ask.caller.request_id.clone()));
    let render = move |_, command: &CallCommand| {
        let shown = match command {
            CallCommand::ReplaceFlow(flow) => CallView::with_new_flow(&call, Some(flow)),
            _ => CallView::with_flow(&call, known.as_ref()),
        };
        response(StatusCode::ACCEPTED, &shown)
    };
    Ok(answer(door.engine.command(ask.who(), id, command, request_id, ask.idempotency()?, &render).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<PlaceCall, Vec<String>> {
        let Value::Object(map) = body else { panic!("an object") };
        order(Fields::of_body(map), Some("+15005559999".into()))
            .map_err(|refusal| refusal.all().filter_map(|fault| fault.param.clone()).collect())
    }

    #[test]
    fn every_field_is_taken() {
        let order = read(json!({
            "from": "+3197058016631", "to": "+351000000000", "ringTimeout": 20, "maxDuration": 999_999_999,
            "sendKeys": "12#", "record": true, "recordStart": "record-from-ringing", "stereo": true,
            "flowStart": "from-answer", "callFlow": [{"command": "hangup"}],
            "scheduledFor": "2030-05-08T22:44:32.995Z", "notification": {"url": "https://example.com/x"},
            "amdSettings": {"enabled": true, "wordCount": 7, "ifMachineNotifyAfter": "beep"},
            "tags": ["VIP", "vip", "Sales"]
        }));
        let order = order.unwrap_or_else(|paths| panic!("{paths:?}"));
        assert_eq!((order.ring_timeout_ms, order.max_duration_ms), (Some(20_000), Some(86_400_000)));
        assert_eq!(order.tags, ["sales", "vip"]);
        assert_eq!(order.amd.map(|amd| amd.word_count), Some(7));
        assert!(
            order.first_digits.is_some() && order.scheduled_for.is_some() && order.notification.is_some()
        );
        assert!(order.flow.is_some());
    }

    #[test]
    fn defaults_and_faults() {
        let order = read(json!({ "to": "+351000000000" })).unwrap_or_else(|paths| panic!("{paths:?}"));
        assert_eq!(order.from, "+15005559999");
        let faults = read(json!({
            "ringTimeout": 2, "maxDuration": 0, "sendKeys": "12a", "flowStart": "now", "scheduledFor": "soon",
            "notification": {"uri": "x"}, "amdSettings": {"wordCount": 99}, "tags": [""], "colour": "red"
        }));
        let expected = [
            "to",
            "ringTimeout",
            "notification.uri",
            "maxDuration",
            "sendKeys",
            "flowStart",
            "scheduledFor",
            "amdSettings.wordCount",
            "tags[0]",
            "colour",
        ];
        assert_eq!(faults.err().unwrap_or_default(), expected);
    }
}
