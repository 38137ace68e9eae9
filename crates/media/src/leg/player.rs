//! One playback: a sequence of encoded prompts with gaps, cut into frames of 20 ms. Counts what was sent; knows no
//! packet.

use crate::prompts::EncodedClip;
use audio::Law;
use model::sound::{MediaFact, PlaybackId};
use rtp::jitter::FRAME_OCTETS;

/// Octets in a millisecond.
const OCTETS_PER_MS: u64 = 8;

/// A playback under way.
#[derive(Debug)]
pub(crate) struct Player {
    playback: PlaybackId,
    clips: Box<[EncodedClip]>,
    /// Rounds left, the present one included.
    rounds: u16,
    gap_octets: usize,
    clip: usize,
    /// Octets of the present clip, or of the gap after it, that are over.
    at: usize,
    in_gap: bool,
    sent_octets: u64,
}

impl Player {
    /// A playback at its beginning; `times` 0 counts as 1.
    pub(crate) fn new(playback: PlaybackId, clips: Box<[EncodedClip]>, times: u16, gap_ms: u32) -> Self {
        let gap_octets = usize::try_from(u64::from(gap_ms) * OCTETS_PER_MS).unwrap_or(usize::MAX);
        let silent = clips.iter().all(|clip| clip.octets.is_empty());
        let rounds = if silent { 0 } else { times.max(1) };
        Self { playback, clips, rounds, gap_octets, clip: 0, at: 0, in_gap: false, sent_octets: 0 }
    }

    /// Which playback it is.
    pub(crate) const fn playback(&self) -> PlaybackId {
        self.playback
    }

    /// Whether everything was taken.
    pub(crate) const fn is_over(&self) -> bool {
        self.rounds == 0
    }

    /// Takes the next 20 ms; what is missing at the end is silence. Returns the octets that are the playback's.
    pub(crate) fn fill(&mut self, law: Law, frame: &mut [u8; FRAME_OCTETS]) -> usize {
        let mut filled = 0;
        while self.rounds > 0 {
            let Some(room) = frame.get_mut(filled..).filter(|room| !room.is_empty()) else { return filled };
            filled += self.fill_part(law, room);
        }
        if let Some(rest) = frame.get_mut(filled..) {
            rest.fill(law.silence());
        }
        filled
    }

    /// Says that octets of the last `fill` went out.
    pub(crate) const fn count_sent(&mut self, octets: usize) {
        self.sent_octets += octets as u64;
    }

    /// What to report at its end.
    pub(crate) fn finished(&self) -> MediaFact {
        MediaFact::PlaybackFinished {
            playback: self.playback,
            played_ms: u32::try_from(self.sent_octets / OCTETS_PER_MS).unwrap_or(u32::MAX),
            completed: self.is_over(),
        }
    }

    /// Fills from one clip or one gap, and steps on at its end.
    fn fill_part(&mut self, law: Law, room: &mut [u8]) -> usize {
        if self.in_gap {
            let len = room.len().min(self.gap_octets - self.at);
            room.iter_mut().take(len).for_each(|octet| *octet = law.silence());
            self.at += len;
            if self.at == self.gap_octets {
                self.next_clip();
            }
            return len;
        }
        let Some(clip) = self.clips.get(self.clip) else {
            self.rounds = 0;
            return 0;
        };
        let source = clip.octets.get(self.at..).unwrap_or_default();
        let len = room.len().min(source.len());
        let (to, from) = (room.split_at_mut(len).0, source.split_at(len).0);
        to.copy_from_slice(from);
        if clip.law != law {
            audio::g711::transcode_in_place(clip.law, law, to);
        }
        self.at += len;
        if self.at == clip.octets.len() {
            self.end_of_clip();
        }
        len
    }

    /// A gap lies between two clips, also between two rounds, and not after the last.
    fn end_of_clip(&mut self) {
        let last_clip = self.clip + 1 == self.clips.len();
        if last_clip && self.rounds == 1 {
            self.rounds = 0;
        } else if self.gap_octets > 0 {
            self.at = 0;
            self.in_gap = true;
        } else {
            self.next_clip();
        }
    }

    fn next_clip(&mut self) {
        self.at = 0;
        self.in_gap = false;
        self.clip += 1;
        if self.clip == self.clips.len() {
            self.clip = 0;
            self.rounds -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(clips: &[&[u8]], times: u16, gap_ms: u32) -> Player {
        let clips = clips.iter().map(|octets| EncodedClip { law: Law::Mu, octets: (*octets).into() });
        Player::new(PlaybackId(1), clips.collect(), times, gap_ms)
    }

    /// Everything that is played, padding left out.
    fn played(mut player: Player) -> Vec<u8> {
        let mut all = Vec::new();
        let mut frame = [0; FRAME_OCTETS];
        while !player.is_over() {
            let len = player.fill(Law::Mu, &mut frame);
            assert!(len > 0 && frame[len..].iter().all(|octet| *octet == 0xff));
            player.count_sent(len);
            all.extend_from_slice(&frame[..len]);
        }
        let played_ms = u32::try_from(all.len() / 8).unwrap();
        let expected = MediaFact::PlaybackFinished { playback: PlaybackId(1), played_ms, completed: true };
        assert_eq!(player.finished(), expected);
        all
    }

    #[test]
    fn clips_follow_each_other_to_the_octet() {
        let (a, b) = ([1_u8; 250], [2_u8; 90]);
        let check = |times, gap_ms, expected: &[&[u8]]| {
            assert_eq!(played(player(&[&a, &b], times, gap_ms)), expected.concat(), "{times} x, {gap_ms} ms");
        };
        let gap = [0xff; 80];
        check(1, 0, &[&a, &b]);
        check(0, 0, &[&a, &b]);
        check(2, 0, &[&a, &b, &a, &b]);
        check(1, 10, &[&a, &gap, &b]);
        check(2, 10, &[&a, &gap, &b, &gap, &a, &gap, &b]);
    }

    #[test]
    fn empty_clips_end_at_once_however_often() {
        assert!(player(&[], 9, 0).is_over());
        assert!(player(&[&[], &[]], 65_535, 1_000).is_over());
        assert_eq!(played(player(&[&[], &[7; 3], &[]], 2, 0)), [7; 6]);
    }

    #[test]
    fn another_law_is_translated() {
        let mut player = player(&[&[0xff; 160]], 1, 0);
        let mut frame = [0; FRAME_OCTETS];
        player.fill(Law::A, &mut frame);
        let mut expected = [0xff; FRAME_OCTETS];
        audio::g711::transcode_in_place(Law::Mu, Law::A, &mut expected);
        assert_eq!(frame, expected);
    }

    #[test]
    fn a_cut_playback_says_what_was_sent() {
        let mut player = player(&[&[1; 1_600]], 1, 0);
        let mut frame = [0; FRAME_OCTETS];
        for _ in 0..3 {
            let len = player.fill(Law::Mu, &mut frame);
            player.count_sent(len);
        }
        let cut = MediaFact::PlaybackFinished { playback: PlaybackId(1), played_ms: 60, completed: false };
        assert_eq!(player.finished(), cut);
    }
}
