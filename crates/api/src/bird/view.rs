//! A call as this door shows it (contract §2.5): unset fields are left out, but `duration` and `notification` stay.

use super::commands::{CommandView, flow_id};
use super::insights::{QualityView, SipView};
use super::party::{PartyView, parties};
use super::time::time;
use model::Timestamp;
use model::amd::{AmdOutcome, AmdResult};
use model::call::{Call, CallEnd, CallStatus, Direction, EndReason, EndSource, Reach};
use model::flow::Flow;
use ports::store::{CallFlow, CommandState, StatusIs};
use serde::Serialize;
use story::Insights;
use uuid::Uuid;

/// The Q.850 cause of a call that was hung up in the usual way, where nobody named one.
const NORMAL_Q850: u8 = 16;

/// §2.5's call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallView<'a> {
    id: Uuid,
    channel_id: Uuid,
    originator: PartyView<'a>,
    receiver: PartyView<'a>,
    from: &'a str,
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<Uuid>,
    direction: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    r#type: &'static str,
    duration: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hangup_cause_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hangup_source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hangup_sip_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_flow: Option<FlowView>,
    notification: NotificationView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amd_result: Option<AmdView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_insights: Option<QualityView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sip_insights: Option<SipView>,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ringing_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_for: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
}

#[derive(Serialize)]
struct NotificationView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct AmdView<'a> {
    result: &'static str,
    locale: &'a str,
}

/// `callFlow` of an answer.
#[derive(Serialize)]
struct FlowView {
    id: Uuid,
    commands: Vec<CommandView>,
}

impl<'a> CallView<'a> {
    /// Without its flow, as in webhooks.
    pub(crate) fn new(call: &'a Call) -> Self {
        let (originator, receiver) = parties(call);
        let end = call.end.as_ref();
        let at = |at: Option<Timestamp>| at.map(time);
        Self {
            id: call.id.uuid(),
            channel_id: call.channel().uuid(),
            originator,
            receiver,
            from: call.from.expose(),
            to: call.to.expose(),
            parent_id: call.parent.map(model::CallId::uuid),
            direction: word(DIRECTIONS, &call.direction),
            status: status(call),
            reason: end.map(reason),
            r#type: word(TYPES, &call.reach()),
            duration: call.duration_s().unwrap_or(0),
            hangup_cause_code: end.and_then(cause_code),
            hangup_source: end.map(|end| source(end.source)),
            hangup_sip_code: end.and_then(|end| end.cause.code).map(|code| code.to_string()),
            call_flow: None,
            notification: NotificationView { url: call.notification.as_ref().map(|own| own.url.as_str()) },
            amd_result: call.amd.as_ref().map(amd),
            quality_insights: None,
            sip_insights: None,
            created_at: time(call.created_at),
            updated_at: time(updated_at(call)),
            ringing_at: at(call.ringing_at),
            answered_at: at(call.answered_at),
            ended_at: at(call.ended_at),
            scheduled_for: at(call.scheduled_for),
            tags: &call.tags,
        }
    }

    /// With what was measured of it.
    pub(crate) fn and_insights(self, call: &Call, found: &Insights) -> Self {
        Self {
            quality_insights: QualityView::new(found),
            sip_insights: Some(SipView::new(call, found)),
            ..self
        }
    }

    /// With a flow of which nothing has begun.
    pub(crate) fn with_new_flow(call: &'a Call, flow: Option<&Flow>) -> Self {
        let flow = flow.map(|flow| CallFlow { call: call.id, flow: flow.clone(), states: Vec::new() });
        Self::with_flow(call, flow.as_ref())
    }

    /// With its flow, and how far that has come.
    pub(crate) fn with_flow(call: &'a Call, flow: Option<&CallFlow>) -> Self {
        Self { call_flow: flow.and_then(|flow| flow_view(call, flow)), ..Self::new(call) }
    }
}

fn flow_view(call: &Call, flow: &CallFlow) -> Option<FlowView> {
    let id = flow_id(&flow.flow)?;
    let state = |command| {
        let last = flow.states.iter().rev().find(|(known, _)| *known == command);
        match last.map(|(_, state)| state) {
            // What had not begun when the call ended never will.
            None if call.status.is_final() => "cancelled",
            None => "accepted",
            Some(CommandState::Running) => "ongoing",
            Some(CommandState::Over(outcome)) => super::commands::outcome(outcome),
        }
    };
    let commands = flow.flow.steps.iter();
    let commands = commands.map(|step| CommandView::of_step(call.id, id, step, state(step.id))).collect();
    Some(FlowView { id, commands })
}

/// The last time that the row changed, as far as its times say.
fn updated_at(call: &Call) -> Timestamp {
    let times = [call.started_at, call.ringing_at, call.answered_at, call.ended_at];
    times.into_iter().flatten().fold(call.created_at, Timestamp::max)
}

/// The door's words for a direction, and back.
pub(crate) const DIRECTIONS: &[(&str, Direction)] =
    &[("incoming", Direction::Inbound), ("outgoing", Direction::Outbound)];

/// The door's words for how the far side is reached.
pub(crate) const TYPES: &[(&str, Reach)] =
    &[("pstn", Reach::Pstn), ("sip", Reach::Sip), ("webrtc", Reach::Webrtc), ("pstn", Reach::Whatsapp)];

const fn is(status: CallStatus) -> StatusIs {
    StatusIs { status, started: None }
}

/// The door's words for a status. A call that is answered by a mailbox goes on like any other.
pub(crate) const STATUSES: &[(&str, &[StatusIs])] = &[
    ("accepted", &[StatusIs { status: CallStatus::Initiated, started: Some(false) }]),
    ("starting", &[StatusIs { status: CallStatus::Initiated, started: Some(true) }]),
    ("ringing", &[is(CallStatus::Ringing)]),
    ("ongoing", &[is(CallStatus::InProgress), is(CallStatus::Voicemail)]),
    ("completed", &[is(CallStatus::Completed)]),
    ("no-answer", &[is(CallStatus::NoAnswer)]),
    ("busy", &[is(CallStatus::Busy)]),
    ("failed", &[is(CallStatus::Failed)]),
    ("cancelled", &[is(CallStatus::Canceled)]),
    ("scheduled", &[is(CallStatus::Scheduled)]),
];

/// The door's word for where a call stands.
pub(crate) fn status(call: &Call) -> &'static str {
    let fits = |wanted: &StatusIs| {
        wanted.status == call.status
            && wanted.started.is_none_or(|started| started == call.started_at.is_some())
    };
    let found = STATUSES.iter().find(|(_, wanted)| wanted.iter().any(fits));
    found.map_or("", |(word, _)| word)
}

/// The door's word of a table for `value`. Every table has every value.
fn word<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, meaning)| meaning == value).map_or("", |(word, _)| word)
}

fn reason(end: &CallEnd) -> &str {
    if !end.cause.phrase.is_empty() {
        return &end.cause.phrase;
    }
    match end.reason {
        EndReason::Hangup => "hangup",
        EndReason::Rejected => "rejected",
        EndReason::Busy => "busy",
        EndReason::NoAnswer => "no-answer",
        EndReason::Canceled => "cancelled",
        EndReason::Failed => "failed",
        EndReason::MaxDuration => "max-duration",
        EndReason::MediaTimeout => "media-timeout",
        EndReason::Voicemail => "voicemail",
        EndReason::MachineHangup => "machine-hangup",
        EndReason::NodeLost => "node-lost",
        EndReason::ServerShutdown => "server-shutdown",
    }
}

fn cause_code(end: &CallEnd) -> Option<u8> {
    let normal = end.reason == EndReason::Hangup && end.cause.code.is_none();
    end.cause.q850.or(normal.then_some(NORMAL_Q850))
}

const fn source(source: EndSource) -> &'static str {
    match source {
        EndSource::Caller => "caller",
        EndSource::Callee => "callee",
        EndSource::Api | EndSource::Flow => "api",
        EndSource::Timeout => "timeout",
        EndSource::MediaTimeout => "media-timeout",
        EndSource::System => "none",
    }
}

/// `amdResult`.
pub(super) fn amd(outcome: &AmdOutcome) -> AmdView<'_> {
    let result = match outcome.finding.result {
        AmdResult::Human => "human",
        AmdResult::Machine => "machine",
        AmdResult::Screening => "screening",
        AmdResult::Fax => "fax",
        AmdResult::Unknown => "unknown",
    };
    AmdView { result, locale: &outcome.locale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::call::Mode;
    use model::flow::{FlowCommand, Playback, Step};
    use model::{AppId, CallId, CommandId, IdSource, Pii};
    use serde_json::{Value, json};

    fn call() -> Call {
        let at = Timestamp::from_millis(1_709_207_047_740);
        let mut ids = IdSource::new(1);
        let (id, app) = (CallId::generate(&mut ids, at), AppId::generate(&mut ids, at));
        let (from, to) = ("+3197058016631", "+351910648517");
        Call::new(
            id,
            app,
            Mode::Test,
            Direction::Outbound,
            Pii::new(String::from(from)),
            Pii::new(String::from(to)),
            at,
        )
    }

    fn flow() -> Flow {
        let playback = Playback { media: vec!["https://x/code1.wav".into()], times: 1, gap_ms: 100 };
        let mut ids = IdSource::new(2);
        let commands = [FlowCommand::Playback(playback), FlowCommand::hangup()];
        let step = |command| {
            let id = CommandId::generate(&mut ids, Timestamp::default());
            Step { id, command, conditions: Vec::new() }
        };
        Flow { steps: commands.map(step).into() }
    }

    /// The ids of an answer stand where the samples have theirs.
    fn with_sample_ids(mut shown: Value) -> Value {
        let ids = [
            ("/id", "1e5e9219-2da2-4aa2-bf0f-8cc34775e6c0"),
            ("/channelId", "1499d657-31af-4ba0-b731-7eab3fb764be"),
            ("/receiver/contact/id", "1fddcbcd-3ece-42da-82e1-ef48a8536b92"),
            ("/callFlow/id", "004a540b-897b-494c-a176-d7aec51d0257"),
            ("/callFlow/commands/0/id", "a28a931e-191c-4f2e-afcb-fa940f8e3a8a"),
            ("/callFlow/commands/0/callId", "1e5e9219-2da2-4aa2-bf0f-8cc34775e6c0"),
            ("/callFlow/commands/0/callFlowId", "004a540b-897b-494c-a176-d7aec51d0257"),
            ("/callFlow/commands/1/id", "d6022794-1c8e-44ab-8a9b-4e2deb2bf3e7"),
            ("/callFlow/commands/1/callId", "1e5e9219-2da2-4aa2-bf0f-8cc34775e6c0"),
            ("/callFlow/commands/1/callFlowId", "004a540b-897b-494c-a176-d7aec51d0257"),
        ];
        for (pointer, id) in ids {
            let place = shown.pointer_mut(pointer).unwrap();
            assert!(Uuid::try_parse(place.as_str().unwrap()).is_ok(), "{pointer}");
            *place = id.into();
        }
        shown
    }

    #[test]
    fn an_accepted_call_is_the_sample_of_the_contract_field_by_field() {
        let (call, flow) = (call(), flow());
        let shown = serde_json::to_value(CallView::with_new_flow(&call, Some(&flow))).unwrap();
        let sample = r#"{"id":"1e5e9219-2da2-4aa2-bf0f-8cc34775e6c0","channelId":"1499d657-31af-4ba0-b731-7eab3fb764be",
            "originator":{"number":{"type":"pstn","number":"+3197058016631","countryIsoCode":"NL"}},
            "receiver":{"contact":{"id":"1fddcbcd-3ece-42da-82e1-ef48a8536b92","identifierKey":"phonenumber",
            "identifierValue":"+351910648517"},"number":{"type":"pstn","number":"+351910648517","countryIsoCode":"PT"}},
            "from":"+3197058016631","to":"+351910648517","direction":"outgoing","status":"accepted","type":"pstn",
            "duration":0,"callFlow":{"id":"004a540b-897b-494c-a176-d7aec51d0257","commands":[
            {"id":"a28a931e-191c-4f2e-afcb-fa940f8e3a8a","callId":"1e5e9219-2da2-4aa2-bf0f-8cc34775e6c0",
            "command":"playback","status":"accepted","callFlowId":"004a540b-897b-494c-a176-d7aec51d0257"},
            {"id":"d6022794-1c8e-44ab-8a9b-4e2deb2bf3e7","callId":"1e5e9219-2da2-4aa2-bf0f-8cc34775e6c0",
            "command":"hangup","status":"accepted","callFlowId":"004a540b-897b-494c-a176-d7aec51d0257"}]},
            "notification":{},"createdAt":"2024-02-29T11:44:07.74Z","updatedAt":"2024-02-29T11:44:07.74Z"}"#;
        assert_eq!(with_sample_ids(shown), serde_json::from_str::<Value>(sample).unwrap());
    }

    #[test]
    fn commands_say_how_far_they_have_come() {
        let (mut call, flow) = (call(), flow());
        let first = flow.steps[0].id;
        let shown = |call: &Call, states| {
            let flow = CallFlow { call: call.id, flow: flow.clone(), states };
            let shown = serde_json::to_value(CallView::with_flow(call, Some(&flow))).unwrap();
            [0, 1].map(|at| shown["callFlow"]["commands"][at]["status"].clone())
        };
        assert_eq!(shown(&call, vec![(first, CommandState::Running)]), [json!("ongoing"), json!("accepted")]);
        let over = CommandState::Over(model::event::CommandOutcome::Completed);
        call.status = CallStatus::Completed;
        let states = vec![(first, CommandState::Running), (first, over)];
        assert_eq!(shown(&call, states), [json!("completed"), json!("cancelled")]);
    }

    #[test]
    fn every_status_has_its_word() {
        use CallStatus::{
            Busy, Canceled, Completed, Failed, InProgress, Initiated, NoAnswer, Ringing, Scheduled, Voicemail,
        };
        let all = [
            Scheduled, Initiated, Ringing, InProgress, Voicemail, Completed, Failed, Busy, NoAnswer, Canceled,
        ];
        let mut call = call();
        for status_of_call in all {
            for started_at in [None, Some(call.created_at)] {
                (call.status, call.started_at) = (status_of_call, started_at);
                assert!(!status(&call).is_empty(), "{status_of_call:?}");
            }
        }
    }
}
