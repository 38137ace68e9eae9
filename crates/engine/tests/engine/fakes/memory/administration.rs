//! Organizations, keys, trunks, numbers, endpoints.

use super::{MemoryStore, page};
use model::endpoint::PhoneEndpoint;
use model::tenant::{App, KeyRecord, Organization};
use model::trunk::{PhoneNumber, Trunk};
use model::{AppId, E164, EndpointId, KeyId, NumberId, OrganizationId, Timestamp, TrunkId};
use ports::StoreError;
use ports::carrier::PhonePlaces;
use ports::store::{
    Bootstrap, EndpointStore, Idempotency, KeyStore, Page, PageRequest, StoredResponse, TrunkStore, Written,
};

#[async_trait::async_trait]
impl KeyStore for MemoryStore {
    async fn bootstrap(&self, bootstrap: Bootstrap) -> Result<bool, StoreError> {
        let mut state = self.write()?;
        if !state.organizations.is_empty() {
            return Ok(false);
        }
        state.organizations.push(bootstrap.organization);
        state.apps.insert(bootstrap.app.id, bootstrap.app);
        state.keys.extend(bootstrap.keys);
        Ok(true)
    }

    async fn organizations(&self) -> Result<Vec<Organization>, StoreError> {
        Ok(self.read().organizations.clone())
    }

    async fn apps(&self, organization: OrganizationId) -> Result<Vec<App>, StoreError> {
        let state = self.read();
        Ok(state.apps.values().filter(|app| app.organization == organization).cloned().collect())
    }

    async fn app(&self, app: AppId) -> Result<Option<App>, StoreError> {
        Ok(self.read().apps.get(&app).cloned())
    }

    async fn create_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.write()?.keys.push(key);
        Ok(())
    }

    async fn keys_by_prefix(&self, prefix: &str) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.read().keys.iter().filter(|key| key.prefix == prefix).cloned().collect())
    }

    async fn keys(&self, organization: OrganizationId) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.read().keys.iter().filter(|key| key.organization == organization).cloned().collect())
    }

    async fn revoke_key(&self, key: KeyId, at: Timestamp) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let found = state.keys.iter_mut().find(|record| record.id == key).ok_or(StoreError::NotFound)?;
        found.revoked_at = Some(at);
        Ok(())
    }
}

#[async_trait::async_trait]
impl TrunkStore for MemoryStore {
    async fn create_trunk(
        &self,
        trunk: &Trunk,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError> {
        let mut state = self.write()?;
        let written = state.once(idempotency);
        if written == Written::New {
            state.trunks.push(trunk.clone());
        }
        Ok(written)
    }

    async fn update_trunk(&self, trunk: &Trunk) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let found = state.trunks.iter_mut().find(|t| t.id == trunk.id).ok_or(StoreError::NotFound)?;
        *found = trunk.clone();
        Ok(())
    }

    async fn delete_trunk(&self, organization: OrganizationId, trunk: TrunkId) -> Result<(), StoreError> {
        let mut state = self.write()?;
        if state.numbers.iter().any(|number| number.trunk == trunk) {
            return Err(StoreError::Conflict("numbers"));
        }
        let before = state.trunks.len();
        state.trunks.retain(|t| !(t.id == trunk && t.organization == organization));
        if state.trunks.len() == before { Err(StoreError::NotFound) } else { Ok(()) }
    }

    async fn all_trunks(&self) -> Result<Vec<Trunk>, StoreError> {
        Ok(self.read().trunks.clone())
    }

    async fn trunks(
        &self,
        organization: OrganizationId,
        request: PageRequest,
    ) -> Result<Page<Trunk>, StoreError> {
        let state = self.read();
        let all = state.trunks.iter().filter(|trunk| trunk.organization == organization);
        Ok(page(all.cloned().collect(), request))
    }

    async fn trunk(&self, organization: OrganizationId, trunk: TrunkId) -> Result<Option<Trunk>, StoreError> {
        let state = self.read();
        Ok(state.trunks.iter().find(|t| t.id == trunk && t.organization == organization).cloned())
    }

    async fn create_number(
        &self,
        number: &PhoneNumber,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError> {
        let mut state = self.write()?;
        let written = state.once(idempotency);
        if written == Written::New {
            if state.numbers.iter().any(|known| known.number == number.number) {
                return Err(StoreError::Conflict("number"));
            }
            state.numbers.push(number.clone());
        }
        Ok(written)
    }

    async fn update_number(
        &self,
        _organization: OrganizationId,
        number: &PhoneNumber,
    ) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let known = state.numbers.iter_mut().find(|known| known.id == number.id);
        *known.ok_or(StoreError::NotFound)? = number.clone();
        Ok(())
    }

    async fn delete_number(&self, organization: OrganizationId, number: NumberId) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let apps = state.apps.clone();
        let ours = |app: AppId| apps.get(&app).is_some_and(|app| app.organization == organization);
        let before = state.numbers.len();
        state.numbers.retain(|known| !(known.id == number && ours(known.app)));
        if state.numbers.len() == before { Err(StoreError::NotFound) } else { Ok(()) }
    }

    async fn number_by_id(
        &self,
        _organization: OrganizationId,
        id: NumberId,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        Ok(self.read().numbers.iter().find(|number| number.id == id).cloned())
    }

    async fn numbers(
        &self,
        _organization: OrganizationId,
        app: Option<AppId>,
        request: PageRequest,
    ) -> Result<Page<PhoneNumber>, StoreError> {
        let state = self.read();
        let all = state.numbers.iter().filter(|number| app.is_none_or(|app| app == number.app));
        Ok(page(all.cloned().collect(), request))
    }

    async fn number(&self, number: &E164) -> Result<Option<PhoneNumber>, StoreError> {
        Ok(self.read().numbers.iter().find(|known| known.number == *number).cloned())
    }
}

#[async_trait::async_trait]
impl EndpointStore for MemoryStore {
    async fn create_endpoint(&self, endpoint: &PhoneEndpoint) -> Result<(), StoreError> {
        let mut state = self.write()?;
        if state.endpoints.iter().any(|known| known.username == endpoint.username) {
            return Err(StoreError::Conflict("the user name is taken"));
        }
        state.endpoints.push(endpoint.clone());
        Ok(())
    }

    async fn delete_endpoint(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        endpoint: EndpointId,
    ) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let before = state.endpoints.len();
        state.endpoints.retain(|known| !(known.id == endpoint && is_of(known, organization, app)));
        if state.endpoints.len() == before { Err(StoreError::NotFound) } else { Ok(()) }
    }

    async fn keep_places(&self, _places: Vec<PhonePlaces>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn kept_places(&self) -> Result<Vec<PhonePlaces>, StoreError> {
        Ok(Vec::new())
    }

    async fn all_endpoints(&self) -> Result<Vec<PhoneEndpoint>, StoreError> {
        Ok(self.read().endpoints.clone())
    }

    async fn endpoints(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        request: PageRequest,
    ) -> Result<Page<PhoneEndpoint>, StoreError> {
        let state = self.read();
        let all = state.endpoints.iter().filter(|known| is_of(known, organization, app));
        Ok(page(all.cloned().collect(), request))
    }

    async fn endpoint(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        endpoint: EndpointId,
    ) -> Result<Option<PhoneEndpoint>, StoreError> {
        let state = self.read();
        let found =
            state.endpoints.iter().find(|known| known.id == endpoint && is_of(known, organization, app));
        Ok(found.cloned())
    }
}

fn is_of(endpoint: &PhoneEndpoint, organization: OrganizationId, app: Option<AppId>) -> bool {
    endpoint.organization == organization && app.is_none_or(|app| app == endpoint.app)
}
