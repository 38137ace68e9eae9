//! `/organizations/{org}/workspaces/{workspace}/webhook-subscriptions` (contract §2.14), their log, and the workspace's
//! default signing key.

use super::page::{PageAsk, PageView};
use super::render::{EVENTS, SERVICE};
use super::scope::{id, workspace};
use super::time::time;
use super::view::STATUSES;
use super::{DOOR, Door};
use crate::http::ask::{Ask, PathIds, answer, response};
use crate::http::fields::{Fields, invalid};
use crate::http::refusal::{Faults, Refusal};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::{NewWebhook, WebhookChange};
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use model::webhook::{Attempt, Delivery, DeliveryState, EventFilter, WebhookEndpoint};
use model::{CallId, OrganizationId, Secret, Timestamp, WebhookId};
use ports::store::{DeliveryFilter, PageRequest, Place};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Most subscriptions of one event with the same filters.
const ALIKE_MAX: usize = 5;
const FILTERS_MAX: usize = 20;
const URL_CHARS_MAX: usize = 2_048;
const KEY_CHARS_MAX: usize = 256;
/// How long the log is shown.
const LOG_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);

/// `POST …/webhook-subscriptions`.
pub(crate) async fn create(
    State(door): State<Door>,
    PathIds((organization, space)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    own(ask.who(), &organization, &space)?;
    let mut fields = ask.fields()?;
    let mut faults = Faults::default();
    faults.need("service", fields.choice("service", &[(SERVICE, ())]));
    let event = faults.need("event", event(&mut fields));
    let url = faults.need("url", url(&door, &mut fields));
    let key = faults.keep(signing_key(&mut fields));
    let filters = filters(&mut fields, &mut faults).unwrap_or_default();
    finish(fields, faults)?;
    let new = NewWebhook {
        door: DOOR.to_owned(),
        url: url.unwrap_or_default(),
        events: event.into_iter().collect(),
        filters,
        headers: BTreeMap::new(),
        signing_secret: key.clone(),
        alike_max: Some(ALIKE_MAX),
    };
    let organization = ask.who().organization;
    let render = |endpoint: &WebhookEndpoint| {
        // Who chose the key knows it; one that was made here is shown this once.
        let made =
            key.is_none().then(|| String::from_utf8_lossy(endpoint.signing_secret.expose()).into_owned());
        response(StatusCode::CREATED, &Subscription { signing_key: made, ..view(endpoint, organization) })
    };
    Ok(answer(door.engine.create_webhook(ask.who(), new, ask.idempotency()?, &render).await?))
}

/// `GET …/webhook-subscriptions`, newest first.
pub(crate) async fn list(
    State(door): State<Door>,
    PathIds((organization, space)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    own(ask.who(), &organization, &space)?;
    let mut query = ask.query()?;
    let mut faults = Faults::default();
    let page = PageAsk::take(&mut query, 1..=99, 10, &mut faults);
    faults.of(query.finish());
    faults.check()?;
    let place = |endpoint: &WebhookEndpoint| Place { at: endpoint.created_at, id: endpoint.id.uuid() };
    let follows = |endpoint: &WebhookEndpoint| {
        page.after.is_none_or(|after| {
            let here = place(endpoint);
            (here.at, here.id) < (after.at, after.id)
        })
    };
    let mut known = door.engine.webhooks(ask.who(), DOOR).await?;
    known.retain(follows);
    let more = known.len() > page.limit as usize;
    known.truncate(page.limit as usize);
    let next = known.last().filter(|_| more).map(place);
    let organization = ask.who().organization;
    let results = known.iter().map(|endpoint| view(endpoint, organization)).collect();
    Ok(Json(PageView::new(results, next)).into_response())
}

/// `GET …/webhook-subscriptions/{id}`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathIds((organization, space, subscription)): PathIds<(String, String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    own(ask.who(), &organization, &space)?;
    let endpoint = door.engine.webhook(ask.who(), DOOR, id::<WebhookId>(&subscription)?).await?;
    Ok(Json(view(&endpoint, ask.who().organization)).into_response())
}

/// `PATCH …/webhook-subscriptions/{id}`: what is not given stays. One that was disabled is active again, unless
/// `status` says `inactive`.
pub(crate) async fn update(
    State(door): State<Door>,
    PathIds((organization, space, subscription)): PathIds<(String, String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    own(ask.who(), &organization, &space)?;
    let mut fields = ask.fields()?;
    let mut faults = Faults::default();
    faults.keep(fields.choice("service", &[(SERVICE, ())]));
    let event = faults.keep(event(&mut fields));
    let url = faults.keep(url(&door, &mut fields));
    let signing_secret = faults.keep(signing_key(&mut fields));
    let filters = filters(&mut fields, &mut faults);
    let active = faults.keep(fields.choice("status", &[("active", true), ("inactive", false)]));
    finish(fields, faults)?;
    let change = WebhookChange {
        url,
        events: event.map(|event| vec![event]),
        filters,
        headers: None,
        signing_secret,
        alike_max: Some(ALIKE_MAX),
        disable: (active == Some(false)).then(|| "Set inactive by its owner.".to_owned()),
    };
    let subscription = id::<WebhookId>(&subscription)?;
    let endpoint = door.engine.update_webhook(ask.who(), DOOR, subscription, change).await?;
    Ok(Json(view(&endpoint, ask.who().organization)).into_response())
}

/// `DELETE …/webhook-subscriptions/{id}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathIds((organization, space, subscription)): PathIds<(String, String, String)>,
    ask: Ask,
) -> Result<StatusCode, Refusal> {
    own(ask.who(), &organization, &space)?;
    door.engine.delete_webhook(ask.who(), DOOR, id::<WebhookId>(&subscription)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET …/webhook-subscriptions/{id}/logs`: what became of each delivery of the last seven days, newest first.
pub(crate) async fn logs(
    State(door): State<Door>,
    PathIds((organization, space, subscription)): PathIds<(String, String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    own(ask.who(), &organization, &space)?;
    let mut query = ask.query()?;
    let mut faults = Faults::default();
    let page = PageAsk::take(&mut query, 1..=99, 10, &mut faults);
    faults.of(query.finish());
    faults.check()?;
    let before = page.after.map(|after| (CallId::from_uuid(after.id), sequence(after)));
    let filter = DeliveryFilter { before, ..DeliveryFilter::default() };
    let request = PageRequest { limit: page.limit + 1, offset: 0 };
    let subscription = id::<WebhookId>(&subscription)?;
    let mut found = door.engine.deliveries(ask.who(), DOOR, subscription, filter, request).await?.items;
    let more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let next = found.last().filter(|_| more).map(|(delivery, _)| place(delivery));
    let now = door.engine.now();
    let results: Vec<Line> = found.iter().map(line).filter(|line| line.at + LOG_KEPT >= now).collect();
    Ok(Json(PageView::new(results, next)).into_response())
}

/// `GET …/signing-key`: what signs the events of calls whose `notification.url` no subscription stands behind.
pub(crate) async fn signing_key_of_workspace(
    State(door): State<Door>,
    PathIds((organization, space)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    own(ask.who(), &organization, &space)?;
    let secret = door.engine.default_signing_secret(ask.who(), DOOR).await?;
    let key = String::from_utf8_lossy(secret.expose()).into_owned();
    Ok(Json(serde_json::json!({ "signingKey": key })).into_response())
}

/// The path must name the key's own organization and workspace. An organization is known by its UUID, and by the
/// spelling that `lyrebird init` shows.
fn own(who: Principal, organization: &str, space: &str) -> Result<(), Fault> {
    workspace(who, space)?;
    let named = organization.strip_prefix("org_").and_then(|text| OrganizationId::from_ksuid(text).ok());
    if named.map_or_else(|| id(organization), Ok)? == who.organization {
        Ok(())
    } else {
        Err(Fault::new(FaultCode::Forbidden))
    }
}

fn finish(mut fields: Fields, mut faults: Faults) -> Result<(), Refusal> {
    if fields.take("template").is_some() {
        faults.push(invalid("template", "is not served here: events come in one shape"));
    }
    faults.extend(fields.unknown());
    faults.check()
}

fn event(fields: &mut Fields) -> Result<Option<String>, Fault> {
    let known = EVENTS.map(|event| (event, event));
    Ok(fields.choice("event", &known)?.map(str::to_owned))
}

/// `^https://([a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}(/[^\s]*)?$`, or a host that the configuration allows for development.
fn url(door: &Door, fields: &mut Fields) -> Result<Option<String>, Fault> {
    let Some(url) = fields.text("url", 1..=URL_CHARS_MAX)? else { return Ok(None) };
    if is_public_https(&url) || door.engine.is_allowed_host(&url) {
        return Ok(Some(url));
    }
    Err(invalid("url", "must begin with https:// and a host name, without a port or an IP address"))
}

fn is_public_https(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let Some((labels, top)) = host.rsplit_once('.') else { return false };
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    labels.split('.').all(is_label)
        && top.len() >= 2
        && top.bytes().all(|b| b.is_ascii_alphabetic())
        && !path.contains(char::is_whitespace)
}

fn signing_key(fields: &mut Fields) -> Result<Option<Secret<Vec<u8>>>, Fault> {
    Ok(fields.text("signingKey", 1..=KEY_CHARS_MAX)?.map(|key| Secret::new(key.into_bytes())))
}

fn filters(fields: &mut Fields, faults: &mut Faults) -> Option<Vec<EventFilter>> {
    let items = faults.keep(fields.list("eventFilters", 0..=FILTERS_MAX))?;
    let mut filters: Vec<EventFilter> = Vec::new();
    for (path, value) in items {
        if let Some(filter) = faults.of(filter(&path, value)) {
            if filter.key == "channelId" && filters.iter().any(|known| known.key == "channelId") {
                faults.push(invalid(&path, "is a second channelId; a subscription has at most one"));
            }
            filters.push(filter);
        }
    }
    Some(filters)
}

fn filter(path: &str, value: Value) -> Result<EventFilter, Fault> {
    let mut fields = Fields::of_value(path.to_owned(), value)?;
    let key = fields.choice("key", &[("channelId", "channelId"), ("status", "status")])?;
    let key = fields.required("key", key)?;
    let value = fields.text("value", 1..=64)?;
    let value = fields.required("value", value)?;
    let value_path = fields.path("value");
    fields.finish()?;
    let value = match key {
        "channelId" => {
            let channel = value.parse::<uuid::Uuid>();
            channel.map_err(|_| invalid(&value_path, "is no id of a channel"))?.to_string()
        }
        _ if STATUSES.iter().any(|(word, _)| *word == value) => value,
        _ => {
            let words: Vec<&str> = STATUSES.iter().map(|(word, _)| *word).collect();
            return Err(invalid(&value_path, &format!("must be one of {}", words.join(", "))));
        }
    };
    Ok(EventFilter { key: key.to_owned(), value })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    id: String,
    organization_id: String,
    workspace_id: String,
    service: &'static str,
    event: String,
    url: String,
    event_filters: Vec<Filter>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_key: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Filter {
    key: String,
    value: String,
}

fn view(endpoint: &WebhookEndpoint, organization: OrganizationId) -> Subscription {
    let filter = |filter: &EventFilter| Filter { key: filter.key.clone(), value: filter.value.clone() };
    Subscription {
        id: endpoint.id.to_string(),
        organization_id: organization.to_string(),
        workspace_id: endpoint.app.to_string(),
        service: SERVICE,
        event: endpoint.events.first().cloned().unwrap_or_default(),
        url: endpoint.url.clone(),
        event_filters: endpoint.filters.iter().map(filter).collect(),
        status: if endpoint.disabled.is_some() { "inactive" } else { "active" },
        signing_key: None,
        created_at: time(endpoint.created_at),
        updated_at: time(endpoint.updated_at),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    request_id: String,
    attempt_count: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status_code: Option<u16>,
    execution_status: &'static str,
    created_at: String,
    #[serde(skip)]
    at: Timestamp,
}

fn line((delivery, attempts): &(Delivery, Vec<Attempt>)) -> Line {
    let at = attempts.first().map(|attempt| attempt.at).or(delivery.due_at).unwrap_or_default();
    Line {
        request_id: delivery.message_id.clone(),
        attempt_count: delivery.attempts,
        http_status_code: attempts.last().and_then(|attempt| attempt.status),
        execution_status: match delivery.state {
            DeliveryState::Pending if delivery.attempts == 0 => "pending",
            DeliveryState::Pending => "retrying",
            DeliveryState::Delivered => "succeeded",
            DeliveryState::Exhausted => "failed",
            DeliveryState::Dropped => "dropped",
        },
        created_at: time(at),
        at,
    }
}

/// A delivery's place in the log: its call, and its number in place of a time.
fn place(delivery: &Delivery) -> Place {
    Place { at: Timestamp::from_micros(delivery.sequence.into()), id: delivery.call.uuid() }
}

fn sequence(place: Place) -> u32 {
    u32::try_from(place.at.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_https_by_name_without_a_port() {
        let check = |url: &str, good: bool| assert_eq!(is_public_https(url), good, "{url}");
        check("https://example.com", true);
        check("https://a.b-c.example.com/x?y=1#z", true);
        check("https://example.com/", true);
        check("http://example.com/", false);
        check("https://example.com:443/", false);
        check("https://127.0.0.1/", false);
        check("https://[::1]/", false);
        check("https://localhost/", false);
        check("https://user@example.com/", false);
        check("https://example.com/a b", false);
        check("https://example..com/", false);
        check("https://example.c/", false);
        check("https://example.com?x=1", false);
    }
}
