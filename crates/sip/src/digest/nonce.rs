//! Nonces that say when they were made and prove that we made them (RFC 7616 §3.3): nothing is kept for one until it is
//! used. Then the counts seen are, so that none is taken twice. Bounded; knows no header.

use super::authorization::is_same;
use super::hash::hex;
use model::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// When a nonce was made, and which of those made at that time it is. Sorts by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Name {
    at_micros: u64,
    serial: u32,
}

/// What a nonce is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// Ours and fresh, with a count not seen.
    Good,
    /// Ours, and too old, or its count was seen or fell out of the window.
    Stale,
    /// Not ours.
    Foreign,
}

/// Counts of one nonce.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    highest: u32,
    /// Bit n: `highest - n` was seen.
    seen: u64,
}

impl Counts {
    /// Takes a count; false if it was taken, or is too far behind to know.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let ahead = count - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let Some(bit) = 1u64.checked_shl(self.highest - count).filter(|_| count > 0) else { return false };
        let is_new = self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}

/// The nonces of one realm.
#[derive(Debug)]
pub(super) struct Nonces {
    lifetime: Duration,
    used_max: usize,
    serial: u32,
    used: BTreeMap<Name, Counts>,
    /// Nonces up to this one are stale, as their counts had to be forgotten.
    forgotten: Option<Name>,
}

impl Nonces {
    pub(super) const fn new(lifetime: Duration, used_max: usize) -> Self {
        Self { lifetime, used_max, serial: 0, used: BTreeMap::new(), forgotten: None }
    }

    /// A new nonce.
    pub(super) fn make(&mut self, secret: &[u8; 32], now: Timestamp) -> String {
        self.serial = self.serial.wrapping_add(1);
        print(Name { at_micros: now.as_micros(), serial: self.serial }, secret)
    }

    /// What a nonce is worth with this count. Takes nothing.
    pub(super) fn judge(&self, nonce: &str, count: u32, secret: &[u8; 32], now: Timestamp) -> Worth {
        let Some(name) = read(nonce, secret) else { return Worth::Foreign };
        let made = Timestamp::from_micros(name.at_micros);
        let is_old = now.since(made) > self.lifetime || self.forgotten.is_some_and(|last| name <= last);
        let fresh = |counts: &Counts| { *counts }.take(count);
        if is_old || !self.used.get(&name).map_or(count > 0, fresh) {
            return Worth::Stale;
        }
        Worth::Good
    }

    /// Takes a count of a nonce that was judged good.
    pub(super) fn take(&mut self, nonce: &str, count: u32, secret: &[u8; 32], now: Timestamp) {
        let Some(name) = read(nonce, secret) else { return };
        self.used.entry(name).or_default().take(count);
        while let Some((first, _)) = self.used.first_key_value() {
            let is_old = now.since(Timestamp::from_micros(first.at_micros)) > self.lifetime;
            if !is_old && self.used.len() <= self.used_max {
                break;
            }
            self.forgotten = self.forgotten.max(Some(*first));
            self.used.pop_first();
        }
    }
}

fn print(name: Name, secret: &[u8; 32]) -> String {
    let head = format!("{:016x}{:08x}", name.at_micros, name.serial);
    let proof = proof(&head, secret);
    head + &proof
}

/// 128 bits that only we can make.
fn proof(head: &str, secret: &[u8; 32]) -> String {
    let inner = Sha256::new_with_prefix(secret).chain_update("nonce").chain_update(head).finalize();
    // Hashed twice under the key, so that nobody can lengthen what was hashed.
    let outer = Sha256::new_with_prefix(secret).chain_update(inner).finalize();
    hex(outer.get(..16).unwrap_or_default())
}

fn read(nonce: &str, secret: &[u8; 32]) -> Option<Name> {
    let (head, given) = nonce.split_at_checked(24)?;
    if !is_same(given, &proof(head, secret)) {
        return None;
    }
    let (at, serial) = head.split_at_checked(16)?;
    Some(Name { at_micros: u64::from_str_radix(at, 16).ok()?, serial: u32::from_str_radix(serial, 16).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    #[test]
    fn a_count_is_taken_once() {
        let mut counts = Counts::default();
        let check = |counts: &mut Counts, count, wanted| assert_eq!(counts.take(count), wanted, "{count}");
        check(&mut counts, 0, false);
        for (count, wanted) in
            [(1, true), (1, false), (3, true), (2, true), (2, false), (100, true), (37, true), (36, false)]
        {
            check(&mut counts, count, wanted);
        }
        check(&mut counts, u32::MAX, true);
        check(&mut counts, 100, false);
    }

    #[test]
    fn a_nonce_is_ours_fresh_and_used_in_order() {
        let mut nonces = Nonces::new(Duration::from_secs(300), 100);
        let now = Timestamp::from_millis(1_000_000);
        let (one, two) = (nonces.make(&SECRET, now), nonces.make(&SECRET, now));
        assert_ne!(one, two);
        let later = now + Duration::from_secs(300);
        assert_eq!(nonces.judge(&one, 1, &SECRET, later), Worth::Good);
        nonces.take(&one, 1, &SECRET, now);
        assert_eq!(nonces.judge(&one, 1, &SECRET, now), Worth::Stale);
        assert_eq!(nonces.judge(&one, 2, &SECRET, now), Worth::Good);
        assert_eq!(nonces.judge(&two, 0, &SECRET, now), Worth::Stale);
        assert_eq!(nonces.judge(&two, 1, &SECRET, now), Worth::Good);
        assert_eq!(nonces.judge(&two, 1, &SECRET, later + Duration::from_micros(1)), Worth::Stale);
        let check = |nonce: &str| assert_eq!(nonces.judge(nonce, 1, &SECRET, now), Worth::Foreign, "{nonce}");
        check("");
        check("n");
        check(&one.replacen('0', "1", 1));
        check(&format!("{one}0"));
        check(&"ü".repeat(28));
        check(&print(Name::default(), &[8; 32]));
    }

    #[test]
    fn what_had_to_be_forgotten_is_stale() {
        let mut nonces = Nonces::new(Duration::from_secs(300), 10);
        let now = Timestamp::from_millis(1_000_000);
        let made: Vec<_> = (0..11).map(|_| nonces.make(&SECRET, now)).collect();
        for nonce in &made {
            nonces.take(nonce, 1, &SECRET, now);
        }
        assert_eq!(nonces.used.len(), 10);
        let worth: Vec<_> = made.iter().map(|nonce| nonces.judge(nonce, 2, &SECRET, now)).collect();
        assert_eq!(worth.iter().filter(|worth| **worth == Worth::Good).count(), 10);
        assert_eq!(worth[0], Worth::Stale);
        let late = now + Duration::from_secs(400);
        let fresh = nonces.make(&SECRET, late);
        nonces.take(&fresh, 1, &SECRET, late);
        assert_eq!(nonces.used.len(), 1, "what is too old is not kept");
    }
}
