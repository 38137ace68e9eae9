//! Who may read the figures, and the reading itself: levels are read from the rooms when somebody asks.

use crate::metrics::{Registry, sample_process};
use api::Strangers;
use axum::http::{HeaderMap, header};
use engine::Engine;
use model::Secret;
use model::fault::{Fault, FaultCode};
use model::tenant::Scope;
use std::net::IpAddr;
use std::sync::Arc;

/// Reads levels into the facade.
pub(crate) type Sampler = Box<dyn Fn() + Send + Sync>;

/// The figures.
pub(crate) struct Scrape {
    registry: Arc<Registry>,
    engine: Arc<Engine>,
    strangers: Arc<Strangers>,
    token: Option<Secret<String>>,
    /// Whether anybody may read where there is no token.
    open: bool,
    samplers: Vec<Sampler>,
}

impl Scrape {
    pub(crate) fn new(
        registry: Arc<Registry>,
        (engine, strangers): (Arc<Engine>, Arc<Strangers>),
        token: &Secret<String>,
        open: bool,
        samplers: Vec<Sampler>,
    ) -> Self {
        let token = Some(token.clone()).filter(|token| !token.expose().is_empty());
        Self { registry, engine, strangers, token, open, samplers }
    }

    /// Whether the request may read them. Who tries keys is slowed down as at every other door.
    pub(super) async fn admit(&self, headers: &HeaderMap, source: Option<IpAddr>) -> Result<(), Fault> {
        if self.open && self.token.is_none() {
            return Ok(());
        }
        let given = bearer(headers).ok_or_else(|| Fault::new(FaultCode::MissingKey))?;
        self.strangers.ask(source, self.judge(given)).await
    }

    async fn judge(&self, given: &str) -> Result<(), Fault> {
        if self.token.as_ref().is_some_and(|token| same(token.expose(), given)) {
            return Ok(());
        }
        match self.engine.authenticate(given).await?.scope {
            Scope::Organization => Ok(()),
            Scope::App(..) => Err(Fault::new(FaultCode::WrongKeyClass)),
        }
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
