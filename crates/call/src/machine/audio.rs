//! What plays on the leg: one thing at a time. A sound of a live command takes the place of the flow's; the flow's
//! next sound waits until the live one is over. Knows neither flow nor commands, only on whose behalf it plays.

use super::desk::Desk;
use super::prompts::Sound;
use super::timers::Timer;
use model::CommandId;
use model::sound::{MediaOrder, PlaybackId};
use serde::{Deserialize, Serialize};

/// How much later than computed a sound's end may be reported.
const LATE_MS: u64 = 10_000;
/// A sound that nobody here cut is reported as cut when its leg is being closed: so long the leg's end may take
/// before the sound counts as broken.
const BROKEN_MS: u64 = 1_000;

/// Why a sound is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SoundEnd {
    /// It was played to its end.
    Played,
    /// A command cut it.
    Cut,
    /// A live command's sound was played in its place, and that is over now.
    Replaced,
    /// It ended early, or its end was never reported.
    Broken,
}

/// Who is to be told that a sound is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SoundNews {
    /// The live command whose sound it was.
    pub(super) live: Option<(CommandId, SoundEnd)>,
    /// The flow's running step, if its sound is over.
    pub(super) step: Option<SoundEnd>,
}

/// The sound of the flow's running step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
enum StepSound {
    #[default]
    None,
    Playing(PlaybackId),
    /// A live command's sound took its place.
    Replaced,
    /// Plays as soon as the live sound is over.
    Queued {
        sound: Sound,
        length_ms: u64,
    },
}

/// What plays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Audio {
    last: u32,
    live: Option<(PlaybackId, CommandId)>,
    step: StepSound,
}

impl Audio {
    /// Plays for the running step, now or after the live sound.
    pub(super) fn play_step(&mut self, sound: &Sound, length_ms: u64, desk: &mut Desk) {
        self.step = match self.live {
            Some(_) => StepSound::Queued { sound: sound.clone(), length_ms },
            None => StepSound::Playing(self.play(sound, length_ms, desk)),
        };
    }

    /// Plays for a live command; what plays now is cut. Returns the live command whose sound that was.
    pub(super) fn play_live(
        &mut self,
        command: CommandId,
        sound: &Sound,
        length_ms: u64,
        desk: &mut Desk,
    ) -> Option<CommandId> {
        if matches!(self.step, StepSound::Playing(_)) {
            self.step = StepSound::Replaced;
        }
        let playback = self.play(sound, length_ms, desk);
        self.live.replace((playback, command)).map(|(_, replaced)| replaced)
    }

    fn play(&mut self, sound: &Sound, length_ms: u64, desk: &mut Desk) -> PlaybackId {
        self.last = self.last.wrapping_add(1);
        let playback = PlaybackId(self.last);
        let Sound { prompts, times, gap_ms } = sound.clone();
        desk.order_media(MediaOrder::Play { playback, prompts, times, gap_ms });
        desk.set_timer(Timer::Playback, length_ms.saturating_add(LATE_MS));
        playback
    }

    /// The running step wants its sound no longer; it will not be told of its end.
    pub(super) fn stop_step(&mut self, desk: &mut Desk) {
        if let StepSound::Playing(playback) = std::mem::take(&mut self.step) {
            desk.timers.clear(Timer::Playback);
            desk.order_media(MediaOrder::StopPlayback { playback });
        }
    }

    /// Cuts what plays, whoever wanted it; returns which playback that was.
    pub(super) fn cut(&mut self, desk: &mut Desk) -> Option<(PlaybackId, SoundNews)> {
        let playback = self.playing()?;
        desk.order_media(MediaOrder::StopPlayback { playback });
        Some((playback, self.over(SoundEnd::Cut, desk)))
    }

    /// Cuts what plays, for good: the call ends, and nobody is told.
    pub(super) fn silence(&mut self, desk: &mut Desk) {
        if let Some(playback) = self.playing() {
            desk.order_media(MediaOrder::StopPlayback { playback });
        }
        desk.timers.clear(Timer::Playback);
        self.live = None;
        self.step = StepSound::None;
    }

    /// A playback is reported as over.
    pub(super) fn on_finished(
        &mut self,
        playback: PlaybackId,
        completed: bool,
        desk: &mut Desk,
    ) -> Option<SoundNews> {
        if self.playing() != Some(playback) {
            return None;
        }
        if completed {
            return Some(self.over(SoundEnd::Played, desk));
        }
        desk.set_timer(Timer::Playback, BROKEN_MS);
        None
    }

    /// What plays should have ended, or broke.
    pub(super) fn on_timeout(&mut self, desk: &mut Desk) -> SoundNews {
        self.over(SoundEnd::Broken, desk)
    }

    fn playing(&self) -> Option<PlaybackId> {
        match (&self.live, &self.step) {
            (Some((playback, _)), _) | (None, StepSound::Playing(playback)) => Some(*playback),
            _ => None,
        }
    }

    fn over(&mut self, end: SoundEnd, desk: &mut Desk) -> SoundNews {
        desk.timers.clear(Timer::Playback);
        let Some((_, command)) = self.live.take() else {
            let playing = matches!(std::mem::take(&mut self.step), StepSound::Playing(_));
            return SoundNews { live: None, step: playing.then_some(end) };
        };
        let step = match std::mem::take(&mut self.step) {
            StepSound::Replaced => Some(SoundEnd::Replaced),
            StepSound::Queued { sound, length_ms } => {
                self.play_step(&sound, length_ms, desk);
                None
            }
            StepSound::None | StepSound::Playing(_) => None,
        };
        SoundNews { live: Some((command, end)), step }
    }
}
