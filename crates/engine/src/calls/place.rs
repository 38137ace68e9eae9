//! Placing a call: everything is checked, then call, event 1, outbox entry and idempotency record are written in
//! one transaction, then the call's actor starts. Nothing rings before that is durable.

use super::idempotency::{IdempotencyHeader, Placed};
use crate::actor::{self, Beginning, Launch, Road};
use crate::core::Core;
use crate::engine::Engine;
use crate::fault::{of_store, saying};
use crate::figures;
use crate::phones::phone_name;
use crate::resources::{app, check_destination, invalid_number};
use metrics::counter;
use model::amd::AmdSettings;
use model::call::{Call, CallSetup, CallStatus, Channel, Direction, FirstDigits, Mode};
use model::event::{Event, EventBody};
use model::fault::{Fault, FaultCode};
use model::flow::Flow;
use model::flow::variable::Variables;
use model::recording::SessionRecord;
use model::tenant::Principal;
use model::timeline::TimelineKind;
use model::trunk::Trunk;
use model::webhook::Notification;
use model::{AppId, CallId, CommandId, E164, Pii, Timestamp, VoiceChannelId};
use ports::Route;
use ports::store::{Created, Idempotency, NewCall, StoredResponse};
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// Most bytes of metadata, as JSON.
const METADATA_BYTES_MAX: usize = 16 * 1024;

/// How far ahead a call can be scheduled.
const SCHEDULED_AHEAD_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

/// A call to be placed.
#[derive(Clone)]
pub struct PlaceCall {
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// How the calling leg travels.
    pub from_channel: Channel,
    /// How the called leg travels.
    pub to_channel: Channel,
    /// Echoed; at most 16 KiB as JSON.
    pub metadata: Map<String, Value>,
    /// What to do once it is answered.
    pub flow: Option<Flow>,
    /// The recording of the whole call, if it is to have one.
    pub record: Option<SessionRecord>,
    /// Variables that the flow begins with.
    pub variables: Variables,
    /// How long the callee may ring, of [`CallSetup::RING_TIMEOUTS_MS`]; [`CallSetup::RING_TIMEOUT_MS`] if none.
    pub ring_timeout_ms: Option<u32>,
    /// How long the call may last, of [`CallSetup::MAX_DURATIONS_MS`]; [`CallSetup::MAX_DURATION_MS`] if none.
    pub max_duration_ms: Option<u32>,
    /// Whether and how a machine is listened for once it is answered.
    pub amd: Option<AmdSettings>,
    /// Where the call's events go instead of to the app's endpoints of that door.
    pub notification: Option<Notification>,
    /// The app's channel it belongs to; the default one if none.
    pub voice_channel: Option<VoiceChannelId>,
    /// The app's words for it, at most [`Call::TAGS_MAX`], in lower case.
    pub tags: Vec<String>,
    /// When it is to be started; at once if none.
    pub scheduled_for: Option<Timestamp>,
    /// The flow runs as soon as the callee's phone rings; else when it is answered.
    pub flow_at_ringing: bool,
    /// Keys to send as soon as it is answered.
    pub first_digits: Option<Pii<String>>,
    /// The id of the request, for logs and the timeline.
    pub request_id: Option<String>,
}

impl PlaceCall {
    /// A call over the telephone network, everything else as where nothing is said.
    pub fn new(from: String, to: String) -> Self {
        Self {
            from,
            to,
            from_channel: Channel::Pstn,
            to_channel: Channel::Pstn,
            metadata: Map::new(),
            flow: None,
            variables: Variables::new(),
            ring_timeout_ms: None,
            max_duration_ms: None,
            record: None,
            amd: None,
            notification: None,
            voice_channel: None,
            tags: Vec::new(),
            scheduled_for: None,
            flow_at_ringing: false,
            first_digits: None,
            request_id: None,
        }
    }
}

/// Makes the answer from the call as it was accepted, and its flow.
pub type RenderPlaced<'r> = dyn Fn(&Call, Option<&Flow>) -> StoredResponse + Send + Sync + 'r;

impl Engine {
    /// Places a call. `render` makes the answer from the call as it was accepted; the same bytes answer every
    /// repetition with the same idempotency key.
    pub async fn place(
        &self,
        who: Principal,
        order: PlaceCall,
        idempotency: Option<IdempotencyHeader>,
        render: &RenderPlaced<'_>,
    ) -> Result<Placed, Fault> {
        let placed = self.place_checked(who, order, idempotency, render).await;
        match &placed {
            Ok(Placed::Replayed(_)) => counter!("lyrebird_idempotent_replays_total").increment(1),
            Ok(Placed::New(_)) => {}
            Err(fault) => figures::refused(fault.code),
        }
        placed
    }

    async fn place_checked(
        &self,
        who: Principal,
        order: PlaceCall,
        idempotency: Option<IdempotencyHeader>,
        render: &RenderPlaced<'_>,
    ) -> Result<Placed, Fault> {
        let core = &self.core;
        let (app, mode) = app(who)?;
        let idempotency = idempotency.map(|header| header.of(who, core));
        if let Some(first) = core.given_before(idempotency.as_ref()).await? {
            return Ok(Placed::Replayed(first));
        }
        core.takes_calls()?;
        if let Some(channel) = order.voice_channel {
            let unknown =
                |_| Fault::field(FaultCode::InvalidField, "channelId", "is no channel of this key's");
            self.voice_channel(who, channel).await.map_err(unknown)?;
        }
        let way = check(core, app, mode, &order).await?;
        let limit = core.concurrent_calls_max(app).await?;
        let now = core.now();
        check_time(order.scheduled_for, now)?;
        let call = row(core, &order, app, mode, &way, now);
        let setup = setup(core, call.id, &order, now);
        let road = core.road(mode, way.route, &call)?;
        let response = render(&call, setup.flow.as_ref());
        let fresh = Fresh {
            call,
            setup,
            road,
            beginning: Beginning::Dial,
            idempotency: idempotency.map(|key| (key, response.clone())),
            concurrent_calls_max: limit,
        };
        // A client that goes away in the middle must not leave a written call without its actor.
        let span = tracing::info_span!("place", call = %fresh.call.id, request = order.request_id.as_deref());
        let launched = tokio::spawn(fresh.launch(core.clone()).instrument(span)).await;
        match launched.map_err(|_| Fault::new(FaultCode::StoreUnavailable))?? {
            Created::New { .. } => Ok(Placed::New(response)),
            Created::Replayed(first) => Ok(Placed::Replayed(first)),
            Created::Mismatch => Err(Fault::new(FaultCode::IdempotencyConflict)),
            Created::ConcurrencyLimit => Err(Fault::new(FaultCode::ConcurrencyLimitExceeded)),
        }
    }
}

/// A call that is to be written and started, placed or arrived.
pub(super) struct Fresh {
    pub(super) call: Call,
    pub(super) setup: CallSetup,
    pub(super) road: Road,
    pub(super) beginning: Beginning,
    pub(super) idempotency: Option<(Idempotency, StoredResponse)>,
    pub(super) concurrent_calls_max: u32,
}

impl Fresh {
    /// Writes the call and starts its actor.
    pub(super) async fn launch(self, core: Arc<Core>) -> Result<Created, Fault> {
        let Self { call, setup, road, beginning, idempotency, concurrent_calls_max } = self;
        let new = NewCall {
            call: call.clone(),
            setup: setup.clone(),
            event: first_event(&call),
            idempotency,
            lease: (core.node, core.now() + core.config.lease),
            concurrent_calls_max,
            due: call.scheduled_for,
        };
        let created = core.store.create_call(new).await.map_err(of_store)?;
        if let Created::New { fence } = created {
            core.events_written(call.id);
            note_accepted(&core, &call);
            if call.scheduled_for.is_some() {
                core.due_wake.notify_one();
                return Ok(created);
            }
            figures::accepted(&call);
            actor::launch(&core, Launch { call, setup, fence, last_sequence: 1, road, beginning });
        }
        Ok(created)
    }
}

impl Core {
    /// Refuses new calls while the server stops or is full.
    pub(super) fn takes_calls(&self) -> Result<(), Fault> {
        if self.is_draining() {
            return Err(Fault { retry_after_s: Some(5), ..Fault::new(FaultCode::Draining) });
        }
        if self.config.calls_max.is_reached(self.running.len()) {
            let limit = FaultCode::ConcurrencyLimitExceeded;
            return Err(Fault {
                retry_after_s: Some(5),
                ..saying(limit, "The server has as many calls at once as it may.")
            });
        }
        Ok(())
    }

    pub(super) async fn concurrent_calls_max(&self, app: AppId) -> Result<u32, Fault> {
        let app = self.store.app(app).await.map_err(of_store)?;
        app.map(|app| app.concurrent_calls_max).ok_or_else(|| Fault::new(FaultCode::InvalidKey))
    }

    /// How a call reaches the outside. A test call's road has no trunk and no live carrier in it.
    pub(crate) fn road(&self, mode: Mode, route: Option<Route>, call: &Call) -> Result<Road, Fault> {
        match mode {
            Mode::Test => Ok(self.sandbox_road(call)),
            Mode::Live => {
                let live = self.trunks.live().ok_or_else(|| Fault::new(FaultCode::NoTrunk))?;
                Ok(Road::Live { carrier: live.clone(), route })
            }
        }
    }
}

/// Both addresses as they will stand in the row, and where a live call goes.
pub(super) struct Way {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) route: Option<Route>,
}

pub(super) async fn check(core: &Core, app: AppId, mode: Mode, order: &PlaceCall) -> Result<Way, Fault> {
    for (channel, param) in [(order.from_channel, "fromChannel"), (order.to_channel, "toChannel")] {
        if channel != Channel::Pstn {
            let code = FaultCode::ChannelNotConfigured;
            return Err(Fault::field(code, param, format!("{} {}", code.cause(), code.remedy())));
        }
    }
    if let Some(own) = &order.notification {
        check_destination(core, "notification.url", &own.url)?;
    }
    let number = |text: &str, param: &str| {
        text.parse::<E164>().map_err(|error| invalid_number(param, &error.to_string()))
    };
    let from = number(&order.from, "from")?;
    if mode == Mode::Live
        && let Some(name) = phone_name(&order.to)
    {
        check_limits(order)?;
        // A phone of the app's own shows whatever number it is called from: nobody pays for that.
        let phone = core.phones.named(name).filter(|phone| phone.app == app).ok_or_else(no_such_phone)?;
        return Ok(Way { from: from.into(), to: order.to.clone(), route: Some(Route::Phone(phone)) });
    }
    let to = number(&order.to, "to")?;
    check_limits(order)?;
    let route = match mode {
        Mode::Test => {
            core.persona_settings(to.as_str(), &order.metadata)?;
            None
        }
        Mode::Live => Some(Route::Trunk(trunk_of(core, app, &from).await?)),
    };
    Ok(Way { from: from.into(), to: to.into(), route })
}

fn no_such_phone() -> Fault {
    let message = "names no endpoint of this app; `sip:` and a user name reach phones that register here \
                   (GET /v1/endpoints), anybody else has a number with + and country code";
    Fault::field(FaultCode::InvalidField, "to", message)
}

fn check_limits(order: &PlaceCall) -> Result<(), Fault> {
    let metadata_bytes = serde_json::to_string(&order.metadata).map_or(usize::MAX, |text| text.len());
    if metadata_bytes > METADATA_BYTES_MAX {
        let message =
            format!("must have at most {METADATA_BYTES_MAX} bytes as JSON; this has {metadata_bytes}");
        return Err(Fault::field(FaultCode::InvalidField, "metadata", message));
    }
    if order.flow.as_ref().is_some_and(|flow| flow.steps.len() > Flow::STEPS_MAX) {
        let message = format!("may have at most {} steps", Flow::STEPS_MAX);
        return Err(Fault::field(FaultCode::InvalidField, "flow", message));
    }
    if order.tags.len() > Call::TAGS_MAX {
        let message = format!("may hold at most {} tags", Call::TAGS_MAX);
        return Err(Fault::field(FaultCode::InvalidField, "tags", message));
    }
    within("ringTimeoutMs", order.ring_timeout_ms, CallSetup::RING_TIMEOUTS_MS)?;
    within("maxDurationMs", order.max_duration_ms, CallSetup::MAX_DURATIONS_MS)
}

fn check_time(scheduled_for: Option<Timestamp>, now: Timestamp) -> Result<(), Fault> {
    let good = |at: &Timestamp| *at > now && at.since(now) <= SCHEDULED_AHEAD_MAX;
    if scheduled_for.as_ref().is_none_or(good) {
        return Ok(());
    }
    Err(Fault::field(FaultCode::InvalidField, "scheduledFor", "must be a time to come, at most a year ahead"))
}

fn within(param: &str, value: Option<u32>, range: RangeInclusive<u32>) -> Result<(), Fault> {
    if value.is_none_or(|value| range.contains(&value)) {
        return Ok(());
    }
    let message = format!("must be {} to {}", range.start(), range.end());
    Err(Fault::field(FaultCode::InvalidField, param, message))
}

/// The trunk on which the app's own number lives.
async fn trunk_of(core: &Core, app: AppId, from: &E164) -> Result<Arc<Trunk>, Fault> {
    let code = FaultCode::PhoneNumberNotAssigned;
    let unassigned = || Fault::field(code, "from", format!("{} {}", code.cause(), code.remedy()));
    let number = core.store.number(from).await.map_err(of_store)?;
    let number = number.filter(|number| number.app == app).ok_or_else(unassigned)?;
    if let Some(trunk) = core.trunks.get(number.trunk) {
        return Ok(trunk);
    }
    core.trunks.refresh(core.store.as_ref()).await.map_err(of_store)?;
    core.trunks.get(number.trunk).ok_or_else(|| Fault::new(FaultCode::NoTrunk))
}

pub(super) fn row(core: &Core, order: &PlaceCall, app: AppId, mode: Mode, way: &Way, now: Timestamp) -> Call {
    let trunk = match &way.route {
        Some(Route::Trunk(trunk)) => Some(trunk.id),
        Some(Route::Phone(_) | Route::Sandbox(_)) | None => None,
    };
    let id = core.with_ids(|ids| CallId::generate(ids, now));
    let (from, to) = (Pii::new(way.from.clone()), Pii::new(way.to.clone()));
    Call {
        from_channel: order.from_channel,
        to_channel: order.to_channel,
        trunk,
        status: if order.scheduled_for.is_some() { CallStatus::Scheduled } else { CallStatus::Initiated },
        voice_channel: Some(order.voice_channel.unwrap_or_else(|| VoiceChannelId::default_of(app, mode))),
        scheduled_for: order.scheduled_for,
        tags: order.tags.clone(),
        metadata: order.metadata.clone(),
        request_id: order.request_id.clone(),
        notification: order.notification.clone(),
        ..Call::new(id, app, mode, Direction::Outbound, from, to, now)
    }
}

pub(super) fn setup(core: &Core, id: CallId, order: &PlaceCall, now: Timestamp) -> CallSetup {
    CallSetup {
        variables: order.variables.clone(),
        flow: flow_of_call(core, order.flow.as_ref(), now),
        record: order.record,
        flow_at_ringing: order.flow_at_ringing,
        first_digits: order.first_digits.clone().map(|digits| {
            let id = core.with_ids(|ids| CommandId::generate(ids, now));
            FirstDigits { id, digits }
        }),
        ring_timeout_ms: order.ring_timeout_ms.unwrap_or(CallSetup::RING_TIMEOUT_MS),
        max_duration_ms: order.max_duration_ms.unwrap_or(CallSetup::MAX_DURATION_MS),
        decision_timeout_ms: core.config.decision_timeout_ms,
        amd: order.amd.clone(),
        ..CallSetup::new(id, Direction::Outbound)
    }
}

/// The flow with step ids of this call's own: a door reads a flow without a random source, and a number's is the same
/// for all its calls.
pub(super) fn flow_of_call(core: &Core, flow: Option<&Flow>, now: Timestamp) -> Option<Flow> {
    let mut flow = flow?.clone();
    for step in &mut flow.steps {
        step.id = core.with_ids(|ids| CommandId::generate(ids, now));
    }
    Some(flow)
}

fn first_event(call: &Call) -> Event {
    Event {
        call: call.id,
        app: call.app,
        sequence: 1,
        at: call.created_at,
        body: EventBody::Initiated,
        snapshot: call.clone(),
    }
}

fn note_accepted(core: &Core, call: &Call) {
    let (kind, summary) = match call.direction {
        Direction::Outbound => (TimelineKind::Api, "request accepted: place an outbound call"),
        Direction::Inbound => (TimelineKind::Call, "an inbound call arrived"),
    };
    let detail = json!({
        "requestId": call.request_id,
        "mode": call.mode,
        "from": call.from.expose(),
        "to": call.to.expose(),
    });
    core.note(call.id, kind, summary, detail);
}
