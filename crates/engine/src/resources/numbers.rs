//! Phone numbers that apps own. Admin keys assign them; an app key sees its own app's.

use super::checks::{admin, given_before, idempotent, page, written};
use crate::calls::{IdempotencyHeader, Outcome};
use crate::engine::Engine;
use crate::fault::of_store;
use model::fault::{Fault, FaultCode};
use model::flow::Flow;
use model::tenant::{Principal, Scope};
use model::trunk::PhoneNumber;
use model::{AppId, E164, NumberId, TrunkId};
use ports::store::{Page, PageRequest, StoredResponse};

/// A number to be assigned.
#[derive(Debug, Clone)]
pub struct NewNumber {
    /// The number, in international form.
    pub number: String,
    /// The app that shall own it.
    pub app: AppId,
    /// The trunk it lives on.
    pub trunk: TrunkId,
    /// What it does with its calls by itself; none where the app decides.
    pub flow: Option<Flow>,
}

impl Engine {
    /// Assigns a number to an app and a trunk of the organization. Admin keys only.
    pub async fn create_number(
        &self,
        who: Principal,
        new: NewNumber,
        idempotency: Option<IdempotencyHeader>,
        render: &(dyn Fn(&PhoneNumber) -> StoredResponse + Send + Sync),
    ) -> Result<Outcome, Fault> {
        let organization = admin(who)?;
        let core = &self.core;
        if let Some(first) = given_before(core, who, idempotency.as_ref()).await? {
            return Ok(Outcome::Replayed(first));
        }
        let number: E164 = new
            .number
            .parse()
            .map_err(|error: model::number::NumberError| invalid_number("number", &error.to_string()))?;
        let refuse = |param, message| Err(Fault::field(FaultCode::InvalidField, param, message));
        let app = core.store.app(new.app).await.map_err(of_store)?;
        if app.is_none_or(|app| app.organization != organization) {
            return refuse("appId", "there is no such app in this organization");
        }
        if core.store.trunk(organization, new.trunk).await.map_err(of_store)?.is_none() {
            return refuse("trunkId", "there is no such trunk in this organization");
        }
        let now = core.now();
        let id = core.with_ids(|ids| NumberId::generate(ids, now));
        let number = PhoneNumber {
            id,
            number,
            app: new.app,
            trunk: new.trunk,
            flow: new.flow,
            filed: false,
            created_at: now,
        };
        let response = render(&number);
        let idempotency = idempotent(core, who, idempotency, &response);
        let result = core.store.create_number(&number, idempotency).await;
        written(result, response, || {
            let taken = FaultCode::PhoneNumberTaken;
            Fault::field(taken, "number", format!("{} {}", taken.cause(), taken.remedy()))
        })
    }

    /// Changes what a number does with its calls by itself: a flow, or nothing. Calls that have arrived go on as they
    /// began. Admin keys only.
    pub async fn set_number_flow(
        &self,
        who: Principal,
        id: NumberId,
        flow: Option<Flow>,
    ) -> Result<PhoneNumber, Fault> {
        let organization = admin(who)?;
        let store = &self.core.store;
        let found = store.number_by_id(organization, id).await.map_err(of_store)?;
        let number = PhoneNumber { flow, ..found.ok_or_else(|| Fault::new(FaultCode::NotFound))? };
        store.update_number(organization, &number).await.map_err(of_store)?;
        Ok(number)
    }

    /// Takes an assignment back. Admin keys only.
    pub async fn delete_number(&self, who: Principal, id: NumberId) -> Result<(), Fault> {
        self.core.store.delete_number(admin(who)?, id).await.map_err(of_store)
    }

    /// Numbers, newest first: the organization's for an admin key, the app's own for an app key.
    pub async fn numbers(&self, who: Principal, request: PageRequest) -> Result<Page<PhoneNumber>, Fault> {
        let app = match who.scope {
            Scope::Organization => None,
            Scope::App(app, _) => Some(app),
        };
        self.core.store.numbers(who.organization, app, page(request)).await.map_err(of_store)
    }
}

/// The fault of a text that is no phone number.
pub(crate) fn invalid_number(param: &str, message: &str) -> Fault {
    Fault::field(FaultCode::InvalidPhoneNumber, param, message)
}
