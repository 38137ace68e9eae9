//! The front doors: HTTP in, use cases of `engine` out. One folder a door, one file a resource; a door converts its
//! wire types by hand. Knows no adapter, and no door knows another.

mod bird;
mod chirp;
mod http;
mod openapi;

pub use bird::renderer as bird_renderer;
pub use chirp::renderer as chirp_renderer;
pub use chirp::simulations::{program as simulation, view as simulation_view};
pub use http::rate::Limits;
pub use http::strangers::{ClientAddr, Strangers};

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use engine::Engine;
use http::gate::{Front, Manners};
use std::sync::Arc;

/// The doors that are known by their paths; everything else is Chirp's.
const DOORS: &[&Manners] = &[&bird::MANNERS];

/// What the doors are told by the configuration.
#[derive(Clone)]
pub struct ApiConfig {
    /// Scheme and authority under which clients reach this server, without a trailing slash; links in answers
    /// begin with it.
    pub public_url: String,
    /// How fast keys may ask.
    pub limits: Arc<Limits>,
    /// Who is slowed down because of wrong keys.
    pub strangers: Arc<Strangers>,
}

/// All doors behind one router.
pub fn router(engine: Arc<Engine>, config: &ApiConfig) -> Router {
    http::meter::describe();
    let front = Front::new(engine.clone(), config, DOORS, &chirp::MANNERS);
    let doors = chirp::router(engine.clone(), config, &front)
        .merge(bird::router(engine, &front))
        .fallback(http::gate::route_not_found)
        .layer(from_fn_with_state(front, http::gate::identify));
    openapi::router(&config.public_url).merge(doors).layer(from_fn(http::meter::count))
}
