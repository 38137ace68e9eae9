//! Where calls that know nothing of each other meet: conferences and queues of an app. What a call orders of them, and
//! what it hears.

use crate::id::LegId;
use crate::sound::ConferenceId;
use serde::{Deserialize, Serialize};

/// One attendance of a call at a conference or in a queue: numbered by the call, so that late words about an earlier one
/// are known as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attendance(pub u32);

/// What a call orders of a conference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConferenceOrder {
    /// Be a member; whatever conference or queue the call was in before, it has left. Answered by
    /// [`ConferenceFact::Refused`], [`ConferenceFact::Waiting`] or [`ConferenceFact::Open`].
    Enter {
        /// Names the attendance.
        attendance: Attendance,
        /// Its name within the app.
        name: String,
        /// The conference may start with this member.
        starts: bool,
        /// The conference ends when this member goes.
        ends: bool,
        /// The others hear this member come and go.
        beep: bool,
    },
    /// Be a member no longer.
    Leave,
}

/// What a member hears of its conference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConferenceFact {
    /// It cannot be a member.
    Refused {
        /// Why, in words for the app's developer.
        reason: String,
    },
    /// It is a member, and the conference has not started yet.
    Waiting,
    /// Its sound can be joined to the others' now.
    Open {
        /// The conference's name on the media plane.
        conference: ConferenceId,
    },
    /// Somebody came or went who wants that to be heard.
    Beep,
    /// The conference was ended by another member's going.
    Over,
}

/// What a call orders of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueOrder {
    /// Wait to be taken.
    Wait {
        /// Names the attendance.
        attendance: Attendance,
        /// The queue's name within the app.
        name: String,
    },
    /// Take whoever has waited longest, or the next who comes.
    Take {
        /// Names the attendance.
        attendance: Attendance,
        /// The queue's name within the app.
        name: String,
    },
    /// Wait no longer, or part from whom it met.
    Leave,
}

/// What a call hears of its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueFact {
    /// It cannot wait there.
    Refused {
        /// Why, in words for the app's developer.
        reason: String,
    },
    /// It waits.
    Waiting,
    /// It met somebody.
    Met {
        /// The other one's leg.
        with: LegId,
    },
    /// The other one is gone.
    Parted,
}
