//! Organizations, apps and keys.

use crate::failure::Failure;
use crate::rows::{body, id, json, micros, readable};
use crate::sqlite::SqliteStore;
use model::tenant::{App, KeyRecord, Organization};
use model::{AppId, KeyId, OrganizationId, Timestamp};
use ports::StoreError;
use ports::store::{Bootstrap, KeyStore};
use sqlx::SqliteConnection;

#[async_trait::async_trait]
impl KeyStore for SqliteStore {
    async fn bootstrap(&self, bootstrap: Bootstrap) -> Result<bool, StoreError> {
        self.write(move |db| Box::pin(first_start(db, bootstrap))).await
    }

    async fn organizations(&self) -> Result<Vec<Organization>, StoreError> {
        let rows = sqlx::query("SELECT body FROM organizations ORDER BY created_at, id LIMIT 100")
            .fetch_all(&self.readers)
            .await
            .map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn apps(&self, organization: OrganizationId) -> Result<Vec<App>, StoreError> {
        let rows =
            sqlx::query("SELECT body FROM apps WHERE organization = ? ORDER BY created_at, id LIMIT 1000")
                .bind(id(organization.uuid()))
                .fetch_all(&self.readers)
                .await
                .map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn app(&self, app: AppId) -> Result<Option<App>, StoreError> {
        let row = sqlx::query("SELECT body FROM apps WHERE id = ?")
            .bind(id(app.uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn create_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.write(move |db| Box::pin(async move { insert_key(db, &key).await })).await
    }

    async fn keys_by_prefix(&self, prefix: &str) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = sqlx::query("SELECT body FROM keys WHERE prefix = ? ORDER BY created_at, id LIMIT 100")
            .bind(prefix.to_owned())
            .fetch_all(&self.readers)
            .await
            .map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn keys(&self, organization: OrganizationId) -> Result<Vec<KeyRecord>, StoreError> {
        let rows =
            sqlx::query("SELECT body FROM keys WHERE organization = ? ORDER BY created_at, id LIMIT 1000")
                .bind(id(organization.uuid()))
                .fetch_all(&self.readers)
                .await
                .map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn revoke_key(&self, key: KeyId, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db| Box::pin(revoke(db, key, at))).await
    }
}

async fn first_start(db: &mut SqliteConnection, bootstrap: Bootstrap) -> Result<bool, Failure> {
    let any = sqlx::query("SELECT 1 FROM organizations LIMIT 1").fetch_optional(&mut *db).await?;
    if any.is_some() {
        return Ok(false);
    }
    let Bootstrap { organization, app, keys } = bootstrap;
    sqlx::query("INSERT INTO organizations (id, created_at, body) VALUES (?, ?, ?)")
        .bind(id(organization.id.uuid()))
        .bind(micros(organization.created_at))
        .bind(json(&organization)?)
        .execute(&mut *db)
        .await?;
    sqlx::query("INSERT INTO apps (id, organization, created_at, body) VALUES (?, ?, ?, ?)")
        .bind(id(app.id.uuid()))
        .bind(id(app.organization.uuid()))
        .bind(micros(app.created_at))
        .bind(json(&app)?)
        .execute(&mut *db)
        .await?;
    for key in &keys {
        insert_key(db, key).await?;
    }
    Ok(true)
}

async fn insert_key(db: &mut SqliteConnection, key: &KeyRecord) -> Result<(), Failure> {
    sqlx::query("INSERT INTO keys (id, organization, prefix, created_at, body) VALUES (?, ?, ?, ?, ?)")
        .bind(id(key.id.uuid()))
        .bind(id(key.organization.uuid()))
        .bind(key.prefix.clone())
        .bind(micros(key.created_at))
        .bind(json(key)?)
        .execute(db)
        .await?;
    Ok(())
}

/// A key that is revoked already keeps its first time.
async fn revoke(db: &mut SqliteConnection, key: KeyId, at: Timestamp) -> Result<(), Failure> {
    let row = sqlx::query("SELECT body FROM keys WHERE id = ?")
        .bind(id(key.uuid()))
        .fetch_optional(&mut *db)
        .await?;
    let mut record: KeyRecord = body(row.as_ref().ok_or(StoreError::NotFound)?)?;
    record.revoked_at.get_or_insert(at);
    sqlx::query("UPDATE keys SET body = ? WHERE id = ?")
        .bind(json(&record)?)
        .bind(id(key.uuid()))
        .execute(db)
        .await?;
    Ok(())
}
