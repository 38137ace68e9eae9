//! Two planes and the wire between them, and ways to say what was heard.

use audio::correlate::align;
use audio::{Decoder, Encoder, OpusSettings};
use media::{MediaConfig, VirtualPlane};
use model::id::IdSource;
use model::sound::{Codec, MediaFact, MediaFigures, PlaybackId};
use model::{CallId, LegId, Timestamp};
use ports::media::{Clip, ClipId, LatchPolicy, MediaConnection, OpenLeg, PlaneOrder};
use ports::{LegSink, MediaPlane};
use rtp::Packet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(crate) const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub(crate) const DTMF: u8 = 101;

#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<(LegId, MediaFact)>>);

impl LegSink for Told {
    fn leg(&self, _leg: LegId, _fact: model::leg::LegFact) {}

    fn media(&self, leg: LegId, fact: MediaFact) {
        self.0.lock().unwrap().push((leg, fact));
    }
}

/// A leg of ours and its far side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) near: LegId,
    pub(crate) near_at: SocketAddr,
    pub(crate) far: LegId,
    pub(crate) far_at: SocketAddr,
    pub(crate) codec: Codec,
}

pub(crate) struct World {
    pub(crate) near: Arc<VirtualPlane>,
    pub(crate) far: Arc<VirtualPlane>,
    told: Arc<Told>,
    call: CallId,
    legs: u16,
    pub(crate) now: Timestamp,
    /// By how much the far side's clock is fast, in millionths.
    pub(crate) fast_ppm: i64,
    /// Every byte that went over the wire.
    pub(crate) wire: Vec<u8>,
    /// Payloads that far sides got, with their types.
    got: BTreeMap<SocketAddr, Vec<(u8, Vec<u8>)>>,
    keeps: bool,
}

pub(crate) fn payload_type(codec: Codec) -> u8 {
    codec.static_payload_type().unwrap_or(111)
}

pub(crate) fn connection(remote: SocketAddr, codec: Codec) -> MediaConnection {
    MediaConnection {
        remote,
        remote_rtcp: None,
        latch: LatchPolicy::Strict,
        codec,
        payload_type: payload_type(codec),
        receive_payload_type: payload_type(codec),
        dtmf_payload_type: Some(DTMF),
        receive_dtmf_payload_type: Some(DTMF),
        comfort_noise_payload_type: None,
        srtp: None,
        ptime_ms: 20,
        send: true,
        receive: true,
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let config = MediaConfig::default();
        Self {
            near: VirtualPlane::new(config.clone(), seed, START),
            far: VirtualPlane::new(config, seed + 1_000, START),
            told: Arc::default(),
            call: CallId::generate(&mut IdSource::new(seed), START),
            legs: 0,
            now: START,
            fast_ppm: 0,
            wire: Vec::new(),
            got: BTreeMap::new(),
            keeps: true,
        }
    }

    pub(crate) fn open(&mut self, plane: &Arc<VirtualPlane>, bind: IpAddr) -> (LegId, SocketAddr) {
        self.legs += 1;
        let leg = LegId::new(self.call, self.legs);
        let sink = Arc::clone(&self.told) as Arc<dyn LegSink>;
        let silence_limit = Some(Duration::from_secs(60));
        (leg, plane.open(OpenLeg { leg, bind, silence_limit, sink }).unwrap())
    }

    /// A leg and its far side, both connected as `change` wants it; the flag says which is the far one.
    pub(crate) fn pair(&mut self, codec: Codec, change: impl Fn(&mut MediaConnection, bool)) -> Pair {
        let (near, far) = (Arc::clone(&self.near), Arc::clone(&self.far));
        let (near, near_at) = self.open(&near, HERE);
        let (far, far_at) = self.open(&far, THERE);
        let pair = Pair { near, near_at, far, far_at, codec };
        let (mut here, mut there) = (connection(far_at, codec), connection(near_at, codec));
        change(&mut here, false);
        change(&mut there, true);
        self.near.order(near, PlaneOrder::Connect(here)).unwrap();
        self.far.order(far, PlaneOrder::Connect(there)).unwrap();
        pair
    }

    pub(crate) fn order(&self, leg: LegId, order: PlaneOrder) {
        match self.near.order(leg, order.clone()) {
            Err(ports::MediaError::UnknownLeg) => self.far.order(leg, order).unwrap(),
            done => done.unwrap(),
        }
    }

    pub(crate) fn play(&self, leg: LegId, number: u32, clip: &Arc<Clip>, times: u16) {
        let clips = vec![Arc::clone(clip)];
        self.order(leg, PlaneOrder::Play { playback: PlaybackId(number), clips, times, gap_ms: 0 });
    }

    /// Lets time pass; the wire takes none.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            let near_due = self.near.deadline().unwrap_or(end);
            let far_due = self.far.deadline().map_or(end, |due| self.here(due));
            self.now = self.now.max(near_due.min(far_due));
            if self.now >= end {
                break;
            }
            if near_due <= self.now {
                self.near.tick(self.now);
            }
            if far_due <= self.now {
                self.far.tick(self.there(self.now));
            }
            self.carry();
        }
        self.now = end;
    }

    fn carry(&mut self) {
        while let Some(mut packet) = self.near.poll_packet() {
            self.wire.extend_from_slice(&packet.datagram);
            if let Some(parsed) = Packet::parse(&packet.datagram).ok().filter(|_| self.keeps) {
                let got = self.got.entry(packet.to).or_default();
                got.push((parsed.payload_type, parsed.payload.to_vec()));
            }
            let now = self.there(self.now);
            self.far.on_packet(packet.to, packet.from, &mut packet.datagram, now);
        }
        while let Some(mut packet) = self.far.poll_packet() {
            self.wire.extend_from_slice(&packet.datagram);
            self.near.on_packet(packet.to, packet.from, &mut packet.datagram, self.now);
        }
    }

    fn there(&self, here: Timestamp) -> Timestamp {
        let elapsed = (here - START).as_micros() as i64;
        START + Duration::from_micros((elapsed + elapsed * self.fast_ppm / 1_000_000) as u64)
    }

    /// The earliest moment here at which it is `there` there.
    fn here(&self, there: Timestamp) -> Timestamp {
        let elapsed = (there - START).as_micros() as i64;
        let mut here = START + Duration::from_micros((elapsed - elapsed * self.fast_ppm / 1_000_000) as u64);
        while self.there(here) < there {
            here = here + Duration::from_micros(1);
        }
        here
    }

    pub(crate) fn facts(&self, leg: LegId) -> Vec<MediaFact> {
        let told = self.told.0.lock().unwrap();
        told.iter().filter(|(of, _)| *of == leg).map(|(_, fact)| fact.clone()).collect()
    }

    pub(crate) fn digits(&self, leg: LegId) -> String {
        let digit = |fact: MediaFact| match fact {
            MediaFact::Digit { digit, .. } => Some(digit),
            _ => None,
        };
        self.facts(leg).into_iter().filter_map(digit).collect()
    }

    pub(crate) fn windows(&self, leg: LegId) -> Vec<MediaFigures> {
        let figures = |fact: MediaFact| match fact {
            MediaFact::Figures(figures) => Some(figures),
            _ => None,
        };
        self.facts(leg).into_iter().filter_map(figures).collect()
    }

    pub(crate) fn close(&self, leg: LegId) -> MediaFigures {
        self.near.close(leg);
        self.far.close(leg);
        self.windows(leg).pop().unwrap()
    }

    /// Payloads that a far side got since this was last asked.
    pub(crate) fn got(&mut self, pair: Pair) -> Vec<(u8, Vec<u8>)> {
        self.got.remove(&pair.far_at).unwrap_or_default()
    }

    /// What a far side heard since this was last asked, at 8 kHz.
    pub(crate) fn heard(&mut self, pair: Pair) -> Vec<i16> {
        let mut decoder = Decoder::new(pair.codec, 8_000).unwrap();
        let mut heard = Vec::new();
        let mut pcm = [0; 2_000];
        for (_, payload) in self.got(pair).iter().filter(|(number, _)| *number == payload_type(pair.codec)) {
            let samples = decoder.decode(payload, &mut pcm).unwrap();
            heard.extend_from_slice(&pcm[..samples]);
        }
        heard
    }
}

/// A sound that is nowhere the same twice, at 16 kHz.
pub(crate) fn voice(number: u8, ms: usize) -> Arc<Clip> {
    let wave = |n: usize| {
        let at = n as f64 / 16_000.0;
        let pitch = 300.0 + f64::from(number) * 70.0;
        let chirp = (at * pitch * std::f64::consts::TAU + (at * 2.7).sin() * 60.0).sin();
        (chirp * 7_000.0 * (1.2 + (at * 23.0).sin()) / 2.2) as i16
    };
    let samples = (0..16 * ms).map(wave).collect();
    Arc::new(Clip { id: ClipId([number; 16]), rate_hz: 16_000, samples })
}

/// A steady tone of a second, to be played in a loop.
pub(crate) fn tone(hz: u32) -> Arc<Clip> {
    let wave =
        |n: u32| ((f64::from(n) * f64::from(hz) / 8_000.0 * std::f64::consts::TAU).sin() * 6_000.0) as i16;
    let mut id = [7; 16];
    id[..4].copy_from_slice(&hz.to_be_bytes());
    Arc::new(Clip { id: ClipId(id), rate_hz: 8_000, samples: (0..8_000).map(wave).collect() })
}

/// How loud a tone is in a sound at 8 kHz: 0 dB is as loud as [`tone`] makes it.
pub(crate) fn level_of(hz: u32, pcm: &[i16]) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in pcm.iter().enumerate() {
        let angle = n as f64 * f64::from(hz) / 8_000.0 * std::f64::consts::TAU;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    let amplitude = real.hypot(imaginary) * 2.0 / pcm.len() as f64;
    20.0 * (amplitude.max(1.0) / 6_000.0).log10()
}

/// How much a clip and what was heard of it are alike, 0–1, wherever it begins.
pub(crate) fn likeness(clip: &Clip, heard: &[i16]) -> f64 {
    let narrow = audio::resample::resample_clip(&clip.samples, clip.rate_hz, 8_000).unwrap();
    align(&narrow, heard, 16_000).map_or(0.0, |alignment| alignment.similarity)
}

/// A packet of a tone, as anybody may send it.
pub(crate) fn stray(codec: Codec, sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut encoder = Encoder::new(codec, 8_000, OpusSettings::default()).unwrap();
    let mut payload = [0; 400];
    let len = encoder.encode(&[9_000; 160], &mut payload).unwrap();
    let mut packet = vec![0; 12];
    let header = rtp::Header {
        payload_type: payload_type(codec),
        marker: false,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc,
    };
    rtp::packet::write_header(packet.first_chunk_mut().unwrap(), header);
    packet.extend_from_slice(&payload[..len]);
    packet
}
