//! What every resource asks first: whose key it is, and what an idempotency key means.

use crate::calls::{IdempotencyHeader, Outcome};
use crate::core::Core;
use crate::fault::of_store;
use model::call::Mode;
use model::fault::{Fault, FaultCode};
use model::tenant::{Principal, Scope};
use model::{AppId, OrganizationId};
use ports::StoreError;
use ports::store::{Idempotency, PageRequest, StoredResponse, Written};

/// The organization that an admin key administers.
pub(crate) fn admin(who: Principal) -> Result<OrganizationId, Fault> {
    match who.scope {
        Scope::Organization => Ok(who.organization),
        Scope::App(..) => Err(Fault::new(FaultCode::WrongKeyClass)),
    }
}

/// The app and mode that an app key speaks for.
pub(crate) fn app(who: Principal) -> Result<(AppId, Mode), Fault> {
    match who.scope {
        Scope::App(app, mode) => Ok((app, mode)),
        Scope::Organization => Err(Fault::new(FaultCode::WrongKeyClass)),
    }
}

/// The page within what the store takes.
pub(crate) fn page(request: PageRequest) -> PageRequest {
    PageRequest { limit: request.limit.clamp(1, 100), offset: request.offset }
}

/// The idempotency key as the store wants it, with the answer that will be given.
pub(crate) fn idempotent(
    core: &Core,
    who: Principal,
    header: Option<IdempotencyHeader>,
    response: &StoredResponse,
) -> Option<(Idempotency, StoredResponse)> {
    header.map(|header| (header.of(who, core), response.clone()))
}

/// The answer that this idempotency key got before, if it did: asked before anything that may have changed since is
/// looked at.
pub(super) async fn given_before(
    core: &Core,
    who: Principal,
    header: Option<&IdempotencyHeader>,
) -> Result<Option<StoredResponse>, Fault> {
    let key = header.cloned().map(|header| header.of(who, core));
    core.given_before(key.as_ref()).await
}

/// What a resource's creation answers. `conflict` makes the fault of a row that exists already.
pub(crate) fn written(
    result: Result<Written, StoreError>,
    response: StoredResponse,
    conflict: impl FnOnce() -> Fault,
) -> Result<Outcome, Fault> {
    match result {
        Ok(Written::New) => Ok(Outcome::New(response)),
        Ok(Written::Replayed(first)) => Ok(Outcome::Replayed(first)),
        Ok(Written::Mismatch) => Err(Fault::new(FaultCode::IdempotencyConflict)),
        Err(StoreError::Conflict(_)) => Err(conflict()),
        Err(other) => Err(of_store(other)),
    }
}
