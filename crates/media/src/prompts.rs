//! Prompts as they go out: each (content, codec) is resampled and encoded once and shared by all legs that play
//! it, within a bound of memory. Runs outside the workers; knows no leg.

use crate::leg::frame::{FRAME_MAX, WIDE, WIDE_HZ, law_of, rate_of, samples_of, settle};
use audio::ClipLimits;
use audio::codec::g722::G722Encoder;
use audio::codec::{Encoder, OpusSettings};
use audio::resample::resample_clip;
use model::sound::Codec;
use ports::media::{Clip, ClipId};
use ports::{MediaError, Shelf};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// The most that prompts are kept at: what G.722 and Opus are played from.
const PROMPT_RATE_HZ: u32 = WIDE_HZ;

/// Decodes a file's bytes to the rate that the plane plays at.
pub(crate) fn read(content: &[u8], limits: &ClipLimits) -> Result<Arc<Clip>, MediaError> {
    let clip = audio::read_clip_at(content, limits, PROMPT_RATE_HZ)
        .map_err(|error| MediaError::NotSound(error.to_string()))?;
    Ok(Arc::new(Clip { id: clip_id(content), rate_hz: clip.rate_hz, samples: clip.samples.into() }))
}

/// The first 16 bytes of the content's SHA-256.
pub(crate) fn clip_id(content: &[u8]) -> ClipId {
    let digest = Sha256::digest(content);
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(digest) {
        *to = from;
    }
    ClipId(id)
}

/// Encoded sound.
#[derive(Debug, Clone)]
pub(crate) struct EncodedClip {
    /// One octet for each unit of time at 8 kHz; of Opus the frames, one after the other.
    pub(crate) octets: Arc<[u8]>,
    /// Where each frame of Opus ends; none of the other codecs, whose sound can be cut anywhere.
    ends: Option<Arc<[u32]>>,
}

impl EncodedClip {
    /// Sound that can be cut anywhere.
    pub(crate) const fn of_octets(octets: Arc<[u8]>) -> Self {
        Self { octets, ends: None }
    }

    /// Sound in frames of 20 ms.
    pub(crate) fn of_frames(frames: &[impl AsRef<[u8]>]) -> Self {
        let mut octets = Vec::new();
        let mut ends = Vec::with_capacity(frames.len());
        for frame in frames {
            octets.extend_from_slice(frame.as_ref());
            ends.push(u32::try_from(octets.len()).unwrap_or(u32::MAX));
        }
        Self { octets: octets.into(), ends: Some(ends.into()) }
    }

    /// Its length: octets, or frames.
    pub(crate) fn len(&self) -> usize {
        self.ends.as_ref().map_or(self.octets.len(), |ends| ends.len())
    }

    /// A frame by its number.
    pub(crate) fn frame(&self, number: usize) -> Option<&[u8]> {
        let ends = self.ends.as_ref()?;
        let start = match number.checked_sub(1) {
            Some(before) => *ends.get(before)? as usize,
            None => 0,
        };
        self.octets.get(start..*ends.get(number)? as usize)
    }

    /// Bytes that it takes.
    fn bytes(&self) -> usize {
        self.octets.len() + self.ends.as_ref().map_or(0, |ends| size_of_val(&**ends))
    }
}

/// The encoded prompts in memory; the least recently used go first.
#[derive(Debug)]
pub(crate) struct PromptCache {
    kept: Mutex<Shelf<(ClipId, Codec), EncodedClip>>,
}

impl PromptCache {
    /// An empty cache of at most `bytes_max` octets.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { kept: Mutex::new(Shelf::new(bytes_max)) }
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).bytes()
    }

    /// A clip that is encoded already.
    pub(crate) fn get(&self, id: ClipId, codec: Codec) -> Option<EncodedClip> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&(id, codec)).cloned()
    }

    /// A clip encoded now, unless it was already.
    pub(crate) fn encode(&self, clip: &Clip, codec: Codec) -> Result<EncodedClip, MediaError> {
        if let Some(encoded) = self.get(clip.id, codec) {
            return Ok(encoded);
        }
        let encoded = encode(clip, codec)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put((clip.id, codec), encoded.clone(), encoded.bytes());
        Ok(encoded)
    }
}

fn encode(clip: &Clip, codec: Codec) -> Result<EncodedClip, MediaError> {
    let rate_hz = rate_of(codec);
    let resampled;
    let samples: &[i16] = if clip.rate_hz == rate_hz {
        &clip.samples
    } else {
        resampled = resample_clip(&clip.samples, clip.rate_hz, rate_hz)
            .map_err(|error| MediaError::NotSound(error.to_string()))?;
        &resampled
    };
    match law_of(codec) {
        Some(law) => {
            let mut octets = vec![law.silence(); samples.len()];
            audio::g711::encode(law, samples, &mut octets);
            Ok(EncodedClip::of_octets(octets.into()))
        }
        None => encode_frames(samples, codec, rate_hz),
    }
}

/// Codecs with a memory. G.722 goes on from silence, as the far side's decoder will have heard it; the last frame of Opus
/// is filled up with silence.
fn encode_frames(samples: &[i16], codec: Codec, rate_hz: u32) -> Result<EncodedClip, MediaError> {
    if codec == Codec::G722 {
        let mut encoder = G722Encoder::new();
        settle(&mut encoder);
        let mut octets = vec![0; samples.len() / 2];
        encoder.encode(samples, &mut octets);
        return Ok(EncodedClip::of_octets(octets.into()));
    }
    let not_sound = |error: audio::codec::CodecError| MediaError::NotSound(error.to_string());
    let mut encoder = Encoder::new(codec, rate_hz, OpusSettings::default()).map_err(not_sound)?;
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for part in samples.chunks(samples_of(rate_hz)) {
        let mut pcm = [0; WIDE];
        let pcm = pcm.get_mut(..samples_of(rate_hz)).unwrap_or_default();
        for (to, from) in pcm.iter_mut().zip(part) {
            *to = *from;
        }
        let mut octets = [0; FRAME_MAX];
        let len = encoder.encode(pcm, &mut octets).map_err(not_sound)?;
        frames.push(octets.get(..len).unwrap_or_default().to_vec());
    }
    Ok(EncodedClip::of_frames(&frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(number: u8, samples: usize) -> Clip {
        Clip { id: ClipId([number; 16]), rate_hz: 8_000, samples: vec![i16::from(number); samples].into() }
    }

    #[test]
    fn a_clip_is_encoded_once_and_shared() {
        let cache = PromptCache::new(10_000);
        let first = cache.encode(&clip(1, 800), Codec::Pcmu).unwrap();
        let again = cache.encode(&clip(1, 800), Codec::Pcmu).unwrap();
        assert!(Arc::ptr_eq(&first.octets, &again.octets));
        let other_law = cache.encode(&clip(1, 800), Codec::Pcma).unwrap();
        assert!(!Arc::ptr_eq(&first.octets, &other_law.octets));
    }

    #[test]
    fn the_least_recently_used_goes_when_memory_is_short() {
        let cache = PromptCache::new(2_000);
        let check = |number: u8, there: bool| {
            assert_eq!(cache.get(ClipId([number; 16]), Codec::Pcmu).is_some(), there, "clip {number}");
        };
        for number in [1, 2] {
            cache.encode(&clip(number, 1_000), Codec::Pcmu).unwrap();
        }
        check(1, true);
        cache.encode(&clip(3, 1_000), Codec::Pcmu).unwrap();
        check(2, false);
        check(1, true);
        check(3, true);
        cache.encode(&clip(4, 2_001), Codec::Pcmu).unwrap();
        check(4, false);
        check(1, true);
    }

    #[test]
    fn other_rates_become_the_telephones() {
        let wide = Clip { id: ClipId([9; 16]), rate_hz: 16_000, samples: vec![0; 16_000].into() };
        let encoded = PromptCache::new(100_000).encode(&wide, Codec::Pcmu).unwrap();
        assert!((7_990..=8_010).contains(&encoded.octets.len()), "{}", encoded.octets.len());
    }
}
