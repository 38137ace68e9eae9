//! Session keys from a master key and its salt (RFC 3711 §4.3, no re-keying), and AES in counter mode, which both that
//! and the encryption are made of.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use model::srtp::SrtpKey;

/// What a session key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// The session key of `N` octets for one purpose. A salt of 12 octets is filled up with zeros.
pub(super) fn derive<const N: usize>(master: &SrtpKey, label: Label) -> [u8; N] {
    let mut counter = [0; 16];
    for (to, from) in counter.iter_mut().zip(master.expose_salt()) {
        *to = *from;
    }
    let [_, _, _, _, _, _, _, purpose, ..] = &mut counter;
    *purpose ^= label as u8;
    let mut key = [0; N];
    apply_keystream(&aes(master.expose_key()), counter, &mut key);
    key
}

/// A key of 16 octets; another length, which no suite has, is cut or filled up.
pub(super) fn aes(key: &[u8]) -> Aes128 {
    let mut octets = [0; 16];
    for (to, from) in octets.iter_mut().zip(key) {
        *to = *from;
    }
    Aes128::new(&Array(octets))
}

/// Blocks encrypted at once, so that the processor can work on them side by side.
const AT_ONCE: usize = 8;

/// Counter mode (RFC 3711 §4.1.1): the last two octets of `counter` count blocks.
pub(super) fn apply_keystream(aes: &Aes128, counter: [u8; 16], data: &mut [u8]) {
    let start = u128::from_be_bytes(counter);
    let mut block = 0_u128;
    for chunk in data.chunks_mut(16 * AT_ONCE) {
        let mut stream = [Array([0; 16]); AT_ONCE];
        let count = chunk.len().div_ceil(16);
        let (stream, _) = stream.split_at_mut(count);
        for key in stream.iter_mut() {
            *key = Array(start.wrapping_add(block).to_be_bytes());
            block += 1;
        }
        aes.encrypt_blocks(stream);
        for (piece, key) in chunk.chunks_mut(16).zip(stream.iter()) {
            for (octet, key) in piece.iter_mut().zip(key.0) {
                *octet ^= key;
            }
        }
    }
}
