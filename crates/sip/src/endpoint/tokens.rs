//! Names nobody can guess: tags, branches, Call-IDs, client nonces, all drawn from one seed (SHA-256 in counter mode).
//! Same seed, same names. Also the seed of the hash tables, so that a peer cannot aim at their buckets.

use crate::message::via::MAGIC_COOKIE;
use sha2::{Digest as _, Sha256};
use std::hash::{BuildHasher, DefaultHasher, Hasher as _};

/// The source of names.
pub(crate) struct Tokens {
    seed: [u8; 32],
    counter: u64,
}

impl Tokens {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    fn draw(&self, purpose: &str, parts: &[&[u8]]) -> u128 {
        let mut hash = Sha256::new_with_prefix(self.seed);
        hash.update(purpose.as_bytes());
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hash.finalize().iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
    }

    fn next(&mut self) -> u128 {
        self.counter += 1;
        self.draw("next", &[&self.counter.to_be_bytes()])
    }

    /// 64 bits for a tag or a client nonce.
    pub(crate) fn tag(&mut self) -> String {
        format!("{:016x}", self.next() >> 64)
    }

    /// 128 bits for a Call-ID.
    pub(crate) fn call_id(&mut self) -> String {
        format!("{:032x}", self.next())
    }

    /// The branch of a client transaction: its number, to find it by, and 64 bits, to know it by.
    pub(crate) fn branch(&mut self, number: u64) -> String {
        format!("{MAGIC_COOKIE}{number:x}.{:016x}", self.next() >> 64)
    }

    /// The tag of a response that is not remembered: the same each time the request comes.
    pub(crate) fn stateless_tag(&self, call_id: &[u8], branch: &[u8]) -> String {
        format!("{:016x}", self.draw("stateless", &[call_id, branch]) >> 64)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u128::from(bound.max(1))).unwrap_or_default()
    }

    /// A hasher for tables whose keys peers choose.
    pub(crate) fn hasher(&mut self) -> KeyedHasher {
        KeyedHasher { key: self.next() }
    }
}

/// The number of the transaction in one of our branches.
pub(crate) fn branch_number(branch: &str) -> Option<u64> {
    let (number, _) = branch.get(MAGIC_COOKIE.len()..)?.split_once('.')?;
    u64::from_str_radix(number, 16).ok()
}

/// SipHash keyed from the seed.
#[derive(Clone, Debug)]
pub(crate) struct KeyedHasher {
    key: u128,
}

impl BuildHasher for KeyedHasher {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u128(self.key);
        hasher
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_names_and_no_name_twice() {
        let names = |seed| -> Vec<String> {
            let mut tokens = Tokens::new([seed; 32]);
            (0..50).flat_map(|n| [tokens.tag(), tokens.call_id(), tokens.branch(n)]).collect()
        };
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
        let mut sorted = names(1);
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 150);
    }

    #[test]
    fn branches_lead_back_to_their_transaction() {
        let branch = Tokens::new([0; 32]).branch(0xabc);
        assert_eq!(branch_number(&branch), Some(0xabc));
        assert_eq!(branch_number("z9hG4bKxyz"), None);
        assert_eq!(branch_number("z9"), None);
    }
}
