//! Trunks and the numbers that live on them.

use crate::failure::Failure;
use crate::idempotency::{keep_answer, used};
use crate::newest::newest;
use crate::rows::{body, column, id, json, micros, readable};
use crate::sqlite::SqliteStore;
use model::trunk::{PhoneNumber, Trunk};
use model::{AppId, E164, NumberId, OrganizationId, TrunkId};
use ports::StoreError;
use ports::store::{Idempotency, Page, PageRequest, StoredResponse, TrunkStore, Written};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

#[async_trait::async_trait]
impl TrunkStore for SqliteStore {
    async fn create_trunk(
        &self,
        trunk: &Trunk,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError> {
        let trunk = trunk.clone();
        self.write(move |db| Box::pin(create_trunk(db, trunk, idempotency))).await
    }

    async fn update_trunk(&self, trunk: &Trunk) -> Result<(), StoreError> {
        let trunk = trunk.clone();
        self.write(move |db| {
            Box::pin(async move {
                let done = sqlx::query("UPDATE trunks SET body = ? WHERE id = ? AND organization = ?")
                    .bind(json(&trunk)?)
                    .bind(id(trunk.id.uuid()))
                    .bind(id(trunk.organization.uuid()))
                    .execute(db)
                    .await?;
                found(done.rows_affected())
            })
        })
        .await
    }

    async fn delete_trunk(&self, organization: OrganizationId, trunk: TrunkId) -> Result<(), StoreError> {
        self.write(move |db| Box::pin(delete_trunk(db, organization, trunk))).await
    }

    async fn all_trunks(&self) -> Result<Vec<Trunk>, StoreError> {
        let rows = sqlx::query("SELECT body FROM trunks ORDER BY created_at, id LIMIT 10000")
            .fetch_all(&self.readers)
            .await
            .map_err(Failure::from)?;
        Ok(readable(&rows, body))
    }

    async fn trunks(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Trunk>, StoreError> {
        let narrow = |query: &mut QueryBuilder<Sqlite>| {
            query.push("organization = ").push_bind(id(organization.uuid()));
        };
        Ok(newest(&self.readers, "trunks", narrow, page).await?)
    }

    async fn trunk(&self, organization: OrganizationId, trunk: TrunkId) -> Result<Option<Trunk>, StoreError> {
        let row = sqlx::query("SELECT body FROM trunks WHERE id = ? AND organization = ?")
            .bind(id(trunk.uuid()))
            .bind(id(organization.uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn create_number(
        &self,
        number: &PhoneNumber,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError> {
        let number = number.clone();
        self.write(move |db| Box::pin(create_number(db, number, idempotency))).await
    }

    async fn update_number(
        &self,
        organization: OrganizationId,
        number: &PhoneNumber,
    ) -> Result<(), StoreError> {
        let number = number.clone();
        self.write(move |db| {
            Box::pin(async move {
                let done = sqlx::query("UPDATE numbers SET body = ? WHERE id = ? AND organization = ?")
                    .bind(json(&number)?)
                    .bind(id(number.id.uuid()))
                    .bind(id(organization.uuid()))
                    .execute(db)
                    .await?;
                found(done.rows_affected())
            })
        })
        .await
    }

    async fn delete_number(&self, organization: OrganizationId, number: NumberId) -> Result<(), StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM numbers WHERE id = ? AND organization = ?")
                    .bind(id(number.uuid()))
                    .bind(id(organization.uuid()))
                    .execute(db)
                    .await?;
                found(done.rows_affected())
            })
        })
        .await
    }

    async fn numbers(
        &self,
        organization: OrganizationId,
        app: Option<AppId>,
        page: PageRequest,
    ) -> Result<Page<PhoneNumber>, StoreError> {
        let narrow = |query: &mut QueryBuilder<Sqlite>| {
            query.push("organization = ").push_bind(id(organization.uuid()));
            if let Some(app) = app {
                query.push(" AND app = ").push_bind(id(app.uuid()));
            }
        };
        Ok(newest(&self.readers, "numbers", narrow, page).await?)
    }

    async fn number_by_id(
        &self,
        organization: OrganizationId,
        number: NumberId,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let row = sqlx::query("SELECT body FROM numbers WHERE id = ? AND organization = ?")
            .bind(id(number.uuid()))
            .bind(id(organization.uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn number(&self, number: &E164) -> Result<Option<PhoneNumber>, StoreError> {
        let row = sqlx::query("SELECT body FROM numbers WHERE number = ?")
            .bind(number.as_str().to_owned())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }
}

fn found(rows: u64) -> Result<(), Failure> {
    if rows == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
}

async fn create_trunk(
    db: &mut SqliteConnection,
    trunk: Trunk,
    idempotency: Option<(Idempotency, StoredResponse)>,
) -> Result<Written, Failure> {
    let known = used(db, idempotency.as_ref()).await?;
    if known != Written::New {
        return Ok(known);
    }
    sqlx::query("INSERT INTO trunks (id, organization, created_at, body) VALUES (?, ?, ?, ?)")
        .bind(id(trunk.id.uuid()))
        .bind(id(trunk.organization.uuid()))
        .bind(micros(trunk.created_at))
        .bind(json(&trunk)?)
        .execute(&mut *db)
        .await?;
    keep_answer(db, idempotency.as_ref()).await?;
    Ok(Written::New)
}

async fn delete_trunk(
    db: &mut SqliteConnection,
    organization: OrganizationId,
    trunk: TrunkId,
) -> Result<(), Failure> {
    let (organization, trunk) = (id(organization.uuid()), id(trunk.uuid()));
    let ours = sqlx::query("SELECT 1 FROM trunks WHERE id = ? AND organization = ?")
        .bind(trunk.clone())
        .bind(organization)
        .fetch_optional(&mut *db)
        .await?;
    if ours.is_none() {
        return Err(StoreError::NotFound.into());
    }
    let numbers = sqlx::query("SELECT 1 FROM numbers WHERE trunk = ? LIMIT 1")
        .bind(trunk.clone())
        .fetch_optional(&mut *db)
        .await?;
    if numbers.is_some() {
        return Err(StoreError::Conflict("numbers live on the trunk").into());
    }
    sqlx::query("DELETE FROM trunks WHERE id = ?").bind(trunk).execute(db).await?;
    Ok(())
}

/// `NotFound` where the app, or the trunk in the app's organization, is not there.
async fn create_number(
    db: &mut SqliteConnection,
    number: PhoneNumber,
    idempotency: Option<(Idempotency, StoredResponse)>,
) -> Result<Written, Failure> {
    let known = used(db, idempotency.as_ref()).await?;
    if known != Written::New {
        return Ok(known);
    }
    let owner = sqlx::query(
        "SELECT apps.organization FROM apps JOIN trunks ON trunks.organization = apps.organization
         WHERE apps.id = ? AND trunks.id = ?",
    )
    .bind(id(number.app.uuid()))
    .bind(id(number.trunk.uuid()))
    .fetch_optional(&mut *db)
    .await?
    .ok_or(StoreError::NotFound)?;
    let taken = sqlx::query("SELECT 1 FROM numbers WHERE number = ?")
        .bind(number.number.as_str().to_owned())
        .fetch_optional(&mut *db)
        .await?;
    if taken.is_some() {
        return Err(StoreError::Conflict("the number is assigned already").into());
    }
    sqlx::query(
        "INSERT INTO numbers (id, number, organization, app, trunk, created_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id(number.id.uuid()))
    .bind(number.number.as_str().to_owned())
    .bind(column::<Vec<u8>>(&owner, "organization")?)
    .bind(id(number.app.uuid()))
    .bind(id(number.trunk.uuid()))
    .bind(micros(number.created_at))
    .bind(json(&number)?)
    .execute(&mut *db)
    .await?;
    keep_answer(db, idempotency.as_ref()).await?;
    Ok(Written::New)
}
