//! Voice channels: under which number an app calls, and what happens to calls that come in. App keys only, each in its
//! own mode.

use super::checks::{app, given_before, idempotent, page, written};
use super::invalid_number;
use super::webhooks::check_destination;
use crate::calls::{IdempotencyHeader, Outcome};
use crate::engine::Engine;
use crate::fault::{of_store, saying};
use model::call::Mode;
use model::fault::{Fault, FaultCode};
use model::flow::Flow;
use model::tenant::Principal;
use model::voice_channel::VoiceChannel;
use model::{AppId, E164, Timestamp, VoiceChannelId};
use ports::store::{Page, PageRequest, StoredResponse};
use ports::{Store, StoreError};

/// A channel to be made.
#[derive(Debug, Clone, Default)]
pub struct NewVoiceChannel {
    /// See [`VoiceChannel::name`].
    pub name: String,
    /// A number in international form; of a live channel one of the app's own.
    pub number: Option<String>,
    /// See [`VoiceChannel::flow`].
    pub flow: Option<Flow>,
    /// See [`VoiceChannel::answer_url`].
    pub answer_url: Option<String>,
}

/// What shall change of a channel; what is none stays, and none inside takes the value away.
#[derive(Debug, Clone, Default)]
pub struct VoiceChannelChange {
    /// See [`VoiceChannel::name`].
    pub name: Option<String>,
    /// See [`NewVoiceChannel::number`].
    pub number: Option<Option<String>>,
    /// See [`VoiceChannel::flow`].
    pub flow: Option<Option<Flow>>,
    /// See [`VoiceChannel::answer_url`].
    pub answer_url: Option<Option<String>>,
}

impl Engine {
    /// Makes a channel of the key's mode.
    pub async fn create_voice_channel(
        &self,
        who: Principal,
        new: NewVoiceChannel,
        idempotency: Option<IdempotencyHeader>,
        render: &(dyn Fn(&VoiceChannel) -> StoredResponse + Send + Sync),
    ) -> Result<Outcome, Fault> {
        let (app, mode) = app(who)?;
        let core = &self.core;
        if let Some(first) = given_before(core, who, idempotency.as_ref()).await? {
            return Ok(Outcome::Replayed(first));
        }
        let number = new.number.as_deref().map(number).transpose()?;
        let now = core.now();
        let id = core.with_ids(|ids| VoiceChannelId::generate(ids, now));
        let NewVoiceChannel { name, flow, answer_url, .. } = new;
        let channel = VoiceChannel { id, app, mode, name, number, flow, answer_url, created_at: now };
        self.check_channel(&channel).await?;
        let response = render(&channel);
        let idempotency = idempotent(core, who, idempotency, &response);
        let result = core.store.create_voice_channel(&channel, idempotency).await;
        written(result, response, || Fault::new(FaultCode::ChannelConflict))
    }

    /// The app's channels of the key's mode, newest first.
    pub async fn voice_channels(
        &self,
        who: Principal,
        request: PageRequest,
    ) -> Result<Page<VoiceChannel>, Fault> {
        let (app, mode) = app(who)?;
        self.core.store.voice_channels(app, mode, page(request)).await.map_err(of_store)
    }

    /// One channel of the app, in the key's mode.
    pub async fn voice_channel(&self, who: Principal, id: VoiceChannelId) -> Result<VoiceChannel, Fault> {
        let (app, mode) = app(who)?;
        let found = self.core.store.voice_channel(app, id).await.map_err(of_store)?;
        found.filter(|channel| channel.mode == mode).ok_or_else(|| Fault::new(FaultCode::NotFound))
    }

    /// Changes a channel; the channel as it is then.
    pub async fn update_voice_channel(
        &self,
        who: Principal,
        id: VoiceChannelId,
        change: VoiceChannelChange,
    ) -> Result<VoiceChannel, Fault> {
        let known = self.voice_channel(who, id).await?;
        let numbered = change.number.map(|given| given.as_deref().map(number).transpose()).transpose()?;
        let channel = VoiceChannel {
            name: change.name.unwrap_or(known.name),
            number: numbered.unwrap_or(known.number),
            flow: change.flow.unwrap_or(known.flow),
            answer_url: change.answer_url.unwrap_or(known.answer_url),
            ..known
        };
        self.check_channel(&channel).await?;
        match self.core.store.update_voice_channel(&channel).await {
            Ok(()) => Ok(channel),
            Err(StoreError::Conflict(_)) => Err(Fault::new(FaultCode::ChannelConflict)),
            Err(error) => Err(of_store(error)),
        }
    }

    /// Removes a channel; its calls stay. The default one cannot be removed.
    pub async fn delete_voice_channel(&self, who: Principal, id: VoiceChannelId) -> Result<(), Fault> {
        let channel = self.voice_channel(who, id).await?;
        if channel.is_default() {
            let message = "An app's default channel cannot be removed. Change it instead.";
            return Err(saying(FaultCode::ChannelConflict, message));
        }
        self.core.store.delete_voice_channel(channel.app, channel.mode, id).await.map_err(of_store)
    }

    async fn check_channel(&self, channel: &VoiceChannel) -> Result<(), Fault> {
        let chars = channel.name.chars().count();
        if !(1..=VoiceChannel::NAME_MAX).contains(&chars) {
            let message = format!("must have 1 to {} characters", VoiceChannel::NAME_MAX);
            return Err(Fault::field(FaultCode::InvalidField, "name", message));
        }
        if let Some(url) = &channel.answer_url {
            check_destination(&self.core, "answerUrl", url)?;
        }
        if let (Some(number), Mode::Live) = (&channel.number, channel.mode) {
            let owned = self.core.store.number(number).await.map_err(of_store)?;
            if owned.is_none_or(|owned| owned.app != channel.app) {
                let code = FaultCode::PhoneNumberNotAssigned;
                let message = format!("{} {}", code.cause(), code.remedy());
                return Err(Fault::field(code, "number", message));
            }
        }
        Ok(())
    }
}

/// Makes the channels that every app has from its beginning, where they are missing.
pub(crate) async fn keep_default_channels(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    let mut channels = Vec::new();
    for organization in store.organizations().await? {
        for app in store.apps(organization.id).await? {
            channels.extend(default_channels(app.id, now));
        }
    }
    store.keep_voice_channels(channels).await
}

/// The channels that an app has from its beginning.
fn default_channels(app: AppId, now: Timestamp) -> [VoiceChannel; 2] {
    [Mode::Live, Mode::Test].map(|mode| VoiceChannel::default_of(app, mode, now))
}

fn number(text: &str) -> Result<E164, Fault> {
    text.parse().map_err(|error: model::number::NumberError| invalid_number("number", &error.to_string()))
}
