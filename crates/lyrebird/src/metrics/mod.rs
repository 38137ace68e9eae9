//! The figures that every room counts, kept in memory and shown in Prometheus' text form. Rooms know the `metrics`
//! facade only. Bounded: a name has so many series and no more.

mod process;
mod registry;
mod series;
mod text;

pub(crate) use process::sample as sample_process;
pub(crate) use registry::Registry;

use std::sync::{Arc, OnceLock};

static REGISTRY: OnceLock<Arc<Registry>> = OnceLock::new();

/// The process's registry, which takes what every room counts from the first call on.
pub(crate) fn start() -> Arc<Registry> {
    let fresh = || {
        let registry = Arc::new(Registry::default());
        // An error says that somebody else's recorder is there already; then ours stays empty.
        let _ = metrics::set_global_recorder(registry::Shared(registry.clone()));
        registry
    };
    REGISTRY.get_or_init(fresh).clone()
}
