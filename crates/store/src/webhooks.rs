//! Webhook endpoints: the trait, and the endpoints themselves. Deliveries live in `deliveries`.

use crate::deliveries;
use crate::failure::Failure;
use crate::idempotency::{keep_answer, used};
use crate::newest::newest;
use crate::rows::{body, id, json, micros, readable, word};
use crate::sqlite::SqliteStore;
use model::call::Mode;
use model::event::Event;
use model::webhook::{Attempt, Delivery, Disabled, WebhookEndpoint};
use model::{AppId, CallId, Timestamp, WebhookId};
use ports::StoreError;
use ports::store::{
    DeliveryFilter, DueDelivery, Idempotency, Page, PageRequest, StoredResponse, WebhookStore, Written,
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

#[async_trait::async_trait]
impl WebhookStore for SqliteStore {
    async fn create_webhook(
        &self,
        endpoint: &WebhookEndpoint,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError> {
        let endpoint = endpoint.clone();
        self.write(move |db| Box::pin(create(db, endpoint, idempotency))).await
    }

    async fn update_webhook(&self, endpoint: &WebhookEndpoint) -> Result<(), StoreError> {
        let endpoint = endpoint.clone();
        self.write(move |db| Box::pin(async move { replace(db, &endpoint).await })).await
    }

    async fn disable_webhook(&self, webhook: WebhookId, disabled: Disabled) -> Result<(), StoreError> {
        self.write(move |db| Box::pin(disable(db, webhook, disabled))).await
    }

    async fn delete_webhook(&self, app: AppId, webhook: WebhookId) -> Result<(), StoreError> {
        self.write(move |db| Box::pin(delete(db, app, webhook))).await
    }

    async fn webhook(&self, app: AppId, webhook: WebhookId) -> Result<Option<WebhookEndpoint>, StoreError> {
        let row = sqlx::query("SELECT body FROM webhooks WHERE id = ? AND app = ?")
            .bind(id(webhook.uuid()))
            .bind(id(app.uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn notifier(&self, fresh: WebhookEndpoint) -> Result<WebhookEndpoint, StoreError> {
        self.write(move |db| Box::pin(notifier(db, fresh))).await
    }

    async fn webhooks(
        &self,
        app: AppId,
        mode: Mode,
        page: PageRequest,
    ) -> Result<Page<WebhookEndpoint>, StoreError> {
        let narrow = |query: &mut QueryBuilder<Sqlite>| {
            query.push("notifier = 0 AND app = ").push_bind(id(app.uuid()));
            query.push(" AND mode = ").push_bind(word(&mode));
        };
        Ok(newest(&self.readers, "webhooks", narrow, page).await?)
    }

    async fn outbox(&self, limit: u32) -> Result<Vec<Event>, StoreError> {
        Ok(deliveries::outbox(&self.readers, limit).await?)
    }

    async fn fan_out(&self, events: &[(CallId, u32)], deliveries: Vec<Delivery>) -> Result<(), StoreError> {
        let events = events.to_vec();
        self.write(move |db| Box::pin(deliveries::fan_out(db, events, deliveries))).await
    }

    async fn due_deliveries(
        &self,
        now: Timestamp,
        limit: u32,
        except: &[WebhookId],
    ) -> Result<Vec<DueDelivery>, StoreError> {
        Ok(deliveries::due(&self.readers, now, limit, except).await?)
    }

    async fn record_attempt(&self, delivery: &Delivery, attempt: Attempt) -> Result<(), StoreError> {
        let delivery = delivery.clone();
        self.write(move |db| Box::pin(deliveries::record(db, delivery, attempt))).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(deliveries::next_due(&self.readers).await?)
    }

    async fn deliveries(
        &self,
        webhook: WebhookId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError> {
        Ok(deliveries::list(&self.readers, webhook, filter, page).await?)
    }
}

async fn create(
    db: &mut SqliteConnection,
    endpoint: WebhookEndpoint,
    idempotency: Option<(Idempotency, StoredResponse)>,
) -> Result<Written, Failure> {
    let known = used(db, idempotency.as_ref()).await?;
    if known != Written::New {
        return Ok(known);
    }
    insert(db, &endpoint).await?;
    keep_answer(db, idempotency.as_ref()).await?;
    Ok(Written::New)
}

async fn insert(db: &mut SqliteConnection, endpoint: &WebhookEndpoint) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO webhooks (id, app, mode, created_at, disabled, notifier, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id(endpoint.id.uuid()))
    .bind(id(endpoint.app.uuid()))
    .bind(word(&endpoint.mode))
    .bind(micros(endpoint.created_at))
    .bind(endpoint.disabled.is_some())
    .bind(endpoint.notifier)
    .bind(json(endpoint)?)
    .execute(db)
    .await?;
    Ok(())
}

/// There is at most one a door: a writer works alone.
async fn notifier(db: &mut SqliteConnection, fresh: WebhookEndpoint) -> Result<WebhookEndpoint, Failure> {
    let rows = sqlx::query("SELECT body FROM webhooks WHERE notifier = 1 AND app = ? AND mode = ?")
        .bind(id(fresh.app.uuid()))
        .bind(word(&fresh.mode))
        .fetch_all(&mut *db)
        .await?;
    let known = readable(&rows, body::<WebhookEndpoint>).into_iter().find(|known| known.door == fresh.door);
    match known {
        Some(known) => Ok(known),
        None => {
            insert(db, &fresh).await?;
            Ok(fresh)
        }
    }
}

async fn replace(db: &mut SqliteConnection, endpoint: &WebhookEndpoint) -> Result<(), Failure> {
    let done = sqlx::query("UPDATE webhooks SET disabled = ?, body = ? WHERE id = ? AND app = ?")
        .bind(endpoint.disabled.is_some())
        .bind(json(endpoint)?)
        .bind(id(endpoint.id.uuid()))
        .bind(id(endpoint.app.uuid()))
        .execute(&mut *db)
        .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::NotFound.into());
    }
    if endpoint.disabled.is_some() {
        deliveries::drop_pending(db, endpoint.id).await?;
    }
    Ok(())
}

async fn disable(db: &mut SqliteConnection, webhook: WebhookId, disabled: Disabled) -> Result<(), Failure> {
    let row = sqlx::query("SELECT body FROM webhooks WHERE id = ?")
        .bind(id(webhook.uuid()))
        .fetch_optional(&mut *db)
        .await?;
    let mut endpoint: WebhookEndpoint = body(row.as_ref().ok_or(StoreError::NotFound)?)?;
    endpoint.disabled.get_or_insert(disabled);
    replace(db, &endpoint).await
}

async fn delete(db: &mut SqliteConnection, app: AppId, webhook: WebhookId) -> Result<(), Failure> {
    let done = sqlx::query("DELETE FROM webhooks WHERE id = ? AND app = ?")
        .bind(id(webhook.uuid()))
        .bind(id(app.uuid()))
        .execute(&mut *db)
        .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::NotFound.into());
    }
    deliveries::drop_pending(db, webhook).await
}
