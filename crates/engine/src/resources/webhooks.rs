//! Webhook endpoints and their delivery log. App keys only.

use super::checks::{app, given_before, idempotent, page, written};
use crate::calls::{IdempotencyHeader, Outcome};
use crate::core::Core;
use crate::engine::Engine;
use crate::fault::of_store;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::call::Mode;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use model::webhook::{Attempt, Delivery, Disabled, EventFilter, WebhookEndpoint};
use model::{AppId, Secret, WebhookId};
use ports::store::{DeliveryFilter, Page, PageRequest, StoredResponse};
use ports::{EgressError, StoreError};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Most endpoints of an app.
pub(crate) const WEBHOOKS_MAX: u32 = 50;
const ALL: PageRequest = PageRequest { limit: WEBHOOKS_MAX, offset: 0 };
const URL_BYTES_MAX: usize = 2_048;
const FILTERS_MAX: usize = 20;
const SECRET_BYTES: RangeInclusive<usize> = 1..=256;
const EVENTS_MAX: usize = 100;
const HEADERS_MAX: usize = 20;
const HEADER_NAME_BYTES_MAX: usize = 128;
const HEADER_VALUE_BYTES_MAX: usize = 4_096;
/// Headers that a delivery sets itself, or that belong to the connection.
const HEADERS_RESERVED: [&str; 12] = [
    "host",
    "content-length",
    "content-type",
    "connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "expect",
    "user-agent",
];
/// How the names of the signature's headers begin.
const SIGNATURE_HEADERS: &str = "webhook-";

/// An endpoint to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// The front door in whose shape events are rendered, by its name.
    pub door: String,
    /// Destination.
    pub url: String,
    /// The door's names of the wanted events; the door has checked them.
    pub events: Vec<String>,
    /// What narrows the events further.
    pub filters: Vec<EventFilter>,
    /// Static headers sent with each delivery, at most 20.
    pub headers: BTreeMap<String, Secret<String>>,
    /// The app's own choice, at most 256 bytes; none: one is made.
    pub signing_secret: Option<Secret<Vec<u8>>>,
    /// Most endpoints of the door that want the same events under the same filters.
    pub alike_max: Option<usize>,
}

/// What shall change of an endpoint; what is none stays. A change enables a disabled endpoint again.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// See [`NewWebhook::url`].
    pub url: Option<String>,
    /// See [`NewWebhook::events`].
    pub events: Option<Vec<String>>,
    /// See [`NewWebhook::filters`].
    pub filters: Option<Vec<EventFilter>>,
    /// See [`NewWebhook::headers`].
    pub headers: Option<BTreeMap<String, Secret<String>>>,
    /// See [`NewWebhook::signing_secret`].
    pub signing_secret: Option<Secret<Vec<u8>>>,
    /// See [`NewWebhook::alike_max`].
    pub alike_max: Option<usize>,
    /// Disables it, for this reason, instead of enabling it.
    pub disable: Option<String>,
}

impl Engine {
    /// Makes an endpoint with a signing secret of its own.
    pub async fn create_webhook(
        &self,
        who: Principal,
        new: NewWebhook,
        idempotency: Option<IdempotencyHeader>,
        render: &(dyn Fn(&WebhookEndpoint) -> StoredResponse + Send + Sync),
    ) -> Result<Outcome, Fault> {
        let (app, mode) = app(who)?;
        let core = &self.core;
        if let Some(first) = given_before(core, who, idempotency.as_ref()).await? {
            return Ok(Outcome::Replayed(first));
        }
        let now = core.now();
        let endpoint = WebhookEndpoint {
            id: core.with_ids(|ids| WebhookId::generate(ids, now)),
            app,
            mode,
            door: new.door,
            url: new.url,
            events: new.events,
            filters: in_order(new.filters),
            headers: new.headers,
            signing_secret: new.signing_secret.map_or_else(signing_secret, Ok)?,
            notifier: false,
            created_at: now,
            updated_at: now,
            disabled: None,
        };
        self.check_webhook(&endpoint)?;
        // Two at once must not both find the last place free.
        let _alone = core.making_webhooks.lock().await;
        let others = self.other_webhooks(&endpoint).await?;
        if others.len() >= WEBHOOKS_MAX as usize {
            let message = format!("an app may have at most {WEBHOOKS_MAX} webhooks");
            return Err(Fault::field(FaultCode::InvalidField, "url", message));
        }
        check_alike(&endpoint, &others, new.alike_max)?;
        let response = render(&endpoint);
        let idempotency = idempotent(core, who, idempotency, &response);
        let result = core.store.create_webhook(&endpoint, idempotency).await;
        written(result, response, || Fault::new(FaultCode::InvalidField))
    }

    /// Changes an endpoint of a door.
    pub async fn update_webhook(
        &self,
        who: Principal,
        door: &str,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<WebhookEndpoint, Fault> {
        let mut endpoint = self.webhook(who, door, id).await?;
        endpoint.url = change.url.unwrap_or(endpoint.url);
        endpoint.events = change.events.unwrap_or(endpoint.events);
        endpoint.filters = change.filters.map_or(endpoint.filters, in_order);
        endpoint.headers = change.headers.unwrap_or(endpoint.headers);
        endpoint.signing_secret = change.signing_secret.unwrap_or(endpoint.signing_secret);
        endpoint.updated_at = self.core.now();
        endpoint.disabled = change.disable.map(|reason| Disabled { at: endpoint.updated_at, reason });
        self.check_webhook(&endpoint)?;
        let _alone = self.core.making_webhooks.lock().await;
        check_alike(&endpoint, &self.other_webhooks(&endpoint).await?, change.alike_max)?;
        self.core.store.update_webhook(&endpoint).await.map_err(of_store)?;
        Ok(endpoint)
    }

    /// Removes an endpoint; what was still to be delivered to it is dropped.
    pub async fn delete_webhook(&self, who: Principal, door: &str, id: WebhookId) -> Result<(), Fault> {
        let endpoint = self.webhook(who, door, id).await?;
        self.core.store.delete_webhook(endpoint.app, id).await.map_err(of_store)
    }

    /// One endpoint of a door.
    pub async fn webhook(&self, who: Principal, door: &str, id: WebhookId) -> Result<WebhookEndpoint, Fault> {
        let (app, mode) = app(who)?;
        let found = self.core.store.webhook(app, id).await.map_err(of_store)?;
        let is_own =
            |endpoint: &WebhookEndpoint| endpoint.mode == mode && endpoint.door == door && !endpoint.notifier;
        found.filter(is_own).ok_or_else(|| Fault::new(FaultCode::NotFound))
    }

    /// All of the app's endpoints of a door and the key's mode, newest first.
    pub async fn webhooks(&self, who: Principal, door: &str) -> Result<Vec<WebhookEndpoint>, Fault> {
        let (app, mode) = app(who)?;
        let mut known = self.core.store.webhooks(app, mode, ALL).await.map_err(of_store)?.items;
        known.retain(|endpoint| endpoint.door == door);
        Ok(known)
    }

    /// Whether the configuration allows the URL's host by name, for development: doors ask less of such a URL.
    pub fn is_allowed_host(&self, url: &str) -> bool {
        self.core.egress.is_allowed_host(url)
    }

    /// An endpoint's deliveries with their attempts, newest first.
    pub async fn deliveries(
        &self,
        who: Principal,
        door: &str,
        id: WebhookId,
        filter: DeliveryFilter,
        request: PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, Fault> {
        self.webhook(who, door, id).await?;
        self.core.store.deliveries(id, filter, page(request)).await.map_err(of_store)
    }

    /// Under which secret the events of calls that name a URL of their own are signed, where no endpoint of the door
    /// wants them.
    pub async fn default_signing_secret(&self, who: Principal, door: &str) -> Result<Secret<Vec<u8>>, Fault> {
        let (app, mode) = app(who)?;
        let notifier = self.core.notifier(app, mode, door).await.map_err(of_store)?;
        Ok(notifier.signing_secret)
    }

    async fn other_webhooks(&self, endpoint: &WebhookEndpoint) -> Result<Vec<WebhookEndpoint>, Fault> {
        let known = self.core.store.webhooks(endpoint.app, endpoint.mode, ALL).await.map_err(of_store)?;
        Ok(known.items.into_iter().filter(|other| other.id != endpoint.id).collect())
    }

    fn check_webhook(&self, endpoint: &WebhookEndpoint) -> Result<(), Fault> {
        check_destination(&self.core, "url", &endpoint.url)?;
        let unknown = !self.core.renderers.iter().any(|renderer| renderer.door() == endpoint.door);
        if unknown {
            return Err(invalid("door", "there is no such door"));
        }
        if endpoint.events.is_empty() || endpoint.events.len() > EVENTS_MAX {
            return Err(invalid("events", format!("must name 1 to {EVENTS_MAX} events")));
        }
        if endpoint.filters.len() > FILTERS_MAX {
            return Err(invalid("eventFilters", format!("may hold at most {FILTERS_MAX} filters")));
        }
        if !SECRET_BYTES.contains(&endpoint.signing_secret.expose().len()) {
            let (least, most) = SECRET_BYTES.into_inner();
            return Err(invalid("signingKey", format!("must have {least} to {most} bytes")));
        }
        check_headers(&endpoint.headers)
    }
}

impl Core {
    /// The endpoint of deliveries to URLs that calls name for themselves; made when it is first needed.
    pub(crate) async fn notifier(
        &self,
        app: AppId,
        mode: Mode,
        door: &str,
    ) -> Result<WebhookEndpoint, StoreError> {
        let now = self.now();
        let secret = random_secret().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let fresh = WebhookEndpoint {
            id: self.with_ids(|ids| WebhookId::generate(ids, now)),
            app,
            mode,
            door: door.to_owned(),
            url: String::new(),
            events: Vec::new(),
            filters: Vec::new(),
            headers: BTreeMap::new(),
            signing_secret: secret,
            notifier: true,
            created_at: now,
            updated_at: now,
            disabled: None,
        };
        self.store.notifier(fresh).await
    }
}

fn in_order(mut filters: Vec<EventFilter>) -> Vec<EventFilter> {
    filters.sort_unstable();
    filters.dedup();
    filters
}

fn check_alike(
    endpoint: &WebhookEndpoint,
    others: &[WebhookEndpoint],
    max: Option<usize>,
) -> Result<(), Fault> {
    let is_alike = |other: &&WebhookEndpoint| {
        other.door == endpoint.door && other.events == endpoint.events && other.filters == endpoint.filters
    };
    match max {
        Some(max) if others.iter().filter(is_alike).count() >= max => {
            let message = format!("there may be at most {max} subscriptions with the same event and filters");
            Err(invalid("eventFilters", message))
        }
        _ => Ok(()),
    }
}

fn check_headers(headers: &BTreeMap<String, Secret<String>>) -> Result<(), Fault> {
    if headers.len() > HEADERS_MAX {
        return Err(invalid("headers", format!("may hold at most {HEADERS_MAX} headers")));
    }
    for (name, value) in headers {
        let param = || format!("headers.{}", name.chars().take(64).collect::<String>());
        let lower = name.to_ascii_lowercase();
        if !is_header_name(name) {
            return Err(invalid(param(), "is no header name"));
        }
        if HEADERS_RESERVED.contains(&lower.as_str()) || lower.starts_with(SIGNATURE_HEADERS) {
            return Err(invalid(param(), "is set by the server itself"));
        }
        let printable = value.expose().bytes().all(|b| (0x20..0x7f).contains(&b));
        if !printable || value.expose().len() > HEADER_VALUE_BYTES_MAX {
            return Err(invalid(param(), "must be at most 4096 printable ASCII characters"));
        }
    }
    Ok(())
}

/// RFC 9110 §5.1: a token.
fn is_header_name(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=HEADER_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(token)
}

/// Where events are to go.
pub(crate) fn check_destination(core: &Core, param: &str, url: &str) -> Result<(), Fault> {
    if url.len() > URL_BYTES_MAX {
        return Err(invalid(param, format!("must have at most {URL_BYTES_MAX} bytes")));
    }
    let refused = |error: EgressError| {
        let code = FaultCode::UrlNotAllowed;
        Fault::field(code, param, format!("{error}. {}", code.remedy()))
    };
    core.egress.check(url).map_err(refused)
}

fn invalid(param: impl Into<String>, message: impl Into<String>) -> Fault {
    Fault::field(FaultCode::InvalidField, param, message)
}

fn signing_secret() -> Result<Secret<Vec<u8>>, Fault> {
    random_secret().map_err(|error| {
        crate::fault::saying(FaultCode::StoreUnavailable, format!("no random bytes: {error}"))
    })
}

/// 192 random bits as 32 printable characters: some doors show a secret as it is.
fn random_secret() -> Result<Secret<Vec<u8>>, getrandom::Error> {
    let mut bits = [0; 24];
    getrandom::fill(&mut bits)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bits).into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str, good: bool) {
        let headers = BTreeMap::from([(name.to_owned(), Secret::new(value.to_owned()))]);
        assert_eq!(check_headers(&headers).is_ok(), good, "{name}");
    }

    #[test]
    fn static_headers() {
        check("X-Webhook-Secret", "hunter2", true);
        check("Authorization", "Bearer x", true);
        check("webhook-signature", "v1,x", false);
        check("Host", "x", false);
        check("Content-Length", "1", false);
        check("bad name", "x", false);
        check("", "x", false);
        check("x-line", "a\r\nb: c", false);
        check("x-long", &"a".repeat(4_097), false);
    }
}
