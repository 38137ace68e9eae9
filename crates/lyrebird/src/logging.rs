//! Log lines: text or JSON, on standard error. What is logged can be changed while the server runs.

use crate::config::{Log, LogFormat, Otel};
use crate::otel::{self, Exporter};
use std::io::IsTerminal;
use std::sync::OnceLock;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// Levels of log lines, the rarest first.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Changes the filter of the running process.
static FILTER: OnceLock<Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts logging, and tracing where there is a collector. A filter that cannot be read is an error for whoever wrote
/// it. What sends traces on is to be finished before the process ends.
pub(crate) fn start(log: &Log, otel: &Otel) -> Result<Option<Exporter>, String> {
    let (filter, handle) = reload::Layer::new(filter(log)?);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match log.format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false).boxed()
        }
        LogFormat::Json => fmt::layer().with_writer(std::io::stderr).json().boxed(),
    };
    let (spans, exporter) = otel::layer(otel)?.unzip();
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).init();
    // Logging starts once.
    let _ = FILTER.set(handle);
    Ok(exporter)
}

/// The filter that the settings ask for.
pub(crate) fn filter(log: &Log) -> Result<EnvFilter, String> {
    // A word that is no level would name a target, and leave every other line out.
    let mut bare = log.level.split(',').map(str::trim).filter(|part| !part.contains(['=', '[']));
    if let Some(word) = bare.find(|word| !LEVELS.contains(&word.to_ascii_lowercase().as_str())) {
        return Err(format!("log.level {word:?} is no level; one of {}", LEVELS.join(", ")));
    }
    EnvFilter::try_new(&log.level)
        .map_err(|error| format!("log.level {:?} is no log filter: {error}", log.level))
}

/// Logs by another filter from now on.
pub(crate) fn change(filter: EnvFilter) -> Result<(), String> {
    let Some(handle) = FILTER.get() else { return Ok(()) };
    handle.reload(filter).map_err(|error| format!("the log's filter cannot be changed: {error}"))
}
