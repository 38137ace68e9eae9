//! `conference`: join a room where all members hear each other.

use serde::{Deserialize, Serialize};

/// Join a conference of the app, until a key, its end or the call's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conference {
    /// Its name within the app, as in [`super::Label::is_name`].
    pub name: String,
    /// The member is not heard.
    pub muted: bool,
    /// The member hears nothing.
    pub deaf: bool,
    /// The conference starts when this member comes; before that, members hear music.
    pub starts: bool,
    /// The conference ends when this member goes.
    pub ends: bool,
    /// A tone tells the others of this member's coming and going.
    pub beep: bool,
    /// A URL or a name in the media folder, played until the conference starts; the server's own music if none.
    pub music: Option<String>,
    /// A key with which the member leaves, and its flow goes on.
    pub leave_key: Option<char>,
}

impl Conference {
    /// By name, with everything else as where nothing is said.
    pub const fn named(name: String) -> Self {
        Self {
            name,
            muted: false,
            deaf: false,
            starts: true,
            ends: false,
            beep: false,
            music: None,
            leave_key: None,
        }
    }
}
