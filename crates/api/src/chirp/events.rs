//! `GET /v1/calls/{callId}/events`: the call's numbered events as its webhooks show them, live as Server-Sent Events
//! (or what there is so far as JSON). `Last-Event-ID` or `after` resumes without gap or double. Our addition to the
//! contract.

use super::Door;
use super::calls::{app_scope, call_id};
use super::error::ChirpError;
use super::render::renderer;
use crate::http::ask::{Ask, PathId};
use crate::http::fields::invalid;
use crate::http::seats::Seat;
use axum::Json;
use axum::extract::State;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::EventFeed;
use futures_util::{Stream, StreamExt, stream};
use model::event::Event;
use model::fault::{Fault, FaultCode};
use ports::{EventRenderer, RenderedEvent};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Most streams at once, of all apps and of one.
pub(crate) const STREAMS_MAX: usize = 1_024;
pub(crate) const STREAMS_OF_ONE_MAX: usize = 64;
/// How long a client that was cut off waits before it comes again.
const RETRY: Duration = Duration::from_secs(2);
/// A comment so often, so that nobody between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// When to try again for whoever finds all seats taken.
const SEATS_RETRY_AFTER_S: u32 = 5;

/// The events.
pub(crate) async fn get(
    State(door): State<Door>,
    PathId(call): PathId,
    ask: Ask,
) -> Result<Response, ChirpError> {
    app_scope(ask.who())?;
    let id = call_id(ask.who(), &call)?;
    let mut query = ask.query()?;
    let after = query.integer("after", 0..=u32::MAX)?;
    query.finish()?;
    // What the client saw last counts before what its URL says: a browser comes again with the same URL.
    let after = last_event_id(&ask)?.or(after).unwrap_or(0);
    let renderer = renderer(door.public_url.to_string());
    if ask.prefers("application/json", "text/event-stream") {
        let events = door.engine.events(ask.who(), id, after).await?;
        let last = events.last().map_or(after, |event| event.sequence);
        let data: Vec<Value> = events.iter().filter_map(|event| body(renderer.as_ref(), event)).collect();
        return Ok(Json(json!({ "data": data, "lastSequence": last })).into_response());
    }
    let seat = door.streams.take(ask.who()).ok_or_else(|| {
        let mut fault = Fault::new(FaultCode::RateLimited);
        fault.retry_after_s = Some(SEATS_RETRY_AFTER_S);
        fault
    })?;
    let feed = door.engine.follow(ask.who(), id, after).await?;
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(sent(feed, renderer, seat)).keep_alive(keep_alive).into_response())
}

fn last_event_id(ask: &Ask) -> Result<Option<u32>, Fault> {
    let Some(value) = ask.header("last-event-id") else { return Ok(None) };
    let wrong = || invalid("Last-Event-ID", "must be the id of an event of this stream, a whole number");
    value.and_then(|text| text.trim().parse().ok()).map(Some).ok_or_else(wrong)
}

/// The stream ends when the call will have no more events, when the server stops, or when the store fails: the
/// client comes again then, and goes on where it was.
fn sent(
    feed: EventFeed,
    renderer: Arc<dyn EventRenderer>,
    seat: Seat,
) -> impl Stream<Item = Result<Sent, Infallible>> {
    let hello = stream::iter([Ok(Sent::default().retry(RETRY))]);
    let batches = stream::unfold((feed, seat), |(mut feed, seat)| async {
        match feed.next().await {
            Ok(Some(events)) => Some((events, (feed, seat))),
            Ok(None) | Err(_) => None,
        }
    });
    hello.chain(batches.flat_map(move |events| {
        let shown: Vec<_> = events
            .iter()
            .filter_map(|event| Some((event.sequence, renderer.render(event)?)))
            .map(|(sequence, RenderedEvent { name, body, .. })| {
                Ok(Sent::default().id(sequence.to_string()).event(name).data(body))
            })
            .collect();
        stream::iter(shown)
    }))
}

fn body(renderer: &dyn EventRenderer, event: &Event) -> Option<Value> {
    serde_json::from_str(&renderer.render(event)?.body).ok()
}
