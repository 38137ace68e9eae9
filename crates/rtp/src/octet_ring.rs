//! Storage of the jitter buffer: octets addressed by their position in the stream, each known to be there or
//! not. Fixed memory; knows no time.

/// Octets the ring holds; a power of two. At 8 kHz about half a second.
pub(crate) const RING_OCTETS: usize = 4_096;
const WORDS: usize = RING_OCTETS / 64;

/// Octets by position, modulo `RING_OCTETS`; the caller keeps all live positions within one turn of the ring.
#[derive(Clone, Debug)]
pub(crate) struct OctetRing {
    octets: Box<[u8; RING_OCTETS]>,
    present: Box<[u64; WORDS]>,
    count: usize,
}

impl OctetRing {
    pub(crate) fn new() -> Self {
        Self { octets: Box::new([0; RING_OCTETS]), present: Box::new([0; WORDS]), count: 0 }
    }

    /// Octets present in all.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Stores `payload` (at most `RING_OCTETS`) from `position` on; returns how many octets were new.
    pub(crate) fn write(&mut self, position: i64, payload: &[u8]) -> usize {
        let start = slot(position);
        let (head, tail) = payload.split_at(payload.len().min(RING_OCTETS - start));
        if let Some(target) = self.octets.get_mut(start..start + head.len()) {
            target.copy_from_slice(head);
        }
        if let Some(target) = self.octets.get_mut(..tail.len()) {
            target.copy_from_slice(tail);
        }
        let mut new = 0;
        self.mark(position, payload.len(), |word, mask| {
            new += (mask & !*word).count_ones() as usize;
            *word |= mask;
        });
        self.count += new;
        new
    }

    /// How many of `len` octets from `position` on are present.
    pub(crate) fn present(&self, position: i64, len: usize) -> usize {
        spans(position, len)
            .filter_map(|(word, mask)| Some((self.present.get(word)? & mask).count_ones() as usize))
            .sum()
    }

    /// Copies the octets from `position` on; absent ones become `filler`.
    pub(crate) fn read(&self, position: i64, out: &mut [u8], filler: u8) {
        if self.present(position, out.len()) == out.len() {
            return self.copy(position, out);
        }
        for (offset, octet) in (0_i64..).zip(out) {
            let at = position + offset;
            let stored = self.octets.get(slot(at)).copied().unwrap_or(filler);
            *octet = if self.present(at, 1) == 1 { stored } else { filler };
        }
    }

    /// Forgets `len` octets from `position` on.
    pub(crate) fn clear(&mut self, position: i64, len: usize) {
        let mut gone = 0;
        self.mark(position, len.min(RING_OCTETS), |word, mask| {
            gone += (mask & *word).count_ones() as usize;
            *word &= !mask;
        });
        self.count -= gone;
    }

    /// Forgets everything.
    pub(crate) fn clear_all(&mut self) {
        self.present.fill(0);
        self.count = 0;
    }

    fn copy(&self, position: i64, out: &mut [u8]) {
        let start = slot(position);
        let head_len = out.len().min(RING_OCTETS - start);
        let (head, tail) = out.split_at_mut(head_len);
        if let Some(source) = self.octets.get(start..start + head_len) {
            head.copy_from_slice(source);
        }
        if let Some(source) = self.octets.get(..tail.len()) {
            tail.copy_from_slice(source);
        }
    }

    fn mark(&mut self, position: i64, len: usize, mut change: impl FnMut(&mut u64, u64)) {
        for (word, mask) in spans(position, len) {
            if let Some(word) = self.present.get_mut(word) {
                change(word, mask);
            }
        }
    }
}

fn slot(position: i64) -> usize {
    position.rem_euclid(RING_OCTETS as i64) as usize
}

/// The words and bit masks that `len` positions from `position` on occupy.
fn spans(position: i64, len: usize) -> impl Iterator<Item = (usize, u64)> {
    let mut at = slot(position);
    let mut left = len.min(RING_OCTETS);
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let bit = at % 64;
        let width = left.min(64 - bit);
        let mask = (u64::MAX >> (64 - width)) << bit;
        let word = at / 64;
        at = (at + width) % RING_OCTETS;
        left -= width;
        Some((word, mask))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes, reads and clears at random beside a map that does the same the slow way.
    #[test]
    fn the_ring_agrees_with_a_map() {
        let mut ring = OctetRing::new();
        let mut map = std::collections::BTreeMap::<i64, u8>::new();
        let mut state = 0x9e37_79b9_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from((state >> 8) % below)
        };
        for round in 0..20_000_i64 {
            // All live positions stay within one turn.
            let position = -5_000 + round / 2 * 3 + random(1_000);
            let len = random(481) as usize;
            match random(4) {
                0 => {
                    ring.clear(position, len);
                    map.retain(|at, _| !(position..position + len as i64).contains(at));
                }
                _ => {
                    let payload: Vec<u8> = (0..len).map(|_| random(256) as u8).collect();
                    let new = ring.write(position, &payload);
                    let before = map.len();
                    map.extend((position..).zip(payload));
                    assert_eq!(new, map.len() - before);
                }
            }
            let floor = -5_000 + round / 2 * 3 - 1_500;
            ring.clear(floor - 64, 64);
            map.retain(|at, _| *at >= floor);
            assert_eq!(ring.count(), map.len());
            let mut out = [0; 160];
            ring.read(position, &mut out, 0xaa);
            let expected: Vec<u8> =
                (position..position + 160).map(|at| map.get(&at).copied().unwrap_or(0xaa)).collect();
            assert_eq!(out.as_slice(), expected);
        }
        ring.clear_all();
        assert_eq!((ring.count(), ring.present(0, RING_OCTETS)), (0, 0));
    }
}
