//! From the outbox to deliveries: each event in the shape of each endpoint's door, for those that asked for it.

use crate::core::Core;
use crate::resources::WEBHOOKS_MAX;
use metrics::counter;
use model::call::Mode;
use model::event::Event;
use model::webhook::{Delivery, DeliveryState, WebhookEndpoint};
use model::{AppId, CallId, WebhookId};
use ports::store::PageRequest;
use ports::{RenderedEvent, StoreError};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// Most events at once.
const EVENTS_MAX: u32 = 256;
/// A safety net; every commit wakes the fan-out itself.
const IDLE: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);

/// Until the engine stops. `fresh` is told whenever there are new deliveries.
pub(super) async fn run(core: Arc<Core>, fresh: Arc<Notify>) {
    let mut stopping = core.stopping();
    loop {
        let wait = match batch(&core).await {
            Ok(0) => IDLE,
            Ok(_) => {
                fresh.notify_one();
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be worked on");
                RETRY
            }
        };
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = core.outbox_wake.notified() => {}
            () = sleep(wait) => {}
        }
    }
}

/// Works on one batch; how many events it had.
async fn batch(core: &Core) -> Result<usize, StoreError> {
    let events = core.store.outbox(EVENTS_MAX).await?;
    if events.is_empty() {
        return Ok(0);
    }
    let mut endpoints: BTreeMap<(AppId, Mode), Vec<WebhookEndpoint>> = BTreeMap::new();
    let mut deliveries = Vec::new();
    for event in &events {
        let owner = (event.app, event.snapshot.mode);
        let known = match endpoints.entry(owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(enabled(core, owner).await?),
        };
        make(core, event, known, &mut deliveries).await?;
    }
    let done: Vec<(CallId, u32)> = events.iter().map(|event| (event.call, event.sequence)).collect();
    let made = deliveries.len();
    core.store.fan_out(&done, deliveries).await?;
    counter!("lyrebird_webhook_events_total").increment(done.len() as u64);
    counter!("lyrebird_webhook_deliveries_made_total").increment(made as u64);
    Ok(events.len())
}

async fn enabled(core: &Core, (app, mode): (AppId, Mode)) -> Result<Vec<WebhookEndpoint>, StoreError> {
    let page = PageRequest { limit: WEBHOOKS_MAX, offset: 0 };
    let mut endpoints = core.store.webhooks(app, mode, page).await?.items;
    endpoints.retain(|endpoint| endpoint.disabled.is_none());
    Ok(endpoints)
}

/// The deliveries of one event: to each endpoint that wants it; where the call names a URL of its own, there instead
/// of to the endpoints of the same door, signed by the first of these that wants it.
async fn make(
    core: &Core,
    event: &Event,
    endpoints: &[WebhookEndpoint],
    deliveries: &mut Vec<Delivery>,
) -> Result<(), StoreError> {
    for renderer in &core.renderers {
        let Some(rendered) = renderer.render(event) else { continue };
        let mut wanting = endpoints.iter().filter(|endpoint| {
            endpoint.door == renderer.door() && endpoint.wants(&rendered.name, &rendered.traits)
        });
        let own = event.snapshot.notification.as_ref().filter(|own| own.door == renderer.door());
        let Some(own) = own else {
            deliveries.extend(wanting.map(|endpoint| delivery(core, endpoint.id, event, &rendered)));
            continue;
        };
        let notifier = core.notifier(event.app, event.snapshot.mode, &own.door).await?;
        let signer = wanting.next().map(|endpoint| endpoint.id);
        let to = delivery(core, notifier.id, event, &rendered);
        deliveries.push(Delivery { url: Some(own.url.clone()), signer, ..to });
    }
    Ok(())
}

fn delivery(core: &Core, webhook: WebhookId, event: &Event, rendered: &RenderedEvent) -> Delivery {
    let first = core.config.webhooks.delays.first().copied().unwrap_or_default();
    Delivery {
        webhook,
        url: None,
        signer: None,
        call: event.call,
        sequence: event.sequence,
        event_name: rendered.name.clone(),
        message_id: rendered.id.clone(),
        body: rendered.body.clone(),
        attempts: 0,
        due_at: Some(core.now() + first),
        state: DeliveryState::Pending,
    }
}
