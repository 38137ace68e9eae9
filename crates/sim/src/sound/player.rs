//! Plays lengths of sound one after the other, so often, with silence between; tells what was truly sent.

use model::sound::PlaybackId;

/// Length of a frame.
const FRAME_MS: u32 = 20;

/// What is being played.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) playback: PlaybackId,
    lengths_ms: Vec<u32>,
    /// Whole sequences that are still to come, the present one included.
    times_left: u16,
    gap_ms: u32,
    at: usize,
    /// How far into the present part, be it sound or gap.
    into_ms: u32,
    in_gap: bool,
    pub(crate) played_ms: u32,
    frames: u32,
}

/// What the next 20 ms are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The murmur's frame of this number.
    Sound(u32),
    /// Silence between two sounds.
    Silence,
    /// All is played.
    Over,
}

impl Player {
    pub(crate) const fn new(playback: PlaybackId, lengths_ms: Vec<u32>, times: u16, gap_ms: u32) -> Self {
        Self {
            playback,
            lengths_ms,
            times_left: times,
            gap_ms,
            at: 0,
            into_ms: 0,
            in_gap: false,
            played_ms: 0,
            frames: 0,
        }
    }

    /// The next 20 ms.
    pub(crate) fn next(&mut self) -> Next {
        loop {
            if self.in_gap {
                if self.into_ms < self.gap_ms {
                    self.into_ms += FRAME_MS;
                    self.played_ms += FRAME_MS;
                    return Next::Silence;
                }
                (self.in_gap, self.into_ms) = (false, 0);
            }
            if self.times_left == 0 {
                return Next::Over;
            }
            let Some(length_ms) = self.lengths_ms.get(self.at).copied() else {
                self.times_left -= 1;
                self.at = 0;
                if self.lengths_ms.is_empty() {
                    self.times_left = 0;
                }
                continue;
            };
            if self.into_ms < length_ms {
                self.into_ms += FRAME_MS;
                self.played_ms += FRAME_MS;
                self.frames = self.frames.wrapping_add(1);
                return Next::Sound(self.frames - 1);
            }
            self.at += 1;
            self.into_ms = 0;
            let last = self.at >= self.lengths_ms.len() && self.times_left <= 1;
            self.in_gap = self.gap_ms > 0 && !last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(lengths_ms: &[u32], times: u16, gap_ms: u32) -> String {
        let mut player = Player::new(PlaybackId(1), lengths_ms.to_vec(), times, gap_ms);
        let mut score = String::new();
        loop {
            match player.next() {
                Next::Sound(_) => score.push('s'),
                Next::Silence => score.push('_'),
                Next::Over => return score,
            }
        }
    }

    #[test]
    fn sounds_gaps_and_repetitions() {
        assert_eq!(score(&[40, 20], 1, 0), "sss");
        assert_eq!(score(&[40, 20], 2, 40), "ss__s__ss__s");
        assert_eq!(score(&[], 5, 40), "");
        assert_eq!(score(&[50], 1, 40), "sss");
    }
}
