//! Phone endpoints: made, listed, removed. An app's live key speaks for its own; an admin key for those of the
//! organization. The password is shown once and never stored.

use super::checks::page;
use crate::engine::Engine;
use crate::fault::of_store;
use crate::keys::random_chars;
use model::call::Mode;
use model::endpoint::{DigestSecrets, PhoneEndpoint};
use model::fault::{Fault, FaultCode};
use model::tenant::{Principal, Scope};
use model::{AppId, EndpointId, Secret};
use ports::StoreError;
use ports::carrier::PhoneRegistration;
use ports::store::{Page, PageRequest};
use sha2::Digest as _;

/// Characters of a password that is made here: 119 random bits.
const PASSWORD_CHARS_MADE: usize = 20;

/// An endpoint to be made.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Its app, for admin keys; an app key's own otherwise.
    pub app: Option<AppId>,
    /// Its user name.
    pub username: String,
    /// Its password; one is made if none is given.
    pub password: Option<Secret<String>>,
}

/// An endpoint that was made. Its password is shown once.
#[derive(Debug, Clone)]
pub struct CreatedEndpoint {
    /// What is stored.
    pub endpoint: PhoneEndpoint,
    /// The password.
    pub password: Secret<String>,
}

impl Engine {
    /// Makes an endpoint; it may register at once.
    pub async fn create_endpoint(&self, who: Principal, new: NewEndpoint) -> Result<CreatedEndpoint, Fault> {
        let app = self.app_of_endpoints(who, new.app).await?;
        if !PhoneEndpoint::is_username(&new.username) {
            let message = "must have 3 to 64 characters of a-z, 0-9, '.', '_' and '-'";
            return Err(Fault::field(FaultCode::InvalidField, "username", message));
        }
        let password = match new.password {
            Some(password) => checked(password)?,
            None => Secret::new(random_chars(PASSWORD_CHARS_MADE)?),
        };
        let core = &self.core;
        let now = core.now();
        let endpoint = PhoneEndpoint {
            id: core.with_ids(|ids| EndpointId::generate(ids, now)),
            organization: who.organization,
            app,
            secrets: secrets(&new.username, &password),
            username: new.username,
            created_at: now,
        };
        match core.store.create_endpoint(&endpoint).await {
            Ok(()) => {}
            Err(StoreError::Conflict(reason)) => {
                let message = format!("{reason}; choose another, or remove an endpoint first");
                return Err(Fault::field(FaultCode::EndpointConflict, "username", message));
            }
            Err(error) => return Err(of_store(error)),
        }
        core.phones.refresh(core.store.as_ref(), &core.trunks).await.map_err(of_store)?;
        Ok(CreatedEndpoint { endpoint, password })
    }

    /// Removes an endpoint; what it had registered is forgotten at once.
    pub async fn delete_endpoint(&self, who: Principal, id: EndpointId) -> Result<(), Fault> {
        let app = scope(who)?;
        let core = &self.core;
        core.store.delete_endpoint(who.organization, app, id).await.map_err(of_store)?;
        core.phones.refresh(core.store.as_ref(), &core.trunks).await.map_err(of_store)
    }

    /// Endpoints, newest first.
    pub async fn endpoints(
        &self,
        who: Principal,
        request: PageRequest,
    ) -> Result<Page<PhoneEndpoint>, Fault> {
        self.core.store.endpoints(who.organization, scope(who)?, page(request)).await.map_err(of_store)
    }

    /// One endpoint.
    pub async fn endpoint(&self, who: Principal, id: EndpointId) -> Result<PhoneEndpoint, Fault> {
        let found = self.core.store.endpoint(who.organization, scope(who)?, id).await.map_err(of_store)?;
        found.ok_or_else(|| Fault::new(FaultCode::NotFound))
    }

    /// Where an endpoint is registered now, the preferred place first.
    pub fn registrations(&self, endpoint: &PhoneEndpoint) -> Vec<PhoneRegistration> {
        self.core.trunks.live().map(|live| live.registrations(endpoint)).unwrap_or_default()
    }

    async fn app_of_endpoints(&self, who: Principal, named: Option<AppId>) -> Result<AppId, Fault> {
        match (scope(who)?, named) {
            (Some(own), None) => Ok(own),
            (Some(own), Some(named)) if own == named => Ok(own),
            (Some(_), Some(_)) => Err(no_such_app()),
            (None, None) => Err(Fault::field(
                FaultCode::MissingField,
                "appId",
                "is needed with an admin key: the app that the endpoint shall belong to",
            )),
            (None, Some(named)) => {
                let app = self.core.store.app(named).await.map_err(of_store)?;
                let ours = app.filter(|app| app.organization == who.organization);
                ours.map(|app| app.id).ok_or_else(no_such_app)
            }
        }
    }
}

/// The app of a live key; none for an admin key. Test keys have no phones: the sandbox reaches none.
fn scope(who: Principal) -> Result<Option<AppId>, Fault> {
    match who.scope {
        Scope::Organization => Ok(None),
        Scope::App(app, Mode::Live) => Ok(Some(app)),
        Scope::App(_, Mode::Test) => Err(Fault::new(FaultCode::WrongKeyClass)),
    }
}

fn no_such_app() -> Fault {
    Fault::field(FaultCode::InvalidField, "appId", "there is no such app in this organization")
}

fn checked(password: Secret<String>) -> Result<Secret<String>, Fault> {
    let text = password.expose();
    let printable = text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if printable && PhoneEndpoint::PASSWORD_CHARS.contains(&text.len()) {
        return Ok(password);
    }
    let message =
        "must have 12 to 128 printable ASCII characters without spaces; leave it out to have one made";
    Err(Fault::field(FaultCode::InvalidField, "password", message))
}

/// The hashes that digest authentication compares (RFC 7616 §3.4.2).
fn secrets(username: &str, password: &Secret<String>) -> DigestSecrets {
    let text = format!("{username}:{}:{}", PhoneEndpoint::REALM, password.expose());
    DigestSecrets {
        md5: Secret::new(hex(&md5::Md5::digest(&text))),
        sha256: Secret::new(hex(&sha2::Sha256::digest(&text))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_those_of_the_rfc() {
        // RFC 7616 §3.9.1 with another realm would not compare; the hash of the joined text is what counts.
        let made = secrets("alice", &Secret::new("a long enough one".into()));
        let expected = "alice:lyrebird:a long enough one";
        assert_eq!(made.md5.expose(), &hex(&md5::Md5::digest(expected)));
        assert_eq!(made.sha256.expose().len(), 64);
    }

    #[test]
    fn passwords_are_long_and_printable() {
        for (text, good) in [
            ("twelve-chars", true),
            ("short", false),
            ("has a space in it", false),
            ("ünpräsentabel!", false),
        ] {
            assert_eq!(checked(Secret::new(text.into())).is_ok(), good, "{text}");
        }
    }
}
