//! Phones that register.

use crate::failure::Failure;
use crate::newest::newest;
use crate::rows::{body, column, id, json, micros, readable, uuid};
use crate::sqlite::SqliteStore;
use model::endpoint::PhoneEndpoint;
use model::{AppId, EndpointId, OrganizationId};
use ports::StoreError;
use ports::carrier::PhonePlaces;
use ports::store::{EndpointStore, Page, PageRequest};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

#[async_trait::async_trait]
impl EndpointStore for SqliteStore {
    async fn create_endpoint(&self, endpoint: &PhoneEndpoint) -> Result<(), StoreError> {
        let endpoint = endpoint.clone();
        self.write(move |db| Box::pin(create(db, endpoint))).await
    }

    async fn delete_endpoint(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        endpoint: EndpointId,
    ) -> Result<(), StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let mut query = QueryBuilder::new("DELETE FROM endpoints WHERE id = ");
                query.push_bind(id(endpoint.uuid())).push(" AND ");
                of(&mut query, organization, app);
                let done = query.build().execute(db).await?;
                if done.rows_affected() == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
            })
        })
        .await
    }

    async fn all_endpoints(&self) -> Result<Vec<PhoneEndpoint>, StoreError> {
        let rows = sqlx::query("SELECT body FROM endpoints ORDER BY created_at, id LIMIT 10000")
            .fetch_all(&self.readers)
            .await
            .map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn endpoints(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        page: PageRequest,
    ) -> Result<Page<PhoneEndpoint>, StoreError> {
        let narrow = |query: &mut QueryBuilder<Sqlite>| of(query, organization, app);
        Ok(newest(&self.readers, "endpoints", narrow, page).await?)
    }

    async fn endpoint(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        endpoint: EndpointId,
    ) -> Result<Option<PhoneEndpoint>, StoreError> {
        let mut query = QueryBuilder::new("SELECT body FROM endpoints WHERE id = ");
        query.push_bind(id(endpoint.uuid())).push(" AND ");
        of(&mut query, organization, app);
        let row = query.build().fetch_optional(&self.readers).await.map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn keep_places(&self, places: Vec<PhonePlaces>) -> Result<(), StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                for places in places {
                    keep(db, places).await?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn kept_places(&self) -> Result<Vec<PhonePlaces>, StoreError> {
        let rows = sqlx::query("SELECT endpoint, content FROM places LIMIT 10000")
            .fetch_all(&self.readers)
            .await
            .map_err(Failure::from)?;
        Ok(readable(&rows, places))
    }
}

async fn keep(db: &mut SqliteConnection, places: PhonePlaces) -> Result<(), Failure> {
    let phone = id(places.phone.uuid());
    if places.content.is_empty() {
        sqlx::query("DELETE FROM places WHERE endpoint = ?").bind(phone).execute(db).await?;
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO places (endpoint, content) SELECT id, ? FROM endpoints WHERE id = ? \
         ON CONFLICT (endpoint) DO UPDATE SET content = excluded.content",
    )
    .bind(places.content)
    .bind(phone)
    .execute(db)
    .await?;
    Ok(())
}

fn places(row: &SqliteRow) -> Result<PhonePlaces, StoreError> {
    let phone = EndpointId::from_uuid(uuid(row, "endpoint")?);
    Ok(PhonePlaces { phone, content: column(row, "content")? })
}

/// Only those of the organization, and of the app, if given.
fn of(query: &mut QueryBuilder<Sqlite>, organization: OrganizationId, app: Option<AppId>) {
    query.push("organization = ").push_bind(id(organization.uuid()));
    if let Some(app) = app {
        query.push(" AND app = ").push_bind(id(app.uuid()));
    }
}

async fn create(db: &mut SqliteConnection, endpoint: PhoneEndpoint) -> Result<(), Failure> {
    let taken = sqlx::query("SELECT 1 FROM endpoints WHERE username = ?")
        .bind(endpoint.username.clone())
        .fetch_optional(&mut *db)
        .await?;
    if taken.is_some() {
        return Err(StoreError::Conflict("the user name is taken").into());
    }
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM endpoints WHERE app = ?")
        .bind(id(endpoint.app.uuid()))
        .fetch_one(&mut *db)
        .await?;
    if u64::try_from(count).is_ok_and(|count| count >= PhoneEndpoint::PER_APP_MAX) {
        return Err(StoreError::Conflict("the app has as many endpoints as it may").into());
    }
    sqlx::query(
        "INSERT INTO endpoints (id, username, organization, app, created_at, body) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(id(endpoint.id.uuid()))
    .bind(endpoint.username.clone())
    .bind(id(endpoint.organization.uuid()))
    .bind(id(endpoint.app.uuid()))
    .bind(micros(endpoint.created_at))
    .bind(json(&endpoint)?)
    .execute(db)
    .await?;
    Ok(())
}
