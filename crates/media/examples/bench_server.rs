//! The engine as a benchmark drives it: legs are opened, connected, played to or bridged by lines on standard input.
//! Only for `cargo xtask bench`, which documents the lines.

use audio::{Encoder, OpusSettings};
use media::{MediaConfig, MediaEngine};
use model::id::IdSource;
use model::sound::{Codec, MediaFact, PlaybackId, RecordSource};
use model::{CallId, LegId, RecordingId, Timestamp};
use ports::media::{
    Clip, ClipId, ConferenceId, LatchPolicy, MediaConnection, MediaError, OpenLeg, PlaneOrder,
};
use ports::{Clock, LegSink, MediaPlane};
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Samples of the prompt: ten seconds.
const PROMPT_SAMPLES: usize = 80_000;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(std::io::stderr(), "{problem}");
            ExitCode::FAILURE
        }
    }
}

struct Server {
    engine: Arc<MediaEngine>,
    ids: IdSource,
    legs: Vec<LegId>,
}

fn serve() -> Result<(), String> {
    pin_to_core_0()?;
    let config = MediaConfig {
        workers: 1,
        rtp_ports: 10_000..=32_767,
        port_rest: Duration::ZERO,
        recordings_max: 10_000,
        ..MediaConfig::default()
    };
    let engine = MediaEngine::start(config, Arc::new(WallClock)).map_err(|error| error.to_string())?;
    let mut server = Server { engine, ids: IdSource::new(1), legs: Vec::new() };
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.as_slice() == ["quit"] {
            break;
        }
        let answer = server.carry_out(&words).map_err(|error| format!("{line}: {error}"))?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    }
    Ok(())
}

impl Server {
    fn carry_out(&mut self, words: &[&str]) -> Result<String, String> {
        match words {
            ["leg", peer, law] => self.leg(peer, law),
            ["play"] => self.each(|_, leg| Ok((leg, play()))),
            ["bridge"] => self.bridge(),
            ["confer", members] => self.confer(members),
            ["opus-frames"] => opus_frames(),
            ["record", folder] => {
                let folder = PathBuf::from(folder);
                self.each(|server, leg| {
                    let recording = RecordingId::generate(&mut server.ids, Timestamp::default());
                    let spool = folder.join(recording.to_string());
                    Ok((leg, PlaneOrder::StartRecording { recording, source: RecordSource::Mixed, spool }))
                })
            }
            _ => Err("unknown".to_owned()),
        }
    }

    fn leg(&mut self, peer: &str, law: &str) -> Result<String, String> {
        let remote: SocketAddr = peer.parse().map_err(|_| "no address".to_owned())?;
        let leg = LegId::new(CallId::generate(&mut self.ids, Timestamp::default()), 0);
        let open = OpenLeg { leg, bind: remote.ip(), silence_limit: None, sink: Arc::new(Deaf) };
        let local = self.engine.open(open).map_err(|error| error.to_string())?;
        let (codec, payload_type) = match law {
            "a" => (Codec::Pcma, 8),
            "opus" => (Codec::Opus, 111),
            _ => (Codec::Pcmu, 0),
        };
        let connection = MediaConnection {
            remote,
            remote_rtcp: None,
            latch: LatchPolicy::Strict,
            codec,
            payload_type,
            receive_payload_type: payload_type,
            dtmf_payload_type: Some(101),
            receive_dtmf_payload_type: Some(101),
            comfort_noise_payload_type: None,
            srtp: None,
            ptime_ms: 20,
            send: true,
            receive: true,
        };
        insist(|| self.engine.order(leg, PlaneOrder::Connect(connection.clone())))
            .map_err(|error| error.to_string())?;
        self.legs.push(leg);
        Ok(local.port().to_string())
    }

    fn each(
        &mut self,
        mut order: impl FnMut(&mut Self, LegId) -> Result<(LegId, PlaneOrder), String>,
    ) -> Result<String, String> {
        for leg in self.legs.clone() {
            let (leg, order) = order(self, leg)?;
            insist(|| self.engine.order(leg, order.clone())).map_err(|error| error.to_string())?;
        }
        Ok("ok".to_owned())
    }

    fn confer(&mut self, members: &str) -> Result<String, String> {
        let members: usize = members.parse().map_err(|_| "no number".to_owned())?;
        for (number, legs) in (0..).zip(self.legs.chunks(members.max(1))) {
            for leg in legs {
                let conference = ConferenceId(number);
                let order = PlaneOrder::JoinConference { conference, muted: false, deaf: false };
                insist(|| self.engine.order(*leg, order.clone())).map_err(|error| error.to_string())?;
            }
        }
        Ok("ok".to_owned())
    }

    fn bridge(&mut self) -> Result<String, String> {
        for pair in self.legs.chunks_exact(2) {
            if let [leg, with] = *pair {
                insist(|| self.engine.order(leg, PlaneOrder::Bridge { with }))
                    .map_err(|error| error.to_string())?;
            }
        }
        Ok("ok".to_owned())
    }
}

/// A worker that is busy for a moment is asked again.
fn insist(order: impl Fn() -> Result<(), MediaError>) -> Result<(), MediaError> {
    for _ in 0..1_000 {
        match order() {
            Err(MediaError::Busy) => std::thread::sleep(Duration::from_millis(1)),
            other => return other,
        }
    }
    Err(MediaError::Busy)
}

fn play() -> PlaneOrder {
    let wave = |n: usize| ((n as f64 * 0.07).sin() * 8_000.0) as i16 + 10_000;
    let samples = (0..PROMPT_SAMPLES).map(wave).collect();
    let clip = Clip { id: ClipId([1; 16]), rate_hz: 8_000, samples };
    PlaneOrder::Play { playback: PlaybackId(1), clips: vec![Arc::new(clip)], times: 1_000, gap_ms: 0 }
}

/// Half a second of something like speech, each packet as hexadecimal digits.
fn opus_frames() -> Result<String, String> {
    let mut encoder =
        Encoder::new(Codec::Opus, 16_000, OpusSettings::default()).map_err(|e| e.to_string())?;
    let wave = |n: usize| {
        let at = n as f64 / 16_000.0;
        ((at * 1_100.0 + (at * 9.0).sin() * 20.0).sin() * 7_000.0 * (1.0 + (at * 25.0).sin()) / 2.0) as i16
    };
    let mut words = Vec::new();
    for frame in 0..25 {
        let pcm: Vec<i16> = (frame * 320..(frame + 1) * 320).map(wave).collect();
        let mut octets = [0; 400];
        let len = encoder.encode(&pcm, &mut octets).map_err(|error| error.to_string())?;
        let digits = octets.get(..len).unwrap_or_default().iter().map(|octet| format!("{octet:02x}"));
        words.push(digits.collect::<String>());
    }
    Ok(words.join(" "))
}

fn pin_to_core_0() -> Result<(), String> {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(0);
    rustix::thread::sched_setaffinity(None, &cores).map_err(|error| error.to_string())
}

struct Deaf;

impl LegSink for Deaf {
    fn leg(&self, _leg: LegId, _fact: model::leg::LegFact) {}
    fn media(&self, _leg: LegId, _fact: MediaFact) {}
}

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}
