//! The server's own part in virtual time: a call's actor with its books, and the webhooks. A model of the engine, which
//! does the same with a real store and real requests. Knows no signalling.

mod actor;
mod books;
mod outbox;

use books::Books;
use model::event::Event;

pub(crate) use actor::Actor;
pub(crate) use outbox::{Outbox, RowState};

/// The books of a call whose first event is written.
pub(crate) fn books(first: Event) -> Books {
    Books::new(first)
}
