//! One direction's encryption of RTP or RTCP, by suite: counter mode with HMAC-SHA1 (RFC 3711 §4), or Galois/counter
//! mode (RFC 7714). Knows no packet numbers but those it is given.

use super::derive::{Label, aes, apply_keystream, derive};
use super::{ENCRYPTED, INDEX_LEN, RTCP_HEADER_LEN, SrtpError};
use aes::Aes128;
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, KeyInit as _};
use hmac::{Hmac, Mac};
use model::srtp::{SrtpKey, SrtpSuite};
use sha1::Sha1;
use std::fmt;

/// Octets of a tag of Galois/counter mode.
const GCM_TAG_LEN: usize = 16;

/// A packet that is what its sender made.
pub(super) struct Authentic {
    /// Octets of the plain packet.
    pub(super) len: usize,
}

/// Keys of one direction, of RTP or of RTCP.
pub(super) enum Cipher {
    Counter { aes: Box<Aes128>, salt: [u8; 14], mac: Box<Hmac<Sha1>>, tag_len: usize },
    Galois { gcm: Box<Aes128Gcm>, salt: [u8; 12] },
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher([secret])")
    }
}

impl Cipher {
    pub(super) fn of_rtp(key: &SrtpKey) -> Self {
        let tag_len = if key.suite() == SrtpSuite::AesCm128HmacSha1_32 { 4 } else { 10 };
        Self::new(key, [Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt], tag_len)
    }

    /// RTCP keeps tags of 80 bits in every suite (RFC 4568 §6.2.2).
    pub(super) fn of_rtcp(key: &SrtpKey) -> Self {
        Self::new(key, [Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt], 10)
    }

    fn new(key: &SrtpKey, [encryption, authentication, salt]: [Label; 3], tag_len: usize) -> Self {
        let session = aes(&derive::<16>(key, encryption));
        match key.suite() {
            SrtpSuite::AeadAes128Gcm => {
                Self::Galois { gcm: Box::new(Aes128Gcm::from(session)), salt: derive(key, salt) }
            }
            SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm128HmacSha1_32 => {
                // Every length is a fit key for HMAC.
                let mac = <Hmac<Sha1>>::new(&hmac_key(&derive::<20>(key, authentication)));
                Self::Counter { aes: Box::new(session), salt: derive(key, salt), mac: Box::new(mac), tag_len }
            }
        }
    }

    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Counter { aes, salt, mac, tag_len } => {
                let payload = packet.get_mut(header_len..len).ok_or(SrtpError::Malformed)?;
                apply_keystream(aes, counter(salt, ssrc, index), payload);
                let (sealed, rest) = packet.split_at_mut_checked(len).ok_or(SrtpError::Malformed)?;
                let room = rest.get_mut(..*tag_len).ok_or(SrtpError::Malformed)?;
                write_tag(room, mac, &[sealed, &rollover_octets(index)]);
                Ok(len + tag_len)
            }
            Self::Galois { gcm, salt } => {
                let nonce = gcm_nonce(salt, ssrc, index);
                let (header, rest) = packet.split_at_mut_checked(header_len).ok_or(SrtpError::Malformed)?;
                let (payload, rest) =
                    rest.split_at_mut_checked(len - header_len).ok_or(SrtpError::Malformed)?;
                let room = rest.first_chunk_mut::<GCM_TAG_LEN>().ok_or(SrtpError::Malformed)?;
                let tag = gcm.encrypt_inout_detached(&nonce.into(), header, payload.into());
                *room = tag.map_err(|_| SrtpError::Malformed)?.into();
                Ok(len + GCM_TAG_LEN)
            }
        }
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<Authentic, SrtpError> {
        match self {
            Self::Counter { aes, salt, mac, tag_len } => {
                let len = packet.len().checked_sub(*tag_len).ok_or(SrtpError::Malformed)?;
                let (sealed, tag) = packet.split_at_mut_checked(len).ok_or(SrtpError::Malformed)?;
                check_tag(tag, mac, &[sealed, &rollover_octets(index)])?;
                let payload = sealed.get_mut(header_len..).ok_or(SrtpError::Malformed)?;
                apply_keystream(aes, counter(salt, ssrc, index), payload);
                Ok(Authentic { len })
            }
            Self::Galois { gcm, salt } => {
                let nonce = gcm_nonce(salt, ssrc, index);
                let (sealed, tag) = packet.split_last_chunk_mut().ok_or(SrtpError::Malformed)?;
                let len = sealed.len();
                let (header, payload) =
                    sealed.split_at_mut_checked(header_len).ok_or(SrtpError::Malformed)?;
                gcm.decrypt_inout_detached(&nonce.into(), header, payload.into(), &gcm_tag(tag))
                    .map_err(|_| SrtpError::NotAuthentic)?;
                Ok(Authentic { len })
            }
        }
    }

    /// `index` has the mark of encryption in its highest bit.
    pub(super) fn seal_rtcp(
        &self,
        packet: &mut [u8],
        len: usize,
        ssrc: u32,
        index: u32,
    ) -> Result<usize, SrtpError> {
        let number = u64::from(index & !ENCRYPTED);
        let (header, rest) = packet.split_first_chunk_mut::<RTCP_HEADER_LEN>().ok_or(SrtpError::Malformed)?;
        let body_len = len.checked_sub(RTCP_HEADER_LEN).ok_or(SrtpError::Malformed)?;
        let (body, trailer) = rest.split_at_mut_checked(body_len).ok_or(SrtpError::Malformed)?;
        match self {
            Self::Counter { aes, salt, mac, tag_len } => {
                apply_keystream(aes, counter(salt, ssrc, number), body);
                let (word, rest) =
                    trailer.split_first_chunk_mut::<INDEX_LEN>().ok_or(SrtpError::Malformed)?;
                *word = index.to_be_bytes();
                let room = rest.get_mut(..*tag_len).ok_or(SrtpError::Malformed)?;
                write_tag(room, mac, &[header, body, word]);
                Ok(len + INDEX_LEN + tag_len)
            }
            Self::Galois { gcm, salt } => {
                let (room, rest) =
                    trailer.split_first_chunk_mut::<GCM_TAG_LEN>().ok_or(SrtpError::Malformed)?;
                let word = rest.first_chunk_mut::<INDEX_LEN>().ok_or(SrtpError::Malformed)?;
                *word = index.to_be_bytes();
                let (nonce, aad) = (gcm_nonce(salt, ssrc, number), rtcp_aad(*header, *word));
                let tag = gcm.encrypt_inout_detached(&nonce.into(), &aad, body.into());
                *room = tag.map_err(|_| SrtpError::Malformed)?.into();
                Ok(len + GCM_TAG_LEN + INDEX_LEN)
            }
        }
    }

    /// The word with the packet's number: before the tag in counter mode, after it in Galois/counter mode.
    pub(super) fn index_of(&self, packet: &[u8]) -> Result<u32, SrtpError> {
        let sealed = match self {
            Self::Counter { tag_len, .. } => {
                let len = packet.len().checked_sub(*tag_len).ok_or(SrtpError::Malformed)?;
                packet.get(RTCP_HEADER_LEN..len)
            }
            Self::Galois { .. } => packet.get(RTCP_HEADER_LEN + GCM_TAG_LEN..),
        };
        let word = sealed.and_then(|sealed| sealed.last_chunk()).ok_or(SrtpError::Malformed)?;
        Ok(u32::from_be_bytes(*word))
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Result<Authentic, SrtpError> {
        let number = u64::from(index & !ENCRYPTED);
        match self {
            Self::Counter { aes, salt, mac, tag_len } => {
                let len = packet.len().checked_sub(*tag_len + INDEX_LEN).ok_or(SrtpError::Malformed)?;
                let (sealed, tag) =
                    packet.split_at_mut_checked(len + INDEX_LEN).ok_or(SrtpError::Malformed)?;
                check_tag(tag, mac, &[sealed])?;
                let body = sealed.get_mut(RTCP_HEADER_LEN..len).ok_or(SrtpError::Malformed)?;
                // A sender may leave its reports unencrypted (RFC 3711 §3.4).
                if index & ENCRYPTED != 0 {
                    apply_keystream(aes, counter(salt, ssrc, number), body);
                }
                Ok(Authentic { len })
            }
            Self::Galois { gcm, salt } => {
                let (sealed, word) =
                    packet.split_last_chunk_mut::<INDEX_LEN>().ok_or(SrtpError::Malformed)?;
                let (sealed, tag) = sealed.split_last_chunk_mut().ok_or(SrtpError::Malformed)?;
                let len = sealed.len();
                let (header, body) =
                    sealed.split_first_chunk_mut::<RTCP_HEADER_LEN>().ok_or(SrtpError::Malformed)?;
                if index & ENCRYPTED == 0 {
                    // Authenticated without encryption (RFC 7714 §9.3): none of our peers offers it.
                    return Err(SrtpError::NotAuthentic);
                }
                let (nonce, aad) = (gcm_nonce(salt, ssrc, number), rtcp_aad(*header, *word));
                gcm.decrypt_inout_detached(&nonce.into(), &aad, body.into(), &gcm_tag(tag))
                    .map_err(|_| SrtpError::NotAuthentic)?;
                Ok(Authentic { len })
            }
        }
    }
}

fn hmac_key(key: &[u8; 20]) -> hmac::digest::Key<Hmac<Sha1>> {
    let mut block = hmac::digest::Key::<Hmac<Sha1>>::default();
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    block
}

/// RFC 3711 §4.1.1: salt, source and number, and two octets left for counting blocks.
fn counter(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut salted = [0; 16];
    for (to, from) in salted.iter_mut().zip(salt) {
        *to = *from;
    }
    let place = (u128::from(ssrc) << 64) | (u128::from(index) << 16);
    (u128::from_be_bytes(salted) ^ place).to_be_bytes()
}

/// RFC 7714 §8.1 and §9.1: two zero octets, source, and number in six octets, under the salt.
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let place = ((u128::from(ssrc) << 48) | u128::from(index)).to_be_bytes();
    let mut nonce = *salt;
    for (to, from) in nonce.iter_mut().zip(place.iter().skip(4)) {
        *to ^= from;
    }
    nonce
}

/// RFC 7714 §9.2: the header and the word with the number.
fn rtcp_aad(header: [u8; RTCP_HEADER_LEN], word: [u8; INDEX_LEN]) -> [u8; RTCP_HEADER_LEN + INDEX_LEN] {
    let ([h0, h1, h2, h3, h4, h5, h6, h7], [w0, w1, w2, w3]) = (header, word);
    [h0, h1, h2, h3, h4, h5, h6, h7, w0, w1, w2, w3]
}

fn gcm_tag(tag: &[u8; GCM_TAG_LEN]) -> aes_gcm::Tag {
    (*tag).into()
}

/// How often the sequence number has wrapped, which is authenticated though it is not sent.
fn rollover_octets(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

fn write_tag(room: &mut [u8], mac: &Hmac<Sha1>, parts: &[&[u8]]) {
    let full = tag_of(mac, parts).finalize().into_bytes();
    for (to, from) in room.iter_mut().zip(full) {
        *to = from;
    }
}

/// Compares in constant time.
fn check_tag(tag: &[u8], mac: &Hmac<Sha1>, parts: &[&[u8]]) -> Result<(), SrtpError> {
    tag_of(mac, parts).verify_truncated_left(tag).map_err(|_| SrtpError::NotAuthentic)
}

fn tag_of(mac: &Hmac<Sha1>, parts: &[&[u8]]) -> Hmac<Sha1> {
    let mut mac = mac.clone();
    parts.iter().for_each(|part| mac.update(part));
    mac
}
