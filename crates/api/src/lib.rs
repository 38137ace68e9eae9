//! The front doors: HTTP in, use cases of `engine` out. One folder a door, one file a resource; a door converts its
//! wire types by hand. Knows no adapter, and no door knows another.

mod chirp;
mod http;
mod openapi;

pub use chirp::renderer as chirp_renderer;
pub use chirp::simulations::{program as simulation, view as simulation_view};
pub use http::rate::Limits;
pub use http::strangers::ClientAddr;

use axum::Router;
use engine::Engine;
use std::sync::Arc;

/// What the doors are told by the configuration.
#[derive(Clone)]
pub struct ApiConfig {
    /// Scheme and authority under which clients reach this server, without a trailing slash; links in answers
    /// begin with it.
    pub public_url: String,
    /// How fast keys may ask.
    pub limits: Arc<Limits>,
}

/// All doors behind one router.
pub fn router(engine: Arc<Engine>, config: ApiConfig) -> Router {
    http::meter::describe();
    openapi::router(&config.public_url)
        .merge(chirp::router(engine, config))
        .layer(axum::middleware::from_fn(http::meter::count))
}
