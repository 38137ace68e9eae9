//! A persona calls the app: it is ordered to, its call arrives like any other, and only then the request is answered.

use super::arrive::{Owner, asked, row, setup};
use super::expected::{ExpectedCall, Render};
use super::idempotency::{IdempotencyHeader, Placed};
use super::personas::fault_of;
use super::place::{Fresh, flow_of_call};
use crate::actor::{Beginning, Road};
use crate::core::Core;
use crate::engine::Engine;
use crate::fault::saying;
use crate::resources::{app, invalid_number};
use model::call::{CallSetup, Mode};
use model::fault::{Fault, FaultCode};
use model::leg::Refusal;
use model::tenant::Principal;
use model::{CallId, E164, Pii};
use persona::{CATALOGUE, Settings};
use ports::store::{Created, StoredResponse};
use ports::{IncomingCall, PersonaCall};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a persona's call may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// A call that a persona shall place.
#[derive(Clone)]
pub struct PersonaCalls {
    /// Whom it calls: any number.
    pub to: String,
    /// Its own number; the first of the catalogue if none.
    pub from: Option<String>,
    /// Which persona, by name; else whoever has `from`.
    pub persona: Option<String>,
    /// What is set of it, as in `metadata.sandbox` of an outbound call.
    pub sandbox: Map<String, Value>,
    /// How long it lets ring, of [`CallSetup::RING_TIMEOUTS_MS`]; [`CallSetup::RING_TIMEOUT_MS`] if none.
    pub ring_timeout_ms: Option<u32>,
    /// The id of the request, for logs and the timeline.
    pub request_id: Option<String>,
}

/// The same, checked.
struct Checked {
    from: E164,
    to: E164,
    settings: Settings,
    ring_timeout_ms: u32,
}

impl Engine {
    /// Has a persona call the app of a test key. `render` makes the answer from the call as it arrived.
    pub async fn call_from_persona(
        &self,
        who: Principal,
        order: PersonaCalls,
        idempotency: Option<IdempotencyHeader>,
        render: Render,
    ) -> Result<Placed, Fault> {
        let core = &self.core;
        let (app, mode) = app(who)?;
        if mode != Mode::Test {
            let message = "Personas call with test keys only. Use the app's test key.";
            return Err(saying(FaultCode::WrongKeyClass, message));
        }
        let idempotency = idempotency.map(|header| header.of(who, core));
        if let Some(first) = core.given_before(idempotency.as_ref()).await? {
            return Ok(Placed::Replayed(first));
        }
        core.takes_calls()?;
        let checked = check(core, &order)?;
        let concurrent_calls_max = core.concurrent_calls_max(app).await?;
        let now = core.now();
        let id = core.with_ids(|ids| CallId::generate(ids, now));
        let (arrived, arrival) = oneshot::channel();
        let expected = ExpectedCall {
            app,
            to: checked.to.clone(),
            concurrent_calls_max,
            request_id: order.request_id,
            idempotency,
            render,
            arrived,
        };
        let guard = core.expected.expect(id, expected).ok_or_else(unavailable)?;
        let outcome = self.bring(id, checked, arrival).await;
        drop(guard);
        match outcome? {
            (Created::New { .. }, response) => Ok(Placed::New(response)),
            (Created::Replayed(first), _) => Ok(Placed::Replayed(first)),
            (Created::Mismatch, _) => Err(Fault::new(FaultCode::IdempotencyConflict)),
            (Created::ConcurrencyLimit, _) => Err(Fault::new(FaultCode::ConcurrencyLimitExceeded)),
        }
    }

    /// Orders the call and waits until it is there.
    async fn bring(
        &self,
        call: CallId,
        checked: Checked,
        arrival: oneshot::Receiver<Result<(Created, StoredResponse), Fault>>,
    ) -> Result<(Created, StoredResponse), Fault> {
        let Checked { from, to, settings, ring_timeout_ms } = checked;
        let (from, to) = (Pii::new(from.into()), Pii::new(to.into()));
        let order = PersonaCall { call, from, to, settings, ring_timeout_ms };
        self.core.sandbox.call_from_persona(order).await.map_err(|error| {
            tracing::warn!(%call, %error, "a persona could not call");
            unavailable()
        })?;
        match timeout(ARRIVAL_LIMIT, arrival).await {
            Ok(Ok(arrived)) => arrived,
            Ok(Err(_)) | Err(_) => Err(unavailable()),
        }
    }
}

impl Core {
    /// Takes a call of the sandbox: only one that was ordered.
    pub(super) async fn take_persona_call(self: &Arc<Self>, incoming: &IncomingCall) -> Result<(), Refusal> {
        let expected = self.expected.take(incoming.call).ok_or(Refusal::NotFound)?;
        let owner = Owner { app: expected.app, to: expected.to.into(), trunk: None, route: None, flow: None };
        let channel = self.channel_of(owner.app, Mode::Test, &owner.to).await;
        let flow = channel.as_ref().and_then(|channel| channel.flow.as_ref());
        let flow = flow_of_call(self, flow.or(asked(channel.as_ref()).as_ref()), self.now());
        let mut call = row(self, incoming, owner);
        call.voice_channel = channel.map(|channel| channel.id);
        call.request_id = expected.request_id;
        let response = (expected.render)(&call);
        let fresh = Fresh {
            setup: CallSetup { answer_at_once: flow.is_some(), flow, ..setup(self, call.id) },
            road: Road::Sandbox { carrier: self.sandbox.clone(), settings: Box::default() },
            beginning: Beginning::Arrived(incoming.reference),
            idempotency: expected.idempotency.map(|key| (key, response.clone())),
            concurrent_calls_max: expected.concurrent_calls_max,
            call,
        };
        let created = fresh.launch(Arc::clone(self)).await;
        let refusal = match &created {
            Ok(Created::New { .. }) => Ok(()),
            Ok(Created::ConcurrencyLimit) => Err(Refusal::Busy),
            Ok(Created::Replayed(_) | Created::Mismatch) | Err(_) => Err(Refusal::ServerBusy),
        };
        // Whoever asked may have gone; the call is there all the same.
        let _ = expected.arrived.send(created.map(|created| (created, response)));
        refusal
    }
}

fn check(core: &Core, order: &PersonaCalls) -> Result<Checked, Fault> {
    let number = |text: &str, param: &str| {
        text.parse::<E164>().map_err(|error| invalid_number(param, &error.to_string()))
    };
    let to = number(&order.to, "to")?;
    let first = CATALOGUE.first().map_or("", |entry| entry.number);
    let from = number(order.from.as_deref().unwrap_or(first), "from")?;
    let mut settings =
        Settings::from_value(&Value::Object(order.sandbox.clone()), "sandbox").map_err(fault_of)?;
    let mut place = "sandbox";
    if let Some(persona) = &order.persona {
        settings.persona = Some(persona.clone());
        place = "";
    }
    let settings = core.personas().resolve(from.as_str(), settings, place).map_err(fault_of)?;
    let ring_timeout_ms = order.ring_timeout_ms.unwrap_or(CallSetup::RING_TIMEOUT_MS);
    Ok(Checked { from, to, settings, ring_timeout_ms })
}

fn unavailable() -> Fault {
    Fault { retry_after_s: Some(1), ..Fault::new(FaultCode::SandboxUnavailable) }
}
