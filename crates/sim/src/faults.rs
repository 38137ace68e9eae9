//! What goes wrong beside the network: the store, the speaking engine, the recorder's disk, webhook receivers, and
//! carriers that lie. Each is off unless it is asked for.

use crate::dice::Dice;
use serde::{Deserialize, Serialize};

/// Everything that may go wrong. Shares are of a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Faults {
    /// Each commit of the store takes up to so much longer.
    pub store_slow_ms: u32,
    /// Commits that fail and are tried again.
    pub store_fails_permille: u32,
    /// Each prompt takes up to so much longer.
    pub speech_slow_ms: u32,
    /// Prompts that cannot be made.
    pub speech_fails_permille: u32,
    /// Recordings whose file cannot be made.
    pub recording_fails_permille: u32,
    /// Webhook attempts that fail.
    pub webhook_fails_permille: u32,
    /// What the carrier does wrong.
    pub carrier: Lie,
}

/// What a carrier does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lie {
    /// Nothing.
    #[default]
    None,
    /// It never acknowledges an answer.
    NeverAcknowledges,
    /// It never answers a BYE.
    ByeUnanswered,
    /// Its answer comes twice.
    AnswersTwice,
    /// A second callee answers the same call.
    ForkedAnswer,
    /// Keys go on being pressed after the call is over.
    KeysAfterEnd,
    /// It says that it rings after it has answered.
    RingsAfterAnswer,
    /// It says nothing at all.
    Silent,
    /// It sends what is no message.
    Rubbish,
}

impl Lie {
    /// All of them, the truth first.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::NeverAcknowledges,
        Self::ByeUnanswered,
        Self::AnswersTwice,
        Self::ForkedAnswer,
        Self::KeysAfterEnd,
        Self::RingsAfterAnswer,
        Self::Silent,
        Self::Rubbish,
    ];
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        store_slow_ms: 0,
        store_fails_permille: 0,
        speech_slow_ms: 0,
        speech_fails_permille: 0,
        recording_fails_permille: 0,
        webhook_fails_permille: 0,
        carrier: Lie::None,
    };

    /// Some faults, mostly few.
    pub fn random(dice: &mut Dice) -> Self {
        let mut one = |values: &[u32]| if dice.one_in(3) { dice.pick(values).copied() } else { None };
        Self {
            store_slow_ms: one(&[5, 200, 5_000]).unwrap_or_default(),
            store_fails_permille: one(&[10, 300]).unwrap_or_default(),
            speech_slow_ms: one(&[300, 5_000, 40_000]).unwrap_or_default(),
            speech_fails_permille: one(&[100, 1_000]).unwrap_or_default(),
            recording_fails_permille: one(&[200, 1_000]).unwrap_or_default(),
            webhook_fails_permille: one(&[100, 600, 1_000]).unwrap_or_default(),
            carrier: if dice.one_in(2) {
                dice.pick(&Lie::ALL).copied().unwrap_or_default()
            } else {
                Lie::None
            },
        }
    }

    /// The same with one fault less, for each that is on: what is tried when a failure is made smaller.
    pub fn smaller(&self) -> Vec<Self> {
        let without = [
            Self { store_slow_ms: 0, ..*self },
            Self { store_fails_permille: 0, ..*self },
            Self { speech_slow_ms: 0, ..*self },
            Self { speech_fails_permille: 0, ..*self },
            Self { recording_fails_permille: 0, ..*self },
            Self { webhook_fails_permille: 0, ..*self },
            Self { carrier: Lie::None, ..*self },
        ];
        without.into_iter().filter(|faults| faults != self).collect()
    }
}
