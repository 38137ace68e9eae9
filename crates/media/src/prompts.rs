//! Prompts as they go out: each (content, law) is resampled and encoded once and shared by all legs that play
//! it, within a bound of memory. Runs outside the workers; knows no leg.

use audio::resample::resample_clip;
use audio::{ClipLimits, Law};
use model::sound::Codec;
use ports::MediaError;
use ports::media::{Clip, ClipId};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The rate of G.711, samples a second.
pub(crate) const TELEPHONE_RATE_HZ: u32 = 8_000;

/// A codec's law.
pub(crate) const fn law_of(codec: Codec) -> Law {
    match codec {
        Codec::Pcma => Law::A,
        // No leg speaks another: `Connect` refuses it.
        Codec::Pcmu | Codec::G722 | Codec::Opus => Law::Mu,
    }
}

/// Decodes a file's bytes to the rate that the plane plays at.
pub(crate) fn read(content: &[u8], limits: &ClipLimits) -> Result<Arc<Clip>, MediaError> {
    let clip = audio::read_clip_at(content, limits, TELEPHONE_RATE_HZ)
        .map_err(|error| MediaError::NotSound(error.to_string()))?;
    Ok(Arc::new(Clip { id: clip_id(content), rate_hz: clip.rate_hz, samples: clip.samples.into() }))
}

/// The first 16 bytes of the content's SHA-256.
fn clip_id(content: &[u8]) -> ClipId {
    let digest = Sha256::digest(content);
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(digest) {
        *to = from;
    }
    ClipId(id)
}

/// Encoded sound, one octet a sample at 8 kHz.
#[derive(Debug, Clone)]
pub(crate) struct EncodedClip {
    /// How it is encoded.
    pub(crate) law: Law,
    /// The octets.
    pub(crate) octets: Arc<[u8]>,
}

/// The encoded prompts in memory; the least recently used go first.
#[derive(Debug)]
pub(crate) struct PromptCache {
    kept: Mutex<Kept>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    clips: HashMap<(ClipId, Law), LastUse>,
    by_use: BTreeMap<u64, (ClipId, Law)>,
    uses: u64,
    bytes: usize,
}

/// The number of its last use, and the octets.
type LastUse = (u64, Arc<[u8]>);

impl PromptCache {
    /// An empty cache of at most `bytes_max` octets.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { kept: Mutex::default(), bytes_max }
    }

    /// A clip that is encoded already.
    pub(crate) fn get(&self, id: ClipId, law: Law) -> Option<EncodedClip> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.touch((id, law)).map(|octets| EncodedClip { law, octets })
    }

    /// A clip encoded now, unless it was already.
    pub(crate) fn encode(&self, clip: &Clip, law: Law) -> Result<EncodedClip, MediaError> {
        if let Some(encoded) = self.get(clip.id, law) {
            return Ok(encoded);
        }
        let octets = encode(clip, law)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert((clip.id, law), &octets, self.bytes_max);
        Ok(EncodedClip { law, octets })
    }
}

impl Kept {
    fn touch(&mut self, key: (ClipId, Law)) -> Option<Arc<[u8]>> {
        let (used, octets) = self.clips.get_mut(&key)?;
        self.by_use.remove(used);
        self.uses += 1;
        *used = self.uses;
        self.by_use.insert(self.uses, key);
        Some(Arc::clone(octets))
    }

    /// What alone exceeds the bound is not kept.
    fn insert(&mut self, key: (ClipId, Law), octets: &Arc<[u8]>, bytes_max: usize) {
        if octets.len() > bytes_max || self.clips.contains_key(&key) {
            return;
        }
        while self.bytes + octets.len() > bytes_max {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            if let Some((_, gone)) = self.clips.remove(&oldest) {
                self.bytes -= gone.len();
            }
        }
        self.uses += 1;
        self.bytes += octets.len();
        self.by_use.insert(self.uses, key);
        self.clips.insert(key, (self.uses, Arc::clone(octets)));
    }
}

fn encode(clip: &Clip, law: Law) -> Result<Arc<[u8]>, MediaError> {
    let resampled;
    let samples: &[i16] = if clip.rate_hz == TELEPHONE_RATE_HZ {
        &clip.samples
    } else {
        resampled = resample_clip(&clip.samples, clip.rate_hz, TELEPHONE_RATE_HZ)
            .map_err(|error| MediaError::NotSound(error.to_string()))?;
        &resampled
    };
    let mut octets = vec![law.silence(); samples.len()];
    audio::g711::encode(law, samples, &mut octets);
    Ok(octets.into())
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
        let first = cache.encode(&clip(1, 800), Law::Mu).unwrap();
        let again = cache.encode(&clip(1, 800), Law::Mu).unwrap();
        assert!(Arc::ptr_eq(&first.octets, &again.octets));
        let other_law = cache.encode(&clip(1, 800), Law::A).unwrap();
        assert!(!Arc::ptr_eq(&first.octets, &other_law.octets));
    }

    #[test]
    fn the_least_recently_used_goes_when_memory_is_short() {
        let cache = PromptCache::new(2_000);
        let check = |number: u8, there: bool| {
            assert_eq!(cache.get(ClipId([number; 16]), Law::Mu).is_some(), there, "clip {number}");
        };
        for number in [1, 2] {
            cache.encode(&clip(number, 1_000), Law::Mu).unwrap();
        }
        check(1, true);
        cache.encode(&clip(3, 1_000), Law::Mu).unwrap();
        check(2, false);
        check(1, true);
        check(3, true);
        cache.encode(&clip(4, 2_001), Law::Mu).unwrap();
        check(4, false);
        check(1, true);
    }

    #[test]
    fn other_rates_become_the_telephones() {
        let wide = Clip { id: ClipId([9; 16]), rate_hz: 16_000, samples: vec![0; 16_000].into() };
        let encoded = PromptCache::new(100_000).encode(&wide, Law::Mu).unwrap();
        assert!((7_990..=8_010).contains(&encoded.octets.len()), "{}", encoded.octets.len());
    }
}
