//! From payloads in the order of their time to an even stream of samples: decoding, concealment, recovery, comfort
//! noise, and time stretching. Knows no packets' numbers and no clock: a jitter buffer says what comes next.

use crate::codec::{Codec, CodecError, Decoder, PACKET_MS_MAX};
use crate::noise::{NoiseGenerator, NoiseShape};
use crate::stretch::{Stretch, Stretcher};

/// What is made up at a time while nothing comes, in milliseconds.
const FILLER_MS: usize = 10;
/// Sound that waits besides one packet, in milliseconds.
const WAITING_MS_MAX: usize = 60;
/// A pause within so many packets of a description of noise is filled with that noise.
const NOISE_PACKETS: u32 = 25;

/// One stream being heard.
#[derive(Debug)]
pub struct Playout {
    decoder: Decoder,
    stretcher: Stretcher,
    noise: NoiseGenerator,
    /// Packets since noise was described; none: it never was.
    since_noise: Option<u32>,
    samples_per_ms: usize,
    /// What waits to be heard, at the front.
    waiting: Box<[i16]>,
    len: usize,
    malformed: u64,
}

impl Playout {
    /// A stream of which nothing has come, heard at `rate_hz` (8,000, 16,000 or 48,000). `seed` is that of its noise.
    pub fn new(codec: Codec, rate_hz: u32, seed: u32) -> Result<Self, CodecError> {
        let decoder = Decoder::new(codec, rate_hz)?;
        let samples_per_ms = rate_hz as usize / 1_000;
        let stretcher = Stretcher::new(rate_hz);
        let room = (PACKET_MS_MAX + WAITING_MS_MAX) * samples_per_ms + stretcher.growth_max();
        Ok(Self {
            decoder,
            stretcher,
            noise: NoiseGenerator::new(seed),
            since_noise: None,
            samples_per_ms,
            waiting: vec![0; room].into_boxed_slice(),
            len: 0,
            malformed: 0,
        })
    }

    /// The codec.
    pub const fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// Samples a second.
    pub const fn rate_hz(&self) -> u32 {
        self.decoder.rate_hz()
    }

    /// Samples that wait to be heard.
    pub const fn ready(&self) -> usize {
        self.len
    }

    /// The same in units of the codec's RTP clock, as a jitter buffer wants to know it.
    pub fn ready_units(&self) -> u32 {
        let units = self.len * (self.codec().rtp_clock_hz() as usize / 1_000) / self.samples_per_ms;
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    /// Packets that were no sound of the codec.
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// A packet is next.
    pub fn packet(&mut self, payload: &[u8], stretch: Stretch) {
        self.since_noise = self.since_noise.map(|packets| packets.saturating_add(1));
        let at = self.make_room();
        let Some(room) = self.waiting.get_mut(at..) else { return };
        let packet_max = (PACKET_MS_MAX * self.samples_per_ms).min(room.len());
        let decoded = self.decoder.decode(payload, room.split_at_mut(packet_max).0);
        match decoded {
            Ok(samples) => self.len = at + self.stretcher.apply(stretch, room, samples),
            Err(_) => self.malformed += 1,
        }
    }

    /// Something of `units` of the codec's RTP clock is missing; `following` is the packet right after it, if that is
    /// there already.
    pub fn lost(&mut self, units: u32, following: Option<&[u8]>) {
        let samples = units as usize * self.samples_per_ms / (self.codec().rtp_clock_hz() as usize / 1_000);
        let at = self.make_room();
        let end = at + samples.min(PACKET_MS_MAX * self.samples_per_ms);
        let Some(room) = self.waiting.get_mut(at..end) else { return };
        match following {
            Some(following) => self.decoder.recover(following, room),
            None => self.decoder.conceal(room),
        }
        self.len = end;
    }

    /// Nothing is there: 10 ms are filled, with the far side's noise if it described any, or with what is made up of
    /// the sound before, fading.
    pub fn pause(&mut self) {
        let at = self.make_room();
        let end = at + FILLER_MS * self.samples_per_ms;
        let Some(room) = self.waiting.get_mut(at..end) else { return };
        if self.since_noise.is_some_and(|packets| packets <= NOISE_PACKETS) {
            self.noise.fill(room);
        } else {
            self.decoder.conceal(room);
        }
        self.len = end;
    }

    /// The far side describes its noise (RFC 3389).
    pub fn describe_noise(&mut self, payload: &[u8]) {
        if let Some(shape) = NoiseShape::parse(payload) {
            self.noise.describe(&shape);
            self.since_noise = Some(0);
        }
    }

    /// Takes what is heard now; false, and nothing is taken, while less is ready.
    pub fn pull(&mut self, out: &mut [i16]) -> bool {
        let Some(heard) = self.waiting.get(..out.len()).filter(|_| out.len() <= self.len) else {
            return false;
        };
        out.copy_from_slice(heard);
        self.waiting.copy_within(out.len()..self.len, 0);
        self.len -= out.len();
        true
    }

    /// Where the next sound goes. A caller that never pulls loses the oldest.
    fn make_room(&mut self) -> usize {
        let most = WAITING_MS_MAX * self.samples_per_ms;
        if self.len > most {
            self.waiting.copy_within(self.len - most..self.len, 0);
            self.len = most;
        }
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::level_dbfs;
    use crate::{Encoder, OpusSettings};

    #[test]
    fn packets_losses_and_pauses_become_an_even_stream() {
        for codec in Codec::ALL {
            let mut encoder = Encoder::new(codec, 16_000, OpusSettings::default()).unwrap();
            let mut playout = Playout::new(codec, 16_000, 1).unwrap();
            let units = codec.rtp_clock_hz() / 50;
            let mut payload = [0; 1_275];
            let mut heard = Vec::new();
            for n in 0..100_i32 {
                let said: Vec<i16> = (0..320)
                    .map(|i| (f64::from(n * 320 + i) * 0.09).sin().mul_add(8_000.0, 0.0) as i16)
                    .collect();
                let len = encoder.encode(&said, &mut payload).unwrap();
                match n % 10 {
                    7 => playout.lost(units, None),
                    3 => (0..2).for_each(|_| playout.pause()),
                    _ => playout.packet(&payload[..len], Stretch::None),
                }
                assert_eq!(playout.ready_units(), units, "{codec:?} {n}");
                let mut frame = [0; 320];
                assert!(playout.pull(&mut frame) && !playout.pull(&mut frame));
                heard.extend(frame);
            }
            let level = level_dbfs(&heard);
            assert!((-18.5..-14.5).contains(&level), "{codec:?}: {level}");
        }
    }

    #[test]
    fn a_pause_sounds_like_the_noise_that_was_described() {
        let mut playout = Playout::new(Codec::Pcmu, 8_000, 1).unwrap();
        playout.describe_noise(&[50]);
        let mut levels = Vec::new();
        for _ in 0..20 {
            playout.pause();
            playout.pause();
            let mut frame = [0; 160];
            assert!(playout.pull(&mut frame));
            levels.push(level_dbfs(&frame));
        }
        assert!(levels.iter().all(|level| (-54.0..-46.0).contains(level)), "{levels:?}");
        (0..40).for_each(|_| playout.packet(&[0xff; 160], Stretch::None));
        let mut all = vec![0; playout.ready()];
        playout.pull(&mut all);
        playout.pause();
        let mut frame = [1; 80];
        assert!(playout.pull(&mut frame));
        assert_eq!(frame, [0; 80], "sound came since, and then was cut off");
    }

    #[test]
    fn rubbish_and_deafness_are_bounded() {
        for codec in Codec::ALL {
            for rate_hz in crate::codec::RATES_HZ {
                let mut playout = Playout::new(codec, rate_hz, 1).unwrap();
                for n in 0..500_usize {
                    playout.packet(&vec![n as u8; n * 3], Stretch::Longer);
                    playout.lost(u32::MAX, Some(&[n as u8; 9]));
                    playout.pause();
                    playout.describe_noise(&vec![n as u8; n % 40]);
                    assert!(playout.ready() <= 200 * rate_hz as usize / 1_000);
                }
                assert!(playout.malformed() > 0);
            }
        }
    }
}
