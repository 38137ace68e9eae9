//! A span as it is gathered. Bounded in everything.

use serde_json::Value;
use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};

/// Most attributes of a span or an event.
const ATTRIBUTES_MAX: usize = 32;
/// Most events of a span; later ones are counted.
const EVENTS_MAX: usize = 128;
/// Most links of a span.
const LINKS_MAX: usize = 8;
/// Longest text of an attribute, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// Which trace, and which span in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) trace: u128,
    pub(super) span: u64,
}

/// A piece of work.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) place: Place,
    pub(super) parent: Option<u64>,
    pub(super) name: &'static str,
    pub(super) begun_ns: u128,
    pub(super) ended_ns: u128,
    pub(super) attributes: Attributes,
    pub(super) events: Vec<Event>,
    pub(super) events_dropped: u32,
    pub(super) links: Vec<Place>,
    pub(super) failed: bool,
}

/// Something that happened in a span.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) at_ns: u128,
    pub(super) name: String,
    pub(super) attributes: Attributes,
}

/// Names and values.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes(pub(super) Vec<(&'static str, Value)>);

impl Span {
    /// Begins one; without a parent, a trace of its own.
    pub(super) fn begin(name: &'static str, parent: Option<Place>) -> Self {
        let trace =
            parent.map_or_else(|| u128::from(random()) << 64 | u128::from(random()), |parent| parent.trace);
        Self {
            place: Place { trace, span: random() },
            parent: parent.map(|parent| parent.span),
            name,
            begun_ns: now_ns(),
            ended_ns: 0,
            attributes: Attributes::default(),
            events: Vec::new(),
            events_dropped: 0,
            links: Vec::new(),
            failed: false,
        }
    }

    pub(super) fn happened(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push(event);
        } else {
            self.events_dropped = self.events_dropped.saturating_add(1);
        }
    }

    pub(super) fn follows(&mut self, earlier: Place) {
        if self.links.len() < LINKS_MAX {
            self.links.push(earlier);
        }
    }
}

impl Attributes {
    /// The text under a name, taken out.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        match self.0.swap_remove(at).1 {
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        let known = self.0.iter_mut().find(|(name, _)| *name == field.name());
        if let Some((_, known)) = known {
            *known = value;
        } else if self.0.len() < ATTRIBUTES_MAX {
            self.0.push((field.name(), value));
        }
    }

    fn put_text(&mut self, field: &Field, mut text: String) {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        self.put(field, text.into());
    }
}

impl Visit for Attributes {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_text(field, format!("{value:?}"));
    }
}

/// Nanoseconds since the Unix epoch.
pub(super) fn now_ns() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

/// Random bits, and not zero, which would mean "none".
fn random() -> u64 {
    getrandom::u64().unwrap_or_default().max(1)
}
