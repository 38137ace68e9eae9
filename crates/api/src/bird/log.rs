//! Lists of calls: of one channel, and of all channels of a workspace (contract §2.6).

use super::Door;
use super::error::BirdError;
use super::page::{PageAsk, PageView};
use super::scope::{id, workspace, workspace_and_channel};
use super::view::{CallView, DIRECTIONS, STATUSES, TYPES};
use crate::http::ask::{Ask, PathId, PathIds};
use crate::http::fields::invalid;
use crate::http::query::Query;
use crate::http::refusal::Faults;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::VoiceChannelId;
use model::fault::Fault;
use model::tenant::Principal;
use ports::store::CallFilter;

/// Calls of one page, and how many where nothing is said.
const LIMITS: std::ops::RangeInclusive<u32> = 1..=1_000;
const LIMIT: u32 = 25;
/// Longest `to` and `from`, in characters.
const ADDRESS_CHARS_MAX: usize = 100;
/// Most values of a parameter that can be repeated.
const VALUES_MAX: usize = 25;
/// Longest tag, in characters.
const TAG_CHARS_MAX: usize = 50;

/// `GET …/channels/{channelId}/calls`.
pub(crate) async fn of_channel(
    State(door): State<Door>,
    PathIds((workspace, channel)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, BirdError> {
    let channel = workspace_and_channel(&door, ask.who(), &workspace, &channel).await?;
    let mut faults = Faults::default();
    let mut query = ask.query()?;
    let (page, filter) = filter(&mut query, &mut faults);
    faults.of(query.finish());
    let filter = CallFilter { voice_channels: vec![channel.id], ..filter };
    show(&door, ask.who(), filter, page, faults).await
}

/// `GET /workspaces/{workspaceId}/channels/calls`.
pub(crate) async fn of_workspace(
    State(door): State<Door>,
    PathId(workspace_id): PathId,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace(ask.who(), &workspace_id)?;
    let mut faults = Faults::default();
    let mut query = ask.query()?;
    let (page, filter) = filter(&mut query, &mut faults);
    let channels = faults.of(query.texts("channelId", VALUES_MAX)).unwrap_or_default();
    let channels = channels.iter().map(|text| channel_id(text));
    let voice_channels = channels.filter_map(|id| faults.of(id)).collect();
    let tags = faults.of(query.texts("tag", VALUES_MAX)).unwrap_or_default();
    if tags.iter().any(|tag| !(1..=TAG_CHARS_MAX).contains(&tag.chars().count())) {
        faults.push(invalid("tag", "must be 1 to 50 characters long"));
    }
    let tags = tags.iter().map(|tag| tag.to_lowercase()).collect();
    faults.of(query.finish());
    show(&door, ask.who(), CallFilter { voice_channels, tags, ..filter }, page, faults).await
}

async fn show(
    door: &Door,
    who: Principal,
    filter: CallFilter,
    page: PageAsk,
    faults: Faults,
) -> Result<Response, BirdError> {
    faults.check()?;
    let (calls, next) = door.engine.calls_before(who, filter, page.after, page.limit).await?;
    let flows = door.engine.flows_of(&calls).await?;
    let results = calls.iter().map(|call| CallView::with_flow(call, flows.get(&call.id))).collect();
    Ok(Json(PageView::new(results, next)).into_response())
}

/// What both lists can be narrowed by.
fn filter(query: &mut Query, faults: &mut Faults) -> (PageAsk, CallFilter) {
    let page = PageAsk::take(query, LIMITS, LIMIT, faults);
    let statuses = faults.of(query.choices("status", STATUSES, VALUES_MAX)).unwrap_or_default();
    let filter = CallFilter {
        statuses: statuses.concat(),
        direction: faults.keep(query.choice("direction", DIRECTIONS)),
        reach: faults.keep(query.choice("type", TYPES)),
        from: address(query, "from", faults),
        to: address(query, "to", faults),
        created_after: faults.keep(query.time("startAt")),
        created_before: faults.keep(query.time("endAt")),
        duration_s: faults.keep(query.integer("duration", 0..=u64::from(u32::MAX))),
        id: call_id(query, faults),
        ..CallFilter::default()
    };
    (page, filter)
}

/// A plus sign that was not escaped arrives as a space.
fn address(query: &mut Query, name: &str, faults: &mut Faults) -> Option<String> {
    let text = faults.keep(query.text(name))?;
    if !(1..=ADDRESS_CHARS_MAX).contains(&text.chars().count()) {
        faults.push(invalid(name, &format!("must be 1 to {ADDRESS_CHARS_MAX} characters long")));
    }
    Some(text.strip_prefix(' ').map_or_else(|| text.clone(), |digits| format!("+{digits}")))
}

fn call_id(query: &mut Query, faults: &mut Faults) -> Option<model::CallId> {
    let text = faults.keep(query.text("id"))?;
    faults.of(id(&text).map_err(|_: Fault| invalid("id", "must be a UUID")))
}

fn channel_id(text: &str) -> Result<VoiceChannelId, Fault> {
    id(text).map_err(|_: Fault| invalid("channelId", "must be a UUID"))
}
