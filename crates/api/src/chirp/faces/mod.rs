//! A call's timeline in other forms: explained, drawn, captured. Our addition to the contract.

mod capture;
mod explain;
mod ladder;

pub(crate) use capture::get as capture;
pub(crate) use explain::get as explain;
pub(crate) use ladder::get as ladder;

use super::Door;
use super::calls::call_id;
use crate::http::ask::Ask;
use model::call::Call;
use model::fault::Fault;
use model::timeline::TIMELINE_ENTRIES_MAX;
use story::Line;

/// A call and its whole timeline, for a request without parameters.
async fn told(door: &Door, ask: &Ask, call: &str) -> Result<(Call, Vec<Line>), Fault> {
    let id = call_id(ask.who(), call)?;
    ask.query()?.finish()?;
    let row = door.engine.call(ask.who(), id).await?;
    let entries = door.engine.timeline(ask.who(), id, 0, TIMELINE_ENTRIES_MAX).await?;
    let lines = entries.into_iter().map(|stored| Line { index: stored.index, entry: stored.entry }).collect();
    Ok((row, lines))
}
