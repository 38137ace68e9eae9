//! A refused request on its way out: which faults it has. What they look like is the door's own business, and its
//! address in links the gate's.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::fault::{Fault, FaultCode};

/// One fault or several; never none.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    first: Fault,
    further: Vec<Fault>,
}

impl Refusal {
    /// All of them, the first one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.first).chain(&self.further)
    }

    /// The first one, which doors show that show one.
    pub(crate) const fn first(&self) -> &Fault {
        &self.first
    }
}

impl From<Fault> for Refusal {
    fn from(first: Fault) -> Self {
        Self { first, further: Vec::new() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // The gate makes the answer of it.
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Faults of one request, collected so that a client hears of all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

#[allow(dead_code, reason = "the resources that use it follow")]
impl Faults {
    /// The value, or nothing and one more fault.
    pub(crate) fn of<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.0.push(fault)).ok()
    }

    /// As [`Self::of`] for a value that may be absent.
    pub(crate) fn keep<T>(&mut self, result: Result<Option<T>, Fault>) -> Option<T> {
        self.of(result).flatten()
    }

    /// As [`Self::keep`] for a field that must be there: nothing else stands at `path`.
    pub(crate) fn need<T>(&mut self, path: &str, result: Result<Option<T>, Fault>) -> Option<T> {
        match result {
            Ok(None) => {
                self.push(Fault::field(FaultCode::MissingField, path, format!("{path} is required")));
                None
            }
            result => self.keep(result),
        }
    }

    /// One more.
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Several more.
    pub(crate) fn extend(&mut self, more: Vec<Fault>) {
        self.0.extend(more);
    }

    /// Refuses where there is any.
    pub(crate) fn check(self) -> Result<(), Refusal> {
        let mut faults = self.0.into_iter();
        match faults.next() {
            None => Ok(()),
            Some(first) => Err(Refusal { first, further: faults.collect() }),
        }
    }
}
