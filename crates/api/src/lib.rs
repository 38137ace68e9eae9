//! The front doors: HTTP in, use cases of `engine` out. One folder a door, one file a resource; a door converts its
//! wire types by hand. Knows no adapter, and no door knows another.

mod chirp;
mod docs;
mod http;

pub use chirp::renderer as chirp_renderer;
pub use chirp::simulations::{program as simulation, view as simulation_view};

use axum::Router;
use engine::Engine;
use std::num::NonZeroU32;
use std::sync::Arc;

/// What the doors are told by the configuration.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Scheme and authority under which clients reach this server, without a trailing slash; links in answers
    /// begin with it.
    pub public_url: String,
    /// Requests a minute and key, webhook management aside.
    pub requests_per_minute: NonZeroU32,
    /// Requests a minute and key for webhook management.
    pub webhook_requests_per_minute: NonZeroU32,
}

/// All doors behind one router.
pub fn router(engine: Arc<Engine>, config: ApiConfig) -> Router {
    http::meter::describe();
    docs::router().merge(chirp::router(engine, config)).layer(axum::middleware::from_fn(http::meter::count))
}
