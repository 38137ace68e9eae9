//! One playback: a sequence of encoded prompts with gaps, cut into frames of 20 ms. Counts what was sent; knows no
//! packet.

use crate::leg::frame::{Frame, OCTETS, silence_octets};
use crate::prompts::EncodedClip;
use model::sound::{Codec, MediaFact, PlaybackId};
use ports::media::FOREVER;

/// Eighths of a millisecond, which are octets in all codecs but Opus, in a millisecond.
const EIGHTHS_PER_MS: u64 = 8;

/// A playback under way.
#[derive(Debug)]
pub(crate) struct Player {
    playback: PlaybackId,
    /// What all clips are encoded with.
    codec: Codec,
    clips: Box<[EncodedClip]>,
    /// Rounds left, the present one included; it stays where it is for what never ends.
    rounds: u16,
    gap: usize,
    clip: usize,
    /// How much of the present clip, or of the gap after it, is over: octets, or frames of Opus.
    at: usize,
    in_gap: bool,
    sent_eighths: u64,
}

impl Player {
    /// A playback at its beginning of clips that are encoded with `codec`; `times` 0 counts as 1.
    pub(crate) fn new(
        playback: PlaybackId,
        codec: Codec,
        clips: Box<[EncodedClip]>,
        times: u16,
        gap_ms: u32,
    ) -> Self {
        let gap = match codec {
            Codec::Opus => u64::from(gap_ms.div_ceil(20)),
            Codec::Pcmu | Codec::Pcma | Codec::G722 => u64::from(gap_ms) * EIGHTHS_PER_MS,
        };
        let silent = clips.iter().all(|clip| clip.len() == 0);
        let rounds = if silent { 0 } else { times.max(1) };
        let gap = usize::try_from(gap).unwrap_or(usize::MAX);
        Self { playback, codec, clips, rounds, gap, clip: 0, at: 0, in_gap: false, sent_eighths: 0 }
    }

    /// Which playback it is.
    pub(crate) const fn playback(&self) -> PlaybackId {
        self.playback
    }

    /// What its frames are encoded with.
    pub(crate) const fn codec(&self) -> Codec {
        self.codec
    }

    /// Whether everything was taken.
    pub(crate) const fn is_over(&self) -> bool {
        self.rounds == 0
    }

    /// Takes the next 20 ms; what is missing at the end is silence. Returns how much of it is the playback's, in
    /// eighths of a millisecond.
    pub(crate) fn fill(&mut self, frame: &mut Frame) -> usize {
        if self.codec == Codec::Opus {
            return self.fill_whole(frame);
        }
        let mut filled = 0;
        frame.silence_from(self.codec, OCTETS);
        while self.rounds > 0 {
            let Some(room) = frame.octets_mut().get_mut(filled..).filter(|room| !room.is_empty()) else {
                return filled;
            };
            filled += self.fill_part(room);
        }
        frame.silence_from(self.codec, filled);
        filled
    }

    /// Says that so much of the last `fill` went out.
    pub(crate) const fn count_sent(&mut self, eighths: usize) {
        self.sent_eighths += eighths as u64;
    }

    /// What to report at its end.
    pub(crate) fn finished(&self) -> MediaFact {
        MediaFact::PlaybackFinished {
            playback: self.playback,
            played_ms: u32::try_from(self.sent_eighths / EIGHTHS_PER_MS).unwrap_or(u32::MAX),
            completed: self.is_over(),
        }
    }

    /// One frame of Opus, or one frame's length of a gap.
    fn fill_whole(&mut self, frame: &mut Frame) -> usize {
        if self.in_gap {
            frame.silence_from(self.codec, 0);
            self.at += 1;
            if self.at >= self.gap {
                self.next_clip();
            }
            return OCTETS;
        }
        // Empty clips are passed over; not all of them are, or no round were left.
        for _ in 0..=self.clips.len() {
            let Some(clip) = self.clips.get(self.clip) else { break };
            if let Some(octets) = clip.frame(self.at) {
                frame.set(octets);
                self.at += 1;
                if self.at >= clip.len() {
                    self.end_of_clip();
                }
                return OCTETS;
            }
            self.end_of_clip();
            if self.rounds == 0 || self.in_gap {
                break;
            }
        }
        frame.silence_from(self.codec, 0);
        0
    }

    /// Fills from one clip or one gap, and steps on at its end.
    fn fill_part(&mut self, room: &mut [u8]) -> usize {
        if self.in_gap {
            let len = room.len().min(self.gap - self.at);
            silence_octets(self.codec, room.split_at_mut(len).0);
            self.at += len;
            if self.at == self.gap {
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
        room.split_at_mut(len).0.copy_from_slice(source.split_at(len).0);
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
        } else if self.gap > 0 {
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
            if self.rounds != FOREVER {
                self.rounds -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(clips: &[&[u8]], times: u16, gap_ms: u32) -> Player {
        let clips = clips.iter().map(|octets| EncodedClip::of_octets((*octets).into()));
        Player::new(PlaybackId(1), Codec::Pcmu, clips.collect(), times, gap_ms)
    }

    /// Everything that is played, padding left out.
    fn played(mut player: Player) -> Vec<u8> {
        let mut all = Vec::new();
        let mut frame = Frame::silence(Codec::Pcma);
        while !player.is_over() {
            let len = player.fill(&mut frame);
            assert!(len > 0 && frame.octets()[len..].iter().all(|octet| *octet == 0xff));
            player.count_sent(len);
            all.extend_from_slice(&frame.octets()[..len]);
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
    fn what_never_ends_goes_on_until_it_is_cut() {
        let mut player = player(&[&[3; 160]], FOREVER, 0);
        let mut frame = Frame::silence(Codec::Pcmu);
        for _ in 0..200_000 {
            assert_eq!(player.fill(&mut frame), OCTETS);
        }
        assert!(!player.is_over() && frame.octets() == [3; 160]);
    }

    #[test]
    fn frames_of_opus_stay_whole() {
        let clip = |frames: &[&[u8]]| EncodedClip::of_frames(frames);
        let clips: [EncodedClip; 3] = [clip(&[&[1], &[2, 2]]), clip(&[]), clip(&[&[3, 3, 3]])];
        let mut player = Player::new(PlaybackId(1), Codec::Opus, clips.into(), 2, 15);
        let mut frame = Frame::silence(Codec::Opus);
        let silence = frame.octets().to_vec();
        let mut heard = Vec::new();
        while !player.is_over() {
            let eighths = player.fill(&mut frame);
            player.count_sent(eighths);
            heard.push(frame.octets().to_vec());
        }
        let (one, two, three) = (vec![1], vec![2, 2], vec![3, 3, 3]);
        let gap = silence;
        let round = [one, two, gap.clone(), gap.clone(), three];
        let sounds: Vec<&Vec<u8>> = heard.iter().filter(|frame| **frame != gap).collect();
        let expected: Vec<&Vec<u8>> = round.iter().chain(&round).filter(|frame| **frame != gap).collect();
        assert_eq!(sounds, expected);
        assert!(matches!(player.finished(), MediaFact::PlaybackFinished { completed: true, .. }));
    }

    #[test]
    fn a_cut_playback_says_what_was_sent() {
        let mut player = player(&[&[1; 1_600]], 1, 0);
        let mut frame = Frame::silence(Codec::Pcma);
        for _ in 0..3 {
            let len = player.fill(&mut frame);
            player.count_sent(len);
        }
        let cut = MediaFact::PlaybackFinished { playback: PlaybackId(1), played_ms: 60, completed: false };
        assert_eq!(player.finished(), cut);
    }
}
