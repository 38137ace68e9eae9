//! Incoming calls: the dialled number finds its app, the call is written, then its actor adopts the leg.

use super::place::{Fresh, flow_of_call};
use crate::actor::{Beginning, Road};
use crate::core::Core;
use crate::engine::Engine;
use model::call::{Call, CallSetup, Direction, Mode};
use model::flow::{Flow, FlowCommand, Step, Webhook};
use model::leg::Refusal;
use model::voice_channel::VoiceChannel;
use model::{AppId, CallId, CommandId, E164, IdSource, Pii, Timestamp, TrunkId, VoiceChannelId};
use ports::StoreError;
use ports::store::Created;
use ports::{Carrier, InboundCalls, IncomingCall, Route};
use std::sync::Arc;

/// Most bytes of a caller's address.
const ADDRESS_BYTES_MAX: usize = 256;

impl InboundCalls for Engine {
    fn arrived(&self, carrier: Arc<dyn Carrier>, incoming: IncomingCall) {
        // Bounded by the carrier, which holds as many undecided calls as it may and no more.
        tokio::spawn(arrive(self.core.clone(), carrier, incoming));
    }

    fn next_call_id(&self) -> CallId {
        let now = self.core.now();
        self.core.with_ids(|ids| CallId::generate(ids, now))
    }
}

async fn arrive(core: Arc<Core>, carrier: Arc<dyn Carrier>, incoming: IncomingCall) {
    let reference = incoming.reference;
    if let Err(refusal) = take(core, carrier.clone(), incoming).await {
        carrier.refuse(reference, refusal);
    }
}

async fn take(core: Arc<Core>, carrier: Arc<dyn Carrier>, incoming: IncomingCall) -> Result<(), Refusal> {
    if incoming.mode == Mode::Test {
        return core.take_persona_call(&incoming).await;
    }
    core.takes_calls().map_err(|_| Refusal::ServerBusy)?;
    let owner = owner(&core, &incoming).await?.ok_or(Refusal::NotFound)?;
    let limit = core.concurrent_calls_max(owner.app).await.map_err(|_| Refusal::ServerBusy)?;
    let road = Road::Live { carrier, route: owner.route.clone() };
    let channel = core.channel_of(owner.app, incoming.mode, &owner.to).await;
    let flow = owner.flow.as_ref().or(channel.as_ref().and_then(|channel| channel.flow.as_ref()));
    let flow = flow_of_call(&core, flow.or(asked(channel.as_ref()).as_ref()), core.now());
    let call = Call { voice_channel: channel.map(|channel| channel.id), ..row(&core, &incoming, owner) };
    let setup = CallSetup { answer_at_once: flow.is_some(), flow, ..setup(&core, call.id) };
    let fresh = Fresh {
        call,
        setup,
        road,
        beginning: Beginning::Arrived(incoming.reference),
        idempotency: None,
        concurrent_calls_max: limit,
    };
    match fresh.launch(core).await {
        Ok(Created::New { .. }) => Ok(()),
        Ok(Created::ConcurrencyLimit) => Err(Refusal::Busy),
        Ok(Created::Replayed(_) | Created::Mismatch) | Err(_) => Err(Refusal::ServerBusy),
    }
}

/// The flow of a channel that asks the app for one.
pub(super) fn asked(channel: Option<&VoiceChannel>) -> Option<Flow> {
    let url = channel?.answer_url.clone()?;
    let command = FlowCommand::Webhook(Webhook { url, timeout_ms: Webhook::TIMEOUT_MS, on_failure: None });
    let id = CommandId::generate(&mut IdSource::new(0), Timestamp::default());
    Some(Flow { steps: vec![Step { id, command, conditions: Vec::new() }] })
}

impl Core {
    /// The channel that a call to this number comes in through: the number's own, else the app's default one. A store
    /// that does not answer costs the call its channel, and not the caller the call.
    pub(super) async fn channel_of(&self, app: AppId, mode: Mode, to: &str) -> Option<VoiceChannel> {
        let look = async {
            if let Some(number) = dialled(to)
                && let Some(channel) = self.store.voice_channel_of_number(app, mode, &number).await?
            {
                return Ok(Some(channel));
            }
            self.store.voice_channel(app, VoiceChannelId::default_of(app, mode)).await
        };
        let found: Result<_, StoreError> = look.await;
        found.unwrap_or_else(|error| {
            tracing::error!(%error, "an incoming call's channel could not be looked up");
            None
        })
    }
}

/// Whose call it is.
pub(super) struct Owner {
    pub(super) app: AppId,
    /// Who was called, as the row shows it.
    pub(super) to: String,
    pub(super) trunk: Option<TrunkId>,
    pub(super) route: Option<Route>,
    /// What the number does with its calls by itself.
    pub(super) flow: Option<Flow>,
}

/// A phone's calls are its own app's, whatever it dialled; any other call belongs to whom the dialled number is
/// assigned, if it came by that number's own trunk.
async fn owner(core: &Core, incoming: &IncomingCall) -> Result<Option<Owner>, Refusal> {
    if let Some(phone) = incoming.phone {
        let mut to = incoming.to.expose().clone();
        to.truncate(to.floor_char_boundary(ADDRESS_BYTES_MAX));
        return Ok(core.phones.get(phone).map(|phone| Owner {
            app: phone.app,
            to,
            trunk: None,
            route: Some(Route::Phone(phone)),
            flow: None,
        }));
    }
    let Some(number) = dialled(incoming.to.expose()) else { return Ok(None) };
    let found = core.store.number(&number).await.map_err(|error| {
        tracing::error!(%error, "an incoming call's number could not be looked up");
        Refusal::ServerBusy
    })?;
    let found = found.filter(|number| incoming.trunks.contains(&number.trunk));
    Ok(found.map(|number| Owner {
        app: number.app,
        trunk: Some(number.trunk),
        route: core.trunks.get(number.trunk).map(Route::Trunk),
        to: number.number.into(),
        flow: number.flow,
    }))
}

/// Carriers send the international form with or without its plus sign.
fn dialled(text: &str) -> Option<E164> {
    text.parse().or_else(|_| format!("+{text}").parse()).ok()
}

pub(super) fn setup(core: &Core, id: CallId) -> CallSetup {
    CallSetup {
        decision_timeout_ms: core.config.decision_timeout_ms,
        ..CallSetup::new(id, Direction::Inbound)
    }
}

pub(super) fn row(core: &Core, incoming: &IncomingCall, owner: Owner) -> Call {
    let now = core.now();
    let mut from = incoming.from.expose().clone();
    from.truncate(from.floor_char_boundary(ADDRESS_BYTES_MAX));
    let (from, to) = (Pii::new(from), Pii::new(owner.to));
    Call {
        trunk: owner.trunk,
        started_at: Some(now),
        ..Call::new(incoming.call, owner.app, incoming.mode, Direction::Inbound, from, to, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(dialled(text).as_ref().map(E164::as_str), expected, "{text}");
    }

    #[test]
    fn dialled_numbers() {
        check("+4930123456", Some("+4930123456"));
        check("4930123456", Some("+4930123456"));
        check("004930123456", Some("+4930123456"));
        check("alice", None);
        check("", None);
    }
}
