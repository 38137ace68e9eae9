//! Organizations, apps, keys, trunks and numbers.

use super::{Idempotency, Page, PageRequest, StoreError, StoredResponse, Written};
use model::tenant::{App, KeyRecord, Organization};
use model::trunk::{PhoneNumber, Trunk};
use model::{AppId, E164, KeyId, NumberId, OrganizationId, Timestamp, TrunkId};

/// What the first start makes, in one transaction.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The organization.
    pub organization: Organization,
    /// Its app.
    pub app: App,
    /// One key of each class.
    pub keys: Vec<KeyRecord>,
}

/// Organizations, apps and keys.
#[async_trait::async_trait]
pub trait KeyStore: Send + Sync {
    /// Makes organization, app and keys unless an organization exists. Whether it did.
    async fn bootstrap(&self, bootstrap: Bootstrap) -> Result<bool, StoreError>;

    /// The organizations, oldest first, at most 100.
    async fn organizations(&self) -> Result<Vec<Organization>, StoreError>;

    /// The apps of an organization, oldest first, at most 1,000.
    async fn apps(&self, organization: OrganizationId) -> Result<Vec<App>, StoreError>;

    /// One app.
    async fn app(&self, app: AppId) -> Result<Option<App>, StoreError>;

    /// Keeps a new key.
    async fn create_key(&self, key: KeyRecord) -> Result<(), StoreError>;

    /// Keys (revoked ones too) with this public prefix.
    async fn keys_by_prefix(&self, prefix: &str) -> Result<Vec<KeyRecord>, StoreError>;

    /// The keys of an organization, oldest first, at most 1,000.
    async fn keys(&self, organization: OrganizationId) -> Result<Vec<KeyRecord>, StoreError>;

    /// Revokes a key. `NotFound` if there is none.
    async fn revoke_key(&self, key: KeyId, at: Timestamp) -> Result<(), StoreError>;
}

/// Trunks and numbers.
#[async_trait::async_trait]
pub trait TrunkStore: Send + Sync {
    /// Keeps a new trunk.
    async fn create_trunk(
        &self,
        trunk: &Trunk,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError>;

    /// Replaces a trunk. `NotFound` if there is none of this id in its organization.
    async fn update_trunk(&self, trunk: &Trunk) -> Result<(), StoreError>;

    /// Removes a trunk. `Conflict` while numbers live on it.
    async fn delete_trunk(&self, organization: OrganizationId, trunk: TrunkId) -> Result<(), StoreError>;

    /// All trunks, for the carrier; at most 10,000.
    async fn all_trunks(&self) -> Result<Vec<Trunk>, StoreError>;

    /// Trunks of an organization, newest first.
    async fn trunks(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Trunk>, StoreError>;

    /// One trunk.
    async fn trunk(&self, organization: OrganizationId, trunk: TrunkId) -> Result<Option<Trunk>, StoreError>;

    /// Assigns a number. `Conflict` if it is assigned already.
    async fn create_number(
        &self,
        number: &PhoneNumber,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError>;

    /// Replaces what is set of a number: its flow. `NotFound` if there is none in the organization.
    async fn update_number(
        &self,
        organization: OrganizationId,
        number: &PhoneNumber,
    ) -> Result<(), StoreError>;

    /// Takes an assignment back. `NotFound` if there is none in the organization.
    async fn delete_number(&self, organization: OrganizationId, number: NumberId) -> Result<(), StoreError>;

    /// Numbers of an organization (of one app, if given), newest first.
    async fn numbers(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        page: PageRequest,
    ) -> Result<Page<PhoneNumber>, StoreError>;

    /// The assignment of this id. None if there is none in the organization.
    async fn number_by_id(
        &self,
        organization: OrganizationId,
        id: NumberId,
    ) -> Result<Option<PhoneNumber>, StoreError>;

    /// The assignment of a number, whoever owns it.
    async fn number(&self, number: &E164) -> Result<Option<PhoneNumber>, StoreError>;
}
