//! Voice channels.

use super::{Idempotency, Page, PageRequest, StoreError, StoredResponse, Written};
use model::call::Mode;
use model::voice_channel::VoiceChannel;
use model::{AppId, E164, VoiceChannelId};

/// Voice channels.
#[async_trait::async_trait]
pub trait VoiceChannelStore: Send + Sync {
    /// Keeps a new channel. `Conflict` if another channel of the app and mode has its number, or the app has
    /// [`VoiceChannel::PER_APP_MAX`] of them.
    async fn create_voice_channel(
        &self,
        channel: &VoiceChannel,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError>;

    /// Keeps those of the channels that are not there yet.
    async fn keep_voice_channels(&self, channels: Vec<VoiceChannel>) -> Result<(), StoreError>;

    /// Replaces a channel. `NotFound` if the app has none of this id, `Conflict` as when it is made.
    async fn update_voice_channel(&self, channel: &VoiceChannel) -> Result<(), StoreError>;

    /// Removes a channel. `NotFound` if the app has none of this id and mode.
    async fn delete_voice_channel(
        &self,
        app: AppId,
        mode: Mode,
        channel: VoiceChannelId,
    ) -> Result<(), StoreError>;

    /// One channel of an app.
    async fn voice_channel(
        &self,
        app: AppId,
        channel: VoiceChannelId,
    ) -> Result<Option<VoiceChannel>, StoreError>;

    /// The channel of an app that has a number.
    async fn voice_channel_of_number(
        &self,
        app: AppId,
        mode: Mode,
        number: &E164,
    ) -> Result<Option<VoiceChannel>, StoreError>;

    /// The channels of an app in one mode, newest first.
    async fn voice_channels(
        &self,
        app: AppId,
        mode: Mode,
        page: PageRequest,
    ) -> Result<Page<VoiceChannel>, StoreError>;
}
