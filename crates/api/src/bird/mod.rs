//! The Bird door: `/workspaces/…` and `/organizations/…`. Its contract is `contracts/bird.md`. A workspace is an app; a
//! test key sees and makes test calls, a live key live ones.

mod amd;
mod call_recordings;
mod calls;
mod commands;
mod connectors;
mod error;
mod flow;
mod insights;
mod locales;
mod log;
mod options;
mod page;
mod party;
mod recordings;
mod render;
mod scope;
mod subscriptions;
mod time;
mod transcriptions;
mod view;

pub use render::renderer;

use crate::http::gate::{Front, Manners, admit, method_not_allowed};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use engine::Engine;
use std::sync::Arc;

/// This door's name in [`model::webhook::WebhookEndpoint::door`].
pub(crate) const DOOR: &str = "bird";

/// What is this door's own at the gate.
pub(crate) const MANNERS: Manners = Manners {
    prefixes: &["/workspaces/", "/organizations/"],
    render: error::render,
    schemes: &["bearer", "accesskey"],
    request_uuid: Some("messagebird-request-id"),
};

/// What every handler of this door has.
#[derive(Clone)]
pub(crate) struct Door {
    engine: Arc<Engine>,
    /// Where the server is found, as links name it.
    public_url: Arc<str>,
}

/// The door's routes.
pub(crate) fn router(engine: Arc<Engine>, front: &Front) -> Router {
    Router::new()
        .route("/workspaces/{workspace}/connectors", post(connectors::create))
        .route("/workspaces/{workspace}/channels/calls", get(log::of_workspace))
        .merge(of_recordings())
        .merge(of_channel())
        .merge(of_subscriptions())
        .merge(of_transcriptions())
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(front.gate(|limits| &limits.requests), admit))
        .with_state(Door { engine, public_url: front.public_url() })
}

/// Recordings of a workspace, and of one of its calls.
fn of_recordings() -> Router<Door> {
    const CALL: &str = "/workspaces/{workspace}/channels/{channel}/calls/{call}";
    Router::new()
        .route("/workspaces/{workspace}/recordings", get(recordings::list))
        .route(
            "/workspaces/{workspace}/recordings/{recording}",
            get(recordings::get).delete(recordings::remove),
        )
        .route("/workspaces/{workspace}/recording-metrics", get(recordings::metrics))
        .route(&format!("{CALL}/record"), post(call_recordings::record))
        .route(&format!("{CALL}/recordings"), post(call_recordings::start).get(call_recordings::list))
        .route(
            &format!("{CALL}/recordings/{{recording}}"),
            get(call_recordings::get).patch(call_recordings::update),
        )
}

/// What is said in recordings, written down.
fn of_transcriptions() -> Router<Door> {
    Router::new()
        .route("/workspaces/{workspace}/recordings/{recording}/transcriptions", post(transcriptions::create))
        .route("/workspaces/{workspace}/transcriptions", get(transcriptions::list))
        .route(
            "/workspaces/{workspace}/transcriptions/{transcription}",
            get(transcriptions::get).delete(transcriptions::remove),
        )
}

/// The calls of one channel.
fn of_channel() -> Router<Door> {
    Router::new()
        .route("/workspaces/{workspace}/channels/{channel}/calls", post(calls::create).get(log::of_channel))
        .route(
            "/workspaces/{workspace}/channels/{channel}/calls/{call}",
            get(calls::get).patch(calls::update),
        )
        .route("/workspaces/{workspace}/channels/{channel}/calls/{call}/insights", get(insights::get))
        .route("/workspaces/{workspace}/channels/{channel}/calls/{call}/answer", post(commands::accept))
        .route("/workspaces/{workspace}/channels/{channel}/calls/{call}/ringing", post(commands::ring))
        .route("/workspaces/{workspace}/channels/{channel}/calls/{call}/hangup", post(commands::hang_up))
        .route("/workspaces/{workspace}/channels/{channel}/calls/{call}/playback", post(commands::play))
        .route("/workspaces/{workspace}/channels/{channel}/calls/{call}/say", post(commands::say))
        .route("/workspaces/{workspace}/channels/{channel}/calls/{call}/gather", post(commands::gather))
}

/// Webhook subscriptions of a workspace.
fn of_subscriptions() -> Router<Door> {
    const SPACE: &str = "/organizations/{organization}/workspaces/{workspace}";
    let all = get(subscriptions::list).post(subscriptions::create);
    let one = get(subscriptions::get).patch(subscriptions::update).delete(subscriptions::remove);
    Router::new()
        .route(&format!("{SPACE}/signing-key"), get(subscriptions::signing_key_of_workspace))
        .route(&format!("{SPACE}/webhook-subscriptions"), all)
        .route(&format!("{SPACE}/webhook-subscriptions/{{subscription}}"), one)
        .route(&format!("{SPACE}/webhook-subscriptions/{{subscription}}/logs"), get(subscriptions::logs))
}
