//! Digits on their way out of a leg, with the tones of those that the far side must hear.

use crate::leg::frame::{NARROW, NARROW_HZ};
use audio::tone::{ToneGenerator, ToneSpec};
use model::sound::{Codec, DigitsId};
use rtp::digits::{DIGIT_MS, DigitSender, DigitTick, GAP_MS, Script};

/// Sends sequences one after the other.
#[derive(Debug, Default)]
pub(crate) struct Digits {
    sender: DigitSender,
    tone: Option<ToneGenerator>,
}

impl Digits {
    /// Queues a sequence; gives its number back when too many wait.
    pub(crate) fn push(&mut self, script: Script) -> Result<(), Option<DigitsId>> {
        self.sender.push(script)
    }

    /// Whether nothing is sent or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.sender.is_idle()
    }

    /// As [`DigitSender::tick`]; a tone is left in `pcm`.
    pub(crate) fn tick(
        &mut self,
        events: bool,
        codec: Codec,
        timestamp: u32,
        pcm: &mut [i16; NARROW],
    ) -> (DigitTick, Option<DigitsId>) {
        let (tick, finished) = self.sender.tick(events, codec, timestamp);
        if let DigitTick::Tone { digit, begins } = tick {
            if begins {
                let tone = ToneSpec::dtmf(digit, DIGIT_MS, GAP_MS);
                self.tone = tone.map(|tone| ToneGenerator::new(tone, NARROW_HZ));
            }
            pcm.fill(0);
            if let Some(tone) = &mut self.tone {
                tone.fill(pcm);
            }
        }
        (tick, finished)
    }
}
