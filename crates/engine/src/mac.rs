//! HMAC-SHA-256 (RFC 2104), for keys and for webhook signatures.

use hmac::{Hmac, KeyInit};
use sha2::{Digest, Sha256};

/// SHA-256's block, bytes.
const BLOCK_BYTES: usize = 64;

/// A fresh HMAC under a key of any length.
pub(crate) fn hmac_sha256(key: &[u8]) -> Hmac<Sha256> {
    let digest = Sha256::digest(key);
    let key: &[u8] = if key.len() > BLOCK_BYTES { &digest } else { key };
    let mut block = [0u8; BLOCK_BYTES];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::Mac;

    fn check(key: &[u8], text: &[u8], expected: &str) {
        let mut mac = hmac_sha256(key);
        mac.update(text);
        let hex: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, expected);
    }

    /// RFC 4231, test cases 2 and 6.
    #[test]
    fn published_vectors() {
        check(
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }
}
