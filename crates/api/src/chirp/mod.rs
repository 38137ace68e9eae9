//! The Chirp door: `/v1/…`. Its contract is `contracts/chirp.md`; what Lyrebird adds lives here too, in the same
//! style.

mod amd;
mod calls;
mod channels;
mod commands;
mod detail;
mod endpoints;
mod error;
mod events;
mod faces;
mod flow;
mod heard;
mod ids;
mod keys;
mod numbers;
mod recordings;
mod render;
mod sandbox;
pub(crate) mod simulations;
mod timeline;
mod transcriptions;
mod trunks;
mod view;
mod webhooks;

pub(crate) use error::body as fault_body;
pub(crate) use render::EVENT_NAMES;
pub use render::renderer;

use crate::ApiConfig;
use crate::http::gate::{Front, Manners, admit, method_not_allowed};
use crate::http::seats::Seats;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use engine::Engine;
use std::sync::Arc;

/// What every handler of this door has.
#[derive(Clone)]
pub(crate) struct Door {
    engine: Arc<Engine>,
    public_url: Arc<str>,
    streams: Seats,
    simulations: Seats,
}

/// What is this door's own at the gate.
pub(crate) const MANNERS: Manners =
    Manners { prefixes: &[], render: error::render, schemes: &["bearer"], request_uuid: None };

/// The door's routes.
pub(crate) fn router(engine: Arc<Engine>, config: &ApiConfig, front: &Front) -> Router {
    let door = Door {
        engine,
        public_url: config.public_url.as_str().into(),
        streams: Seats::new("lyrebird_http_event_streams", events::STREAMS_MAX, events::STREAMS_OF_ONE_MAX),
        simulations: Seats::new(
            "lyrebird_simulations_under_way",
            simulations::AT_ONCE_MAX,
            simulations::AT_ONCE_OF_ONE_MAX,
        ),
    };
    let webhooks = Router::new()
        .route("/v1/webhooks", post(webhooks::create).get(webhooks::list))
        .route("/v1/webhooks/{webhook}", get(webhooks::get).put(webhooks::update).delete(webhooks::remove))
        .route("/v1/webhooks/{webhook}/deliveries", get(webhooks::deliveries))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(front.gate(|limits| &limits.webhook_requests), admit));
    let rest = Router::new()
        .route("/v1/calls", post(calls::create).get(calls::list))
        .route("/v1/calls/{call}", get(calls::get))
        .route("/v1/calls/{call}/commands", post(commands::create))
        .route("/v1/calls/{call}/timeline", get(timeline::get))
        .route("/v1/calls/{call}/explain", get(faces::explain))
        .route("/v1/calls/{call}/ladder.svg", get(faces::ladder))
        .route("/v1/calls/{call}/capture.pcap", get(faces::capture))
        .route("/v1/calls/{call}/events", get(events::get))
        .route("/v1/calls/{call}/recordings", get(recordings::list))
        .route("/v1/calls/{call}/heard", get(heard::list))
        .route("/v1/calls/{call}/heard/{file}", get(heard::file))
        .route("/v1/calls/recordings/{recording}", get(recordings::get).delete(recordings::remove))
        .route("/v1/calls/recordings/{recording}/file", get(recordings::fetch))
        .route("/v1/sandbox/calls", post(sandbox::call))
        .route("/v1/sandbox/personas", get(sandbox::personas))
        .route("/v1/flows/check", post(flow::check::create))
        .route("/v1/simulations", post(simulations::create))
        .route("/v1/trunks", post(trunks::create).get(trunks::list))
        .route("/v1/trunks/{trunk}", get(trunks::get).put(trunks::update).delete(trunks::remove))
        .route("/v1/numbers", post(numbers::create).get(numbers::list))
        .route("/v1/numbers/{number}", put(numbers::update).delete(numbers::remove))
        .route("/v1/channels", post(channels::create).get(channels::list))
        .route("/v1/channels/{channel}", get(channels::get).patch(channels::update).delete(channels::remove))
        .route("/v1/endpoints", post(endpoints::create).get(endpoints::list))
        .route("/v1/endpoints/{endpoint}", get(endpoints::get).delete(endpoints::remove))
        .route("/v1/organization/app-keys", post(keys::create))
        .route("/v1/organization/apps/{app}/keys", get(keys::list))
        .route("/v1/organization/app-keys/{key}", delete(keys::revoke))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(front.gate(|limits| &limits.requests), admit));
    webhooks.merge(rest).with_state(door)
}
