//! Relayed sound of one codec made into another, packet by packet and without delay: what is lost is concealed, what
//! was overtaken is left out, and the result is cut into frames of 20 ms. Holds nothing back but part of a frame.

use crate::leg::frame::{FRAME_MAX, NARROW_HZ, WIDE, WIDE_HZ, rate_of, samples_of};
use audio::codec::{Decoder, Encoder, OpusSettings, PACKET_MS_MAX};
use model::sound::Codec;
use rtp::Packet;

/// Room for a packet and the rest of the one before it, at 16 kHz.
const SAMPLES_MAX: usize = (PACKET_MS_MAX + 20) * WIDE_HZ as usize / 1_000;
/// More packets lost in a row than this are a pause.
const CONCEALED_MAX: u16 = 5;

/// One direction of a bridge between two codecs.
pub(crate) struct Transcoder {
    decoder: Decoder,
    encoder: Encoder,
    /// Decoded samples that no frame took yet.
    samples: Box<[i16; SAMPLES_MAX]>,
    len: usize,
    last: Option<Last>,
}

/// The packet before.
#[derive(Debug, Clone, Copy)]
struct Last {
    ssrc: u32,
    sequence: u16,
    samples: usize,
}

impl Transcoder {
    /// From one codec to another; in wide band where both have it.
    pub(crate) fn new(from: Codec, to: Codec) -> Option<Self> {
        let wide = rate_of(from) == WIDE_HZ && rate_of(to) == WIDE_HZ;
        let rate_hz = if wide { WIDE_HZ } else { NARROW_HZ };
        Some(Self {
            decoder: Decoder::new(from, rate_hz).ok()?,
            encoder: Encoder::new(to, rate_hz, OpusSettings::default()).ok()?,
            samples: Box::new([0; SAMPLES_MAX]),
            len: 0,
            last: None,
        })
    }

    /// Whether it makes `to` of `from`.
    pub(crate) fn is_for(&self, from: Codec, to: Codec) -> bool {
        (self.decoder.codec(), self.encoder.codec()) == (from, to)
    }

    /// Takes a packet and gives the frames that are full.
    pub(crate) fn put(&mut self, packet: &Packet<'_>, mut give: impl FnMut(&[u8])) {
        let known = self.last.filter(|last| last.ssrc == packet.ssrc);
        if let Some(last) = known {
            let step = packet.sequence.wrapping_sub(last.sequence);
            if step == 0 || step >= 0x8000 {
                return;
            }
            for missing in (1..step).rev().filter(|_| step <= CONCEALED_MAX + 1) {
                self.make_up(last.samples, (missing == 1).then_some(packet.payload));
                self.encode(&mut give);
            }
        }
        let Some(room) = self.samples.get_mut(self.len..) else { return };
        let samples = self.decoder.decode(packet.payload, room).unwrap_or(0);
        self.len += samples;
        self.last = Some(Last { ssrc: packet.ssrc, sequence: packet.sequence, samples });
        self.encode(&mut give);
    }

    fn make_up(&mut self, samples: usize, following: Option<&[u8]>) {
        let ten_ms = self.decoder.rate_hz() as usize / 100;
        let samples = samples / ten_ms * ten_ms;
        let Some(room) = self.samples.get_mut(self.len..self.len + samples) else { return };
        match following {
            Some(following) => self.decoder.recover(following, room),
            None => self.decoder.conceal(room),
        }
        self.len += samples;
    }

    fn encode(&mut self, give: &mut impl FnMut(&[u8])) {
        let frame_len = samples_of(self.encoder.rate_hz());
        let mut at = 0;
        let mut octets = [0; FRAME_MAX];
        while let Some(samples) = self.samples.get(at..at + frame_len).filter(|_| at + frame_len <= self.len)
        {
            if let Ok(len) = self.encoder.encode(samples, &mut octets) {
                give(octets.get(..len).unwrap_or_default());
            }
            at += frame_len;
        }
        self.samples.copy_within(at..self.len, 0);
        self.len -= at;
    }
}

/// Twenty milliseconds of one codec made into another: for a playback whose prompts were encoded before the codec
/// changed, and to mix what is played with what is relayed.
pub(crate) struct Remaker {
    decoder: Decoder,
    encoder: Encoder,
}

impl Remaker {
    /// From one codec to another, which may be the same.
    pub(crate) fn new(from: Codec, to: Codec) -> Option<Self> {
        let rate_hz = rate_of(to);
        let decoder = Decoder::new(from, rate_hz).ok()?;
        let encoder = Encoder::new(to, rate_hz, OpusSettings::default()).ok()?;
        Some(Self { decoder, encoder })
    }

    /// Whether it makes `to` of `from`.
    pub(crate) fn is_for(&self, from: Codec, to: Codec) -> bool {
        (self.decoder.codec(), self.encoder.codec()) == (from, to)
    }

    /// Samples a second in between.
    pub(crate) const fn rate_hz(&self) -> u32 {
        self.encoder.rate_hz()
    }

    /// Makes a frame anew; `change` may change the samples in between.
    pub(crate) fn remake(&mut self, frame: &mut super::frame::Frame, change: impl FnOnce(&mut [i16])) {
        let mut pcm = [0; WIDE * 2];
        let wanted = samples_of(self.rate_hz());
        // A resampler may give a sample more or less; the frame stays 20 ms long.
        let _ = self.decoder.decode(frame.octets(), &mut pcm);
        let Some(pcm) = pcm.get_mut(..wanted) else { return };
        change(pcm);
        frame.encode(&mut self.encoder, pcm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leg::frame::Frame;
    use audio::correlate::align;

    fn sound(rate_hz: u32, ms: usize) -> Vec<i16> {
        let rate = f64::from(rate_hz);
        let wave = |n: usize| {
            let at = n as f64 / rate;
            let chirp = (at * 2_000.0 + at * at * 900.0).sin();
            (chirp * 8_000.0 * (1.0 + (at * 19.0).sin()) * 0.5) as i16
        };
        (0..rate_hz as usize * ms / 1_000).map(wave).collect()
    }

    /// Packets of `ptime_ms` of one codec, through a transcoder, decoded at 8 kHz.
    fn through(from: Codec, to: Codec, ptime_ms: usize, lost: impl Fn(usize) -> bool) -> (usize, f64) {
        let source = sound(8_000, 3_000);
        let mut encoder = Encoder::new(from, 8_000, OpusSettings::default()).unwrap();
        let mut transcoder = Transcoder::new(from, to).unwrap();
        let mut decoder = Decoder::new(to, 8_000).unwrap();
        let (mut heard, mut frames) = (Vec::new(), 0);
        for (number, part) in source.chunks_exact(8 * ptime_ms).enumerate() {
            let mut octets = [0; 1_275];
            let len = encoder.encode(part, &mut octets).unwrap();
            let sequence = (number as u16).wrapping_add(65_500);
            let packet = Packet {
                payload_type: 0,
                marker: false,
                sequence,
                timestamp: 0,
                ssrc: 1,
                payload: &octets[..len],
            };
            if lost(number) {
                continue;
            }
            transcoder.put(&packet, |frame| {
                frames += 1;
                let mut pcm = [0; 2_000];
                let samples = decoder.decode(frame, &mut pcm).unwrap();
                heard.extend_from_slice(&pcm[..samples]);
            });
        }
        (frames, align(&source, &heard, 800).map_or(0.0, |alignment| alignment.similarity))
    }

    #[test]
    fn every_codec_becomes_every_other_and_sounds_as_before() {
        for from in Codec::ALL {
            for to in Codec::ALL {
                for ptime_ms in [10, 20, 40, 60] {
                    let (frames, similarity) = through(from, to, ptime_ms, |_| false);
                    assert!((149..=150).contains(&frames), "{from:?} to {to:?}, {ptime_ms} ms: {frames}");
                    assert!(similarity > 0.9, "{from:?} to {to:?}, {ptime_ms} ms: {similarity}");
                }
            }
        }
    }

    #[test]
    fn what_is_lost_is_made_up_so_that_time_goes_on() {
        let (frames, similarity) = through(Codec::Pcmu, Codec::Opus, 20, |number| number % 10 == 9);
        assert!((148..=150).contains(&frames), "{frames}");
        assert!(similarity > 0.8, "{similarity}");
    }

    #[test]
    fn doubled_and_overtaken_packets_are_left_out() {
        let mut transcoder = Transcoder::new(Codec::Pcmu, Codec::G722).unwrap();
        let mut count = |sequence: u16| {
            let packet = Packet {
                payload_type: 0,
                marker: false,
                sequence,
                timestamp: 0,
                ssrc: 1,
                payload: &[0xff; 160],
            };
            let mut frames = 0;
            transcoder.put(&packet, |_| frames += 1);
            frames
        };
        assert_eq!([10, 10, 11, 13, 12, 100, 101].map(&mut count), [1, 0, 1, 2, 0, 1, 1]);
    }

    #[test]
    fn silence_is_silent_in_every_codec() {
        for codec in Codec::ALL {
            let mut decoder = Decoder::new(codec, 8_000).unwrap();
            let mut pcm = [0; 400];
            let mut loudest = 0;
            for number in 0..200 {
                let frame = Frame::silence_at(codec, number);
                let samples = decoder.decode(frame.octets(), &mut pcm).unwrap();
                if number > 5 {
                    loudest =
                        pcm[..samples].iter().map(|sample| sample.unsigned_abs()).max().unwrap().max(loudest);
                }
            }
            assert!(loudest < 20, "{codec:?}: {loudest}");
        }
    }
}
