//! Phone endpoints.

use super::{Page, PageRequest, StoreError};
use crate::carrier::PhonePlaces;
use model::endpoint::PhoneEndpoint;
use model::{AppId, EndpointId, OrganizationId};

/// Phone endpoints.
#[async_trait::async_trait]
pub trait EndpointStore: Send + Sync {
    /// Keeps a new endpoint. `Conflict` if its user name is taken, or its app has
    /// [`PhoneEndpoint::PER_APP_MAX`] of them.
    async fn create_endpoint(&self, endpoint: &PhoneEndpoint) -> Result<(), StoreError>;

    /// Removes an endpoint. `NotFound` if there is none in the organization (of the app, if given).
    async fn delete_endpoint(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        endpoint: EndpointId,
    ) -> Result<(), StoreError>;

    /// All endpoints, for the carrier; at most 10,000.
    async fn all_endpoints(&self) -> Result<Vec<PhoneEndpoint>, StoreError>;

    /// Endpoints of an organization (of one app, if given), newest first.
    async fn endpoints(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        page: PageRequest,
    ) -> Result<Page<PhoneEndpoint>, StoreError>;

    /// One endpoint of an organization (of the app, if given).
    async fn endpoint(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        endpoint: EndpointId,
    ) -> Result<Option<PhoneEndpoint>, StoreError>;

    /// Keeps where phones are registered, all of them in one write; of phones that are gone nothing is kept.
    async fn keep_places(&self, places: Vec<PhonePlaces>) -> Result<(), StoreError>;

    /// What was kept of all phones.
    async fn kept_places(&self) -> Result<Vec<PhonePlaces>, StoreError>;
}
