//! Voice channels.

use crate::failure::Failure;
use crate::idempotency::{keep_answer, used};
use crate::newest::newest;
use crate::rows::{body, id, json, micros, word};
use crate::sqlite::SqliteStore;
use model::call::Mode;
use model::voice_channel::VoiceChannel;
use model::{AppId, E164, VoiceChannelId};
use ports::StoreError;
use ports::store::{Idempotency, Page, PageRequest, StoredResponse, VoiceChannelStore, Written};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

#[async_trait::async_trait]
impl VoiceChannelStore for SqliteStore {
    async fn create_voice_channel(
        &self,
        channel: &VoiceChannel,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError> {
        let channel = channel.clone();
        self.write(move |db| Box::pin(create(db, channel, idempotency))).await
    }

    async fn keep_voice_channels(&self, channels: Vec<VoiceChannel>) -> Result<(), StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                for channel in &channels {
                    insert(db, channel, "INSERT OR IGNORE").await?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn update_voice_channel(&self, channel: &VoiceChannel) -> Result<(), StoreError> {
        let channel = channel.clone();
        self.write(move |db| Box::pin(update(db, channel))).await
    }

    async fn delete_voice_channel(
        &self,
        app: AppId,
        mode: Mode,
        channel: VoiceChannelId,
    ) -> Result<(), StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM voice_channels WHERE id = ? AND app = ? AND mode = ?")
                    .bind(id(channel.uuid()))
                    .bind(id(app.uuid()))
                    .bind(word(&mode))
                    .execute(db)
                    .await?;
                found(done.rows_affected())
            })
        })
        .await
    }

    async fn voice_channel(
        &self,
        app: AppId,
        channel: VoiceChannelId,
    ) -> Result<Option<VoiceChannel>, StoreError> {
        let row = sqlx::query("SELECT body FROM voice_channels WHERE id = ? AND app = ?")
            .bind(id(channel.uuid()))
            .bind(id(app.uuid()))
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn voice_channel_of_number(
        &self,
        app: AppId,
        mode: Mode,
        number: &E164,
    ) -> Result<Option<VoiceChannel>, StoreError> {
        let row = sqlx::query("SELECT body FROM voice_channels WHERE app = ? AND mode = ? AND number = ?")
            .bind(id(app.uuid()))
            .bind(word(&mode))
            .bind(number.as_str().to_owned())
            .fetch_optional(&self.readers)
            .await
            .map_err(Failure::from)?;
        row.as_ref().map(body).transpose()
    }

    async fn voice_channels(
        &self,
        app: AppId,
        mode: Mode,
        page: PageRequest,
    ) -> Result<Page<VoiceChannel>, StoreError> {
        let narrow = |query: &mut QueryBuilder<Sqlite>| {
            query.push("app = ").push_bind(id(app.uuid())).push(" AND mode = ").push_bind(word(&mode));
        };
        Ok(newest(&self.readers, "voice_channels", narrow, page).await?)
    }
}

fn found(rows: u64) -> Result<(), Failure> {
    if rows == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
}

async fn create(
    db: &mut SqliteConnection,
    channel: VoiceChannel,
    idempotency: Option<(Idempotency, StoredResponse)>,
) -> Result<Written, Failure> {
    let known = used(db, idempotency.as_ref()).await?;
    if known != Written::New {
        return Ok(known);
    }
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM voice_channels WHERE app = ?")
        .bind(id(channel.app.uuid()))
        .fetch_one(&mut *db)
        .await?;
    if u64::try_from(count).is_ok_and(|count| count >= VoiceChannel::PER_APP_MAX) {
        return Err(StoreError::Conflict("the app has as many voice channels as it may").into());
    }
    number_is_free(db, &channel).await?;
    insert(db, &channel, "INSERT").await?;
    keep_answer(db, idempotency.as_ref()).await?;
    Ok(Written::New)
}

async fn number_is_free(db: &mut SqliteConnection, channel: &VoiceChannel) -> Result<(), Failure> {
    let Some(number) = &channel.number else { return Ok(()) };
    let taken =
        sqlx::query("SELECT 1 FROM voice_channels WHERE app = ? AND mode = ? AND number = ? AND id <> ?")
            .bind(id(channel.app.uuid()))
            .bind(word(&channel.mode))
            .bind(number.as_str().to_owned())
            .bind(id(channel.id.uuid()))
            .fetch_optional(db)
            .await?;
    if taken.is_some() {
        Err(StoreError::Conflict("another voice channel has the number").into())
    } else {
        Ok(())
    }
}

async fn insert(
    db: &mut SqliteConnection,
    channel: &VoiceChannel,
    verb: &'static str,
) -> Result<(), Failure> {
    let mut query = QueryBuilder::<Sqlite>::new(verb);
    query.push(" INTO voice_channels (id, app, mode, number, created_at, body) VALUES (");
    query
        .separated(", ")
        .push_bind(id(channel.id.uuid()))
        .push_bind(id(channel.app.uuid()))
        .push_bind(word(&channel.mode))
        .push_bind(channel.number.as_ref().map(|number| number.as_str().to_owned()))
        .push_bind(micros(channel.created_at))
        .push_bind(json(channel)?);
    query.push(")").build().execute(db).await?;
    Ok(())
}

async fn update(db: &mut SqliteConnection, channel: VoiceChannel) -> Result<(), Failure> {
    number_is_free(db, &channel).await?;
    let done = sqlx::query("UPDATE voice_channels SET number = ?, body = ? WHERE id = ? AND app = ?")
        .bind(channel.number.as_ref().map(|number| number.as_str().to_owned()))
        .bind(json(&channel)?)
        .bind(id(channel.id.uuid()))
        .bind(id(channel.app.uuid()))
        .execute(db)
        .await?;
    found(done.rows_affected())
}
