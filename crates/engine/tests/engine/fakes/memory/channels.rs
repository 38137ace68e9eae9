//! Voice channels.

use super::{MemoryStore, page};
use model::call::Mode;
use model::voice_channel::VoiceChannel;
use model::{AppId, E164, VoiceChannelId};
use ports::StoreError;
use ports::store::{Idempotency, Page, PageRequest, StoredResponse, VoiceChannelStore, Written};

#[async_trait::async_trait]
impl VoiceChannelStore for MemoryStore {
    async fn create_voice_channel(
        &self,
        channel: &VoiceChannel,
        idempotency: Option<(Idempotency, StoredResponse)>,
    ) -> Result<Written, StoreError> {
        let mut state = self.write()?;
        let same = |known: &VoiceChannel| {
            known.number == channel.number && known.app == channel.app && known.mode == channel.mode
        };
        if channel.number.is_some() && state.channels.iter().any(same) {
            return Err(StoreError::Conflict("the number"));
        }
        let written = state.once(idempotency);
        if written == Written::New {
            state.channels.push(channel.clone());
        }
        Ok(written)
    }

    async fn keep_voice_channels(&self, channels: Vec<VoiceChannel>) -> Result<(), StoreError> {
        let mut state = self.write()?;
        for channel in channels {
            if !state.channels.iter().any(|known| known.id == channel.id) {
                state.channels.push(channel);
            }
        }
        Ok(())
    }

    async fn update_voice_channel(&self, channel: &VoiceChannel) -> Result<(), StoreError> {
        let mut state = self.write()?;
        let known = state.channels.iter_mut().find(|known| known.id == channel.id);
        *known.ok_or(StoreError::NotFound)? = channel.clone();
        Ok(())
    }

    async fn delete_voice_channel(
        &self,
        _app: AppId,
        _mode: Mode,
        channel: VoiceChannelId,
    ) -> Result<(), StoreError> {
        self.write()?.channels.retain(|known| known.id != channel);
        Ok(())
    }

    async fn voice_channel(
        &self,
        app: AppId,
        channel: VoiceChannelId,
    ) -> Result<Option<VoiceChannel>, StoreError> {
        let state = self.read();
        Ok(state.channels.iter().find(|known| known.id == channel && known.app == app).cloned())
    }

    async fn voice_channel_of_number(
        &self,
        app: AppId,
        mode: Mode,
        number: &E164,
    ) -> Result<Option<VoiceChannel>, StoreError> {
        let state = self.read();
        let mut of_app = state.channels.iter().filter(|known| known.app == app && known.mode == mode);
        Ok(of_app.find(|known| known.number.as_ref() == Some(number)).cloned())
    }

    async fn voice_channels(
        &self,
        app: AppId,
        mode: Mode,
        request: PageRequest,
    ) -> Result<Page<VoiceChannel>, StoreError> {
        let state = self.read();
        let all = state.channels.iter().filter(|known| known.app == app && known.mode == mode).cloned();
        Ok(page(all.collect(), request))
    }
}
