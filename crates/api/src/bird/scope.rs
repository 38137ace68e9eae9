//! The workspace, the channel and the call that a path names, and whether they are the key's own.

use super::Door;
use model::call::{Call, Mode};
use model::fault::{Fault, FaultCode};
use model::tenant::{Principal, Scope};
use model::voice_channel::VoiceChannel;
use model::{AppId, VoiceChannelId};
use std::str::FromStr;

/// The app behind `{workspaceId}`, if it is the key's own. Any other is refused alike, whether there is one or not.
pub(crate) fn workspace(who: Principal, text: &str) -> Result<(AppId, Mode), Fault> {
    let asked: AppId = id(text)?;
    match who.scope {
        Scope::App(app, mode) if app == asked => Ok((app, mode)),
        Scope::App(..) => Err(Fault::new(FaultCode::Forbidden)),
        Scope::Organization => Err(Fault::new(FaultCode::WrongKeyClass)),
    }
}

/// The workspace and its channel `{channelId}`.
pub(crate) async fn workspace_and_channel(
    door: &Door,
    who: Principal,
    workspace_id: &str,
    channel_id: &str,
) -> Result<VoiceChannel, Fault> {
    workspace(who, workspace_id)?;
    door.engine.voice_channel(who, id(channel_id)?).await
}

/// The channel's call `{callId}`.
pub(crate) async fn call_of(
    door: &Door,
    who: Principal,
    channel_id: &str,
    call_id: &str,
) -> Result<Call, Fault> {
    let channel: VoiceChannelId = id(channel_id)?;
    let call = id(call_id).map_err(|_| Fault::new(FaultCode::CallNotFound))?;
    let call = door.engine.call(who, call).await?;
    if call.channel() == channel { Ok(call) } else { Err(Fault::new(FaultCode::CallNotFound)) }
}

/// An id of this door: a UUID. What is none is the id of nothing.
pub(crate) fn id<T: FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::new(FaultCode::NotFound))
}
