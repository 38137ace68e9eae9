//! Writes what a call's events and facts say on its timeline; what they say stands in `call::notes`.

use crate::core::Core;
use call::notes::{self, Line};
use model::call::Call;
use model::event::EventBody;
use model::sound::MediaFact;
use model::{CallId, LegId};

/// Notes an event.
pub(super) fn event(core: &Core, call: &Call, body: &EventBody) {
    write(core, call.id, notes::event(call, body));
}

/// Notes a fact about a leg's sound, if it is worth a line.
pub(super) fn media(core: &Core, leg: LegId, fact: &MediaFact) {
    if let Some(line) = notes::media(fact) {
        write(core, leg.call, line);
    }
}

fn write(core: &Core, call: CallId, line: Line) {
    let Line { kind, summary, detail } = line;
    core.note(call, kind, summary, detail);
}
