//! The 48-bit numbers of packets from the 16 bits that they carry (RFC 3711 §3.3.1), and which were seen already
//! (§3.3.2).

/// How far back a packet may come, in packets; at least 64.
const WINDOW: u64 = 128;

/// How often the sequence number has wrapped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rollover {
    /// The greatest number so far; none before the first packet.
    newest: Option<u64>,
}

impl Rollover {
    /// Whether there was a packet.
    pub(super) const fn has_begun(&self) -> bool {
        self.newest.is_some()
    }

    /// The number that lies nearest to the newest; none where that would be before the beginning or beyond 48 bits.
    pub(super) fn guess(&self, sequence: u16) -> Option<u64> {
        let Some(newest) = self.newest else { return Some(u64::from(sequence)) };
        let away = i64::from(sequence.wrapping_sub(newest as u16) as i16);
        newest.checked_add_signed(away).filter(|index| index >> 48 == 0)
    }

    /// A packet of this number is authentic, or was sent.
    pub(super) fn note(&mut self, index: u64) {
        self.newest = Some(self.newest.map_or(index, |newest| newest.max(index)));
    }
}

/// Which of the last packets were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Replay {
    /// One past the greatest number seen; 0 before the first.
    next: u64,
    /// Bit n stands for the number `next - 1 - n`.
    seen: u128,
}

impl Replay {
    pub(super) fn is_new(&self, index: u64) -> bool {
        if index >= self.next {
            return true;
        }
        let back = self.next - 1 - index;
        back < WINDOW && self.seen >> back & 1 == 0
    }

    pub(super) fn note(&mut self, index: u64) {
        if index >= self.next {
            let ahead = index + 1 - self.next;
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            self.next = index + 1;
        } else if self.next - 1 - index < WINDOW {
            self.seen |= 1 << (self.next - 1 - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_wrap_both_ways() {
        let mut rollover = Rollover::default();
        let mut check = |sequence: u16, expected: Option<u64>| {
            let guess = rollover.guess(sequence);
            assert_eq!(guess, expected, "{sequence}");
            guess.into_iter().for_each(|index| rollover.note(index));
        };
        check(65_534, Some(65_534));
        check(65_533, Some(65_533));
        check(2, Some(65_538));
        check(65_535, Some(65_535));
        check(3, Some(65_539));
        check(32_000, Some(97_536));
        check(64_000, Some(129_536));
        check(10, Some(131_082));
        let mut young = Rollover::default();
        young.note(5);
        assert_eq!(young.guess(65_000), None, "before the beginning");
        young.note((1 << 48) - 1);
        assert_eq!(young.guess(0), None, "after the end");
    }

    #[test]
    fn each_number_is_new_once() {
        let mut replay = Replay::default();
        let mut check = |index: u64, new: bool| {
            assert_eq!(replay.is_new(index), new, "{index}");
            if new {
                replay.note(index);
            }
        };
        check(0, true);
        check(0, false);
        check(5, true);
        check(3, true);
        check(3, false);
        check(5, false);
        check(131, true);
        check(4, true);
        check(4, false);
        check(3, false);
        check(2, false);
        check(1 << 40, true);
        check(131, false);
        check((1 << 40) - 127, true);
        check((1 << 40) - 128, false);
    }
}
