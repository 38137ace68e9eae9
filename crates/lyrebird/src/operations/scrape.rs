//! Who may read the figures, and the reading itself: levels are read from the rooms when somebody asks.

use crate::metrics::{Registry, sample_process};
use axum::http::{HeaderMap, header};
use engine::Engine;
use model::Secret;
use model::tenant::Scope;
use std::sync::Arc;

/// Reads levels into the facade.
pub(crate) type Sampler = Box<dyn Fn() + Send + Sync>;

/// The figures.
pub(crate) struct Scrape {
    registry: Arc<Registry>,
    engine: Arc<Engine>,
    token: Option<Secret<String>>,
    /// Whether anybody may read where there is no token.
    open: bool,
    samplers: Vec<Sampler>,
}

impl Scrape {
    pub(crate) fn new(
        registry: Arc<Registry>,
        engine: Arc<Engine>,
        token: &Secret<String>,
        open: bool,
        samplers: Vec<Sampler>,
    ) -> Self {
        let token = Some(token.clone()).filter(|token| !token.expose().is_empty());
        Self { registry, engine, token, open, samplers }
    }

    /// Whether the request may read them.
    pub(super) async fn admits(&self, headers: &HeaderMap) -> bool {
        if self.open && self.token.is_none() {
            return true;
        }
        let Some(given) = bearer(headers) else { return false };
        if self.token.as_ref().is_some_and(|token| same(token.expose(), given)) {
            return true;
        }
        let principal = self.engine.authenticate(given).await;
        principal.is_ok_and(|principal| matches!(principal.scope, Scope::Organization))
    }

    pub(super) fn page(&self) -> String {
        sample_process();
        for sample in &self.samplers {
            sample();
        }
        self.registry.render()
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Compares without telling by its time where the first difference is.
fn same(token: &str, given: &str) -> bool {
    let differing = token.bytes().zip(given.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    token.len() == given.len() && differing == 0
}
