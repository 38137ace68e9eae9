//! Encrypted sound: SRTP and SRTCP (RFC 3711, RFC 7714) with keys that signalling agreed on. Packets are encrypted and
//! decrypted in place; nothing is allocated. A packet that is not authentic changes nothing but a count.

mod cipher;
mod derive;
mod replay;

use cipher::{Authentic, Cipher};
use model::srtp::{SrtpKey, SrtpKeys, SrtpSuite};
use replay::{Replay, Rollover};

/// Octets that `protect` adds at most: a tag of 16.
pub const RTP_OVERHEAD_MAX: usize = 16;
/// Octets that `protect_rtcp` adds at most: an index of 4 and a tag of 16.
pub const RTCP_OVERHEAD_MAX: usize = 20;

/// Sources of one peer whose numbers are followed; with a further one the one heard longest ago is forgotten.
const SOURCES_MAX: usize = 4;
/// The header that every RTP packet has, and that of RTCP up to the sender's source.
const RTP_HEADER_LEN: usize = 12;
const RTCP_HEADER_LEN: usize = 8;
/// Octets of the word that carries the number of an SRTCP packet and the mark that it is encrypted.
const INDEX_LEN: usize = 4;
const ENCRYPTED: u32 = 0x8000_0000;

/// Why a packet is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// No RTP or RTCP packet, or no room for what is added.
    #[error("malformed packet")]
    Malformed,
    /// Its tag is not that of its octets and our key.
    #[error("not authentic")]
    NotAuthentic,
    /// It was let through before, or is too old to know.
    #[error("replayed")]
    Replayed,
    /// So many packets were sent that the key is used up.
    #[error("the key is used up")]
    Exhausted,
}

/// Counts of what was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SrtpFigures {
    /// Packets that were malformed or not authentic.
    pub bad: u64,
    /// Packets that came again.
    pub replayed: u64,
}

/// The encryption of one leg, both ways.
#[derive(Debug)]
pub struct Srtp {
    keys: SrtpKeys,
    send: Ciphers,
    receive: Ciphers,
    sent: Rollover,
    sent_source: Option<u32>,
    sent_reports: u32,
    sources: [Source; SOURCES_MAX],
    /// Counts authentic packets, to know which source was heard longest ago.
    turn: u64,
    figures: SrtpFigures,
}

#[derive(Debug)]
struct Ciphers {
    rtp: Cipher,
    rtcp: Cipher,
}

/// What is remembered of a source of the peer's.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    ssrc: Option<u32>,
    heard: u64,
    rollover: Rollover,
    /// As it was under the peer's key before, until a packet says whether the peer went on or began anew.
    before: Option<Rollover>,
    packets: Replay,
    reports: Replay,
}

impl Source {
    /// The peer has another key: what came before cannot come again.
    fn begin_anew(&mut self) {
        let Self { ssrc, heard, rollover, .. } = *self;
        let before = if rollover.has_begun() { Some(rollover) } else { self.before };
        *self = Self { ssrc, heard, before, ..Self::default() };
    }
}

impl Ciphers {
    fn new(key: &SrtpKey) -> Self {
        Self { rtp: Cipher::of_rtp(key), rtcp: Cipher::of_rtcp(key) }
    }
}

impl Srtp {
    /// Both directions, with nothing sent or heard yet.
    pub fn new(keys: &SrtpKeys) -> Self {
        Self {
            keys: keys.clone(),
            send: Ciphers::new(&keys.send),
            receive: Ciphers::new(&keys.receive),
            sent: Rollover::default(),
            sent_source: None,
            sent_reports: 0,
            sources: [Source::default(); SOURCES_MAX],
            turn: 0,
            figures: SrtpFigures::default(),
        }
    }

    /// Goes on with other keys. A direction whose key stays goes on as it is, and our own numbers always do: packets
    /// are counted over the whole life of a key, and a new one does not start them anew (RFC 3711 §3.2.1, §3.3.1).
    pub fn rekey(&mut self, keys: &SrtpKeys) {
        if self.keys.send != keys.send {
            self.send = Ciphers::new(&keys.send);
        }
        if self.keys.receive != keys.receive {
            self.receive = Ciphers::new(&keys.receive);
            self.sources.iter_mut().for_each(Source::begin_anew);
        }
        self.keys = keys.clone();
    }

    /// The keys in use.
    pub const fn keys(&self) -> &SrtpKeys {
        &self.keys
    }

    /// The suite we send with.
    pub const fn suite(&self) -> SrtpSuite {
        self.keys.send.suite()
    }

    /// Counts so far.
    pub const fn figures(&self) -> SrtpFigures {
        self.figures
    }

    /// Encrypts the RTP packet in the first `len` octets of `packet`, which has room for [`RTP_OVERHEAD_MAX`] more;
    /// returns its new length.
    pub fn protect(&mut self, packet: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let plain = packet.get(..len).ok_or(SrtpError::Malformed)?;
        let Head { ssrc, sequence, header_len } = Head::of_rtp(plain)?;
        if self.sent_source != Some(ssrc) {
            self.sent_source = Some(ssrc);
            self.sent = Rollover::default();
        }
        let index = self.sent.guess(sequence).ok_or(SrtpError::Exhausted)?;
        let sealed = self.send.rtp.seal_rtp(packet, header_len, len, ssrc, index)?;
        self.sent.note(index);
        Ok(sealed)
    }

    /// Checks and decrypts an SRTP packet; returns the length of the RTP packet at its beginning.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let outcome = self.open(packet);
        self.count(outcome)
    }

    /// Encrypts the RTCP packet in the first `len` octets of `packet`, which has room for [`RTCP_OVERHEAD_MAX`] more;
    /// returns its new length.
    pub fn protect_rtcp(&mut self, packet: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let ssrc = rtcp_source(packet.get(..len).ok_or(SrtpError::Malformed)?)?;
        // RFC 3711 §3.2.1: 31 bits, and the first packet's number is 1 in practice, as the counter counts packets.
        let index = self.sent_reports + 1;
        if index & ENCRYPTED != 0 {
            return Err(SrtpError::Exhausted);
        }
        let sealed = self.send.rtcp.seal_rtcp(packet, len, ssrc, index | ENCRYPTED)?;
        self.sent_reports = index;
        Ok(sealed)
    }

    /// Checks and decrypts an SRTCP packet; returns the length of the RTCP packet at its beginning.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let outcome = self.open_rtcp(packet);
        self.count(outcome)
    }

    fn open(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let Head { ssrc, sequence, header_len } = Head::of_rtp(packet)?;
        let known = self.known(ssrc);
        let source = known.and_then(|at| self.sources.get(at)).copied().unwrap_or_default();
        let mut index = source.rollover.guess(sequence).ok_or(SrtpError::Replayed)?;
        if !source.packets.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        let mut opened = self.receive.rtp.open_rtp(packet, header_len, ssrc, index);
        if let Some(went_on) =
            source.before.and_then(|before| before.guess(sequence)).filter(|other| *other != index)
            && matches!(opened, Err(SrtpError::NotAuthentic))
        {
            index = went_on;
            opened = self.receive.rtp.open_rtp(packet, header_len, ssrc, index);
        }
        let Authentic { len } = opened?;
        let source = self.remember(known, ssrc);
        source.before = None;
        source.rollover.note(index);
        source.packets.note(index);
        Ok(len)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let ssrc = rtcp_source(packet)?;
        let known = self.known(ssrc);
        let source = known.and_then(|at| self.sources.get(at)).copied().unwrap_or_default();
        let index = self.receive.rtcp.index_of(packet)?;
        if !source.reports.is_new(u64::from(index & !ENCRYPTED)) {
            return Err(SrtpError::Replayed);
        }
        let Authentic { len } = self.receive.rtcp.open_rtcp(packet, ssrc, index)?;
        self.remember(known, ssrc).reports.note(u64::from(index & !ENCRYPTED));
        Ok(len)
    }

    fn known(&self, ssrc: u32) -> Option<usize> {
        self.sources.iter().position(|source| source.ssrc == Some(ssrc))
    }

    /// The place of an authentic packet's source, made where it has none.
    fn remember(&mut self, known: Option<usize>, ssrc: u32) -> &mut Source {
        self.turn += 1;
        let oldest =
            || self.sources.iter().enumerate().min_by_key(|(_, source)| source.heard).map(|(at, _)| at);
        let at = known.or_else(oldest).unwrap_or(0).min(SOURCES_MAX - 1);
        let [first, ..] = &self.sources;
        let fresh = Source { ssrc: Some(ssrc), ..Source::default() };
        let kept = self.sources.get(at).unwrap_or(first);
        let mut source = if known.is_some() { *kept } else { fresh };
        source.heard = self.turn;
        #[allow(clippy::indexing_slicing, reason = "`at` is less than SOURCES_MAX")]
        let place = &mut self.sources[at];
        *place = source;
        place
    }

    fn count(&mut self, outcome: Result<usize, SrtpError>) -> Result<usize, SrtpError> {
        match outcome {
            Err(SrtpError::Replayed) => self.figures.replayed += 1,
            Err(_) => self.figures.bad += 1,
            Ok(_) => {}
        }
        outcome
    }
}

/// What of an RTP header encryption needs.
struct Head {
    ssrc: u32,
    sequence: u16,
    /// Up to the payload: sources and extension are authenticated, not encrypted.
    header_len: usize,
}

impl Head {
    fn of_rtp(packet: &[u8]) -> Result<Self, SrtpError> {
        let (fixed, _) = packet.split_first_chunk::<RTP_HEADER_LEN>().ok_or(SrtpError::Malformed)?;
        let [first, _, s0, s1, _, _, _, _, c0, c1, c2, c3] = *fixed;
        if first >> 6 != 2 {
            return Err(SrtpError::Malformed);
        }
        let mut header_len = RTP_HEADER_LEN + usize::from(first & 0x0f) * 4;
        if first & 0x10 != 0 {
            let extension = packet.get(header_len..).and_then(|rest| rest.first_chunk::<4>());
            let [_, _, high, low] = *extension.ok_or(SrtpError::Malformed)?;
            header_len += 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        }
        if packet.len() < header_len {
            return Err(SrtpError::Malformed);
        }
        let ssrc = u32::from_be_bytes([c0, c1, c2, c3]);
        Ok(Self { ssrc, sequence: u16::from_be_bytes([s0, s1]), header_len })
    }
}

fn rtcp_source(packet: &[u8]) -> Result<u32, SrtpError> {
    let (fixed, _) = packet.split_first_chunk::<RTCP_HEADER_LEN>().ok_or(SrtpError::Malformed)?;
    let [first, _, _, _, c0, c1, c2, c3] = *fixed;
    if first >> 6 != 2 {
        return Err(SrtpError::Malformed);
    }
    Ok(u32::from_be_bytes([c0, c1, c2, c3]))
}

#[cfg(test)]
mod tests;
