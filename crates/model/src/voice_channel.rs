//! A voice channel: under which number an app calls, and what happens to calls that come in. Every app has one for each
//! mode from its beginning.

use crate::call::Mode;
use crate::flow::Flow;
use crate::id::{AppId, VoiceChannelId};
use crate::number::E164;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A voice channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceChannel {
    /// Its id.
    pub id: VoiceChannelId,
    /// Its owner.
    pub app: AppId,
    /// The calls it has are all of this mode.
    pub mode: Mode,
    /// What a person calls it, 1 to [`VoiceChannel::NAME_MAX`] characters.
    pub name: String,
    /// The number it calls from, where a call says none; calls to it are this channel's.
    pub number: Option<E164>,
    /// What it does with a call that comes in, unless the dialled number has a flow of its own.
    pub flow: Option<Flow>,
    /// Who is asked for a flow when a call comes in and there is none.
    pub answer_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl VoiceChannel {
    /// Longest name, in characters.
    pub const NAME_MAX: usize = 128;
    /// Most channels of one app.
    pub const PER_APP_MAX: u64 = 1_000;
    /// The number of a default test channel: nobody's, of the range that the sandbox uses.
    pub const SANDBOX_NUMBER: &'static str = "+15005559999";

    /// The channel that an app has in this mode from its beginning.
    pub fn default_of(app: AppId, mode: Mode, created_at: Timestamp) -> Self {
        Self {
            id: VoiceChannelId::default_of(app, mode),
            app,
            mode,
            name: "Default channel".to_owned(),
            number: match mode {
                Mode::Test => Self::SANDBOX_NUMBER.parse().ok(),
                Mode::Live => None,
            },
            flow: None,
            answer_url: None,
            created_at,
        }
    }

    /// Whether it is the one that its app has from its beginning.
    pub fn is_default(&self) -> bool {
        self.id == VoiceChannelId::default_of(self.app, self.mode)
    }
}

impl VoiceChannelId {
    /// The id of an app's first channel: the app's own with other random bits, so that nothing has to look it up.
    pub fn default_of(app: AppId, mode: Mode) -> Self {
        // 62 bits: time, version and variant stay.
        let other: u128 = match mode {
            Mode::Live => 0x1c69_b3f7_4a2d_5e81,
            Mode::Test => 0x2b5f_d04e_98c3_7a16,
        };
        Self::from_uuid(Uuid::from_u128(app.uuid().as_u128() ^ other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdSource;

    #[test]
    fn default_channels_have_ids_of_their_own() {
        let now = Timestamp::from_millis(1_777_713_247_120);
        let mut ids = IdSource::new(1);
        let apps: Vec<_> = (0..100).map(|_| AppId::generate(&mut ids, now)).collect();
        let mut seen = std::collections::BTreeSet::new();
        for app in apps {
            for mode in [Mode::Live, Mode::Test] {
                let channel = VoiceChannel::default_of(app, mode, now);
                assert!(seen.insert(channel.id.uuid()) && channel.is_default());
                assert_eq!(VoiceChannelId::from_ksuid(&channel.id.to_ksuid()), Ok(channel.id));
                assert_eq!(channel.id.uuid().get_version_num(), 7);
                assert_eq!(channel.number.is_some(), mode == Mode::Test);
            }
        }
    }
}
