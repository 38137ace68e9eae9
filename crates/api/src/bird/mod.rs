//! The Bird door: `/workspaces/…` and `/organizations/…`. Its contract is `contracts/bird.md`. A workspace is an app; a
//! test key sees and makes test calls, a live key live ones.

#![allow(dead_code, unused_imports, reason = "the resources that use the door's manners follow")]

mod error;
mod page;
mod scope;
mod time;

pub(crate) use error::body as fault_body;

use crate::http::gate::{Front, Manners, admit, method_not_allowed, route_not_found};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use engine::Engine;
use std::sync::Arc;

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
}

/// The door's routes.
pub(crate) fn router(engine: Arc<Engine>, front: &Front) -> Router {
    let door = Door { engine };
    // A gate wants something to stand before: the first route is the one that nothing else answers.
    Router::new()
        .route("/workspaces/{workspace}", get(route_not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(front.gate(|limits| &limits.requests), admit))
        .with_state(door)
}
