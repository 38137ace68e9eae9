//! A conference: hears its members as packets that their legs relay to it, mixes, and relays to each what all others
//! say. Members that hear the same get the same packets, encoded once. Knows no socket; its members may live on other
//! threads.

use crate::leg::frame::{Frame, NARROW, NARROW_HZ, WIDE, WIDE_HZ, rate_of, samples_of};
use crate::leg::hearing::Hearing;
use crate::leg::recorder::{Buffers, Recorder};
use crate::leg::relay::{Kind, PeerRef, Relayed, Taker};
use audio::Resampler;
use audio::codec::{Encoder, OpusSettings};
use audio::level::level_dbfs;
use audio::mix::Mixer;
use model::sound::Codec;
use model::{LegId, RecordingId, Timestamp};
use ports::media::{CONFERENCE_MEMBERS_MAX, ConferenceId};
use rtp::Packet;
use std::collections::BTreeMap;

/// Length of a tick.
const TICK_MS: u64 = 20;
/// Most members that are heard at once; of more, the loudest are.
const HEARD_MAX: usize = 8;
/// Who is quieter says nothing.
const QUIET_DBFS: f32 = -65.0;
/// Ticks that a member stays heard after its last sound, so that no word loses its end.
const HANGOVER_TICKS: u32 = 25;
/// Ticks of silence after which nothing is sent any more: legs then say silence by themselves.
const SILENT_TICKS: u32 = 15;
/// After a stall of more than this the conference goes on from now.
const STALL_MS: u64 = 60;
/// Most recordings of one conference at once.
const RECORDINGS_MAX: usize = 4;

/// An order to a conference.
pub(crate) enum RoomOrder {
    /// A leg comes, or takes part in another way from now on.
    Join(Box<Joining>),
    /// It goes.
    Leave(LegId),
    /// All members' sound is kept.
    Record(Box<Recorder>),
    /// A recording ends.
    StopRecording(RecordingId),
}

/// A member as it comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joining {
    /// Its leg and the worker that serves it.
    pub(crate) leg: LegId,
    /// That worker's number.
    pub(crate) worker: usize,
    /// What its leg speaks.
    pub(crate) codec: Codec,
    /// Whether nobody hears it.
    pub(crate) muted: bool,
    /// Whether it hears nobody.
    pub(crate) deaf: bool,
}

/// One conference.
pub(crate) struct Room {
    id: ConferenceId,
    rate_hz: u32,
    members: BTreeMap<LegId, Member>,
    due_ms: u64,
    /// Ticks so far: number and time of the packets.
    ticks: u32,
    /// One for each codec, for all who hear the same.
    shared: Vec<Voice>,
    recorders: Vec<Recorder>,
    mixer: Mixer,
    /// To the recorders' rate.
    narrow: Option<Resampler>,
}

struct Member {
    joined: Joining,
    hearing: Option<Box<Hearing>>,
    /// What it says in this tick.
    pcm: [i16; WIDE],
    level_dbfs: f32,
    /// Ticks that it is still heard.
    heard_for: u32,
    /// Whether it is in this tick's sum.
    heard: bool,
    /// For what all but it say.
    own: Option<Voice>,
}

/// An encoder and what it made in this tick.
struct Voice {
    encoder: Encoder,
    frame: Frame,
    /// Ticks of silence that were encoded in a row.
    silent: u32,
}

impl Room {
    /// A conference without members.
    pub(crate) fn new(id: ConferenceId, now: Timestamp) -> Self {
        Self {
            id,
            rate_hz: NARROW_HZ,
            members: BTreeMap::new(),
            due_ms: now.as_millis() + TICK_MS,
            ticks: 0,
            shared: Vec::new(),
            recorders: Vec::new(),
            mixer: Mixer::new(WIDE),
            narrow: None,
        }
    }

    /// Its name.
    pub(crate) const fn id(&self) -> ConferenceId {
        self.id
    }

    /// Whether the last member has left.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Carries out an order.
    pub(crate) fn order(&mut self, order: RoomOrder) {
        match order {
            RoomOrder::Join(joining) => self.join(*joining),
            RoomOrder::Leave(leg) => {
                self.members.remove(&leg);
            }
            RoomOrder::Record(recorder) => {
                if self.recorders.len() < RECORDINGS_MAX {
                    self.recorders.push(*recorder);
                }
            }
            RoomOrder::StopRecording(recording) => {
                self.recorders.retain(|recorder| recorder.recording() != recording);
            }
        }
    }

    fn join(&mut self, joined: Joining) {
        if let Some(member) = self.members.get_mut(&joined.leg) {
            member.joined = joined;
        } else if self.members.len() < CONFERENCE_MEMBERS_MAX {
            let member = Member {
                joined,
                hearing: None,
                pcm: [0; WIDE],
                level_dbfs: 0.0,
                heard_for: 0,
                heard: false,
                own: None,
            };
            self.members.insert(joined.leg, member);
        }
        if rate_of(joined.codec) > self.rate_hz {
            self.widen();
        }
        let codec = joined.codec;
        if !self.shared.iter().any(|voice| voice.encoder.codec() == codec) {
            self.shared.extend(Voice::new(codec, self.rate_hz));
        }
    }

    /// Somebody speaks a codec of wide band: from now on the conference is mixed so.
    fn widen(&mut self) {
        self.rate_hz = WIDE_HZ;
        self.narrow = Resampler::new(WIDE_HZ, NARROW_HZ).ok();
        self.shared =
            self.shared.iter().filter_map(|voice| Voice::new(voice.encoder.codec(), WIDE_HZ)).collect();
        for member in self.members.values_mut() {
            member.hearing = None;
            member.own = None;
        }
    }

    /// A member's packet. Events and noise are its own.
    pub(crate) fn put(&mut self, leg: LegId, relayed: &Relayed<'_>, now: Timestamp) {
        let Some(member) = self.members.get_mut(&leg).filter(|member| !member.joined.muted) else { return };
        let Kind::Sound(codec) = relayed.kind else { return };
        if member.hearing.as_ref().is_none_or(|hearing| hearing.codec() != codec) {
            member.hearing = Hearing::new(codec, self.rate_hz).map(Box::new);
            member.joined.codec = codec;
            member.own = None;
        }
        if let Some(hearing) = &mut member.hearing {
            hearing.put(&relayed.packet, now);
        }
    }

    /// When it must be mixed next.
    pub(crate) const fn due_ms(&self) -> u64 {
        self.due_ms
    }

    /// Whether that is now.
    pub(crate) const fn is_due(&self, now: Timestamp) -> bool {
        now.as_millis() >= self.due_ms
    }

    /// Mixes 20 ms and sends each member what the others said.
    pub(crate) fn mix(&mut self, now: Timestamp, mut send: impl FnMut(PeerRef, &Relayed<'_>)) {
        let now_ms = now.as_millis();
        self.due_ms += TICK_MS;
        if now_ms > self.due_ms + STALL_MS {
            self.due_ms = now_ms + TICK_MS;
        }
        self.ticks = self.ticks.wrapping_add(1);
        let samples = samples_of(self.rate_hz);
        self.mixer.begin(samples);
        let heard = self.hear(samples, now);
        let mut all = [0_i16; WIDE];
        let all = all.split_at_mut(samples).0;
        self.mixer.write(all);
        self.record(all, now);
        for voice in &mut self.shared {
            let codec = voice.encoder.codec();
            let wanted = self
                .members
                .values()
                .any(|member| member.joined.codec == codec && !member.heard && !member.joined.deaf);
            if wanted {
                voice.say(all, heard > 0);
            }
        }
        for member in self.members.values_mut().filter(|member| !member.joined.deaf) {
            let joined = member.joined;
            let codec = joined.codec;
            let shared = self.shared.iter().find(|voice| voice.encoder.codec() == codec);
            let voice = match member.heard {
                true => member.say_others(&self.mixer, self.rate_hz, heard == 1),
                false => shared,
            };
            let Some(voice) = voice.filter(|voice| voice.silent < SILENT_TICKS) else { continue };
            let packet = Packet {
                payload_type: 0,
                marker: false,
                sequence: self.ticks as u16,
                timestamp: self.ticks.wrapping_mul(codec.rtp_clock_hz() / 50),
                ssrc: self.id.0 as u32,
                payload: voice.frame.octets(),
            };
            let to = PeerRef { worker: joined.worker, taker: Taker::Leg(joined.leg) };
            send(to, &Relayed { kind: Kind::Sound(codec), packet });
        }
    }

    /// Adds up what members say; returns how many are heard.
    fn hear(&mut self, samples: usize, now: Timestamp) -> usize {
        for member in self.members.values_mut() {
            member.listen(samples, now);
        }
        let mut speaking = self.members.values().filter(|member| member.heard_for > 0).count();
        while speaking > HEARD_MAX {
            let loud = self.members.values_mut().filter(|member| member.heard_for > 0);
            let quietest = loud.min_by(|a, b| a.level_dbfs.total_cmp(&b.level_dbfs));
            if let Some(member) = quietest {
                member.heard_for = 0;
            }
            speaking -= 1;
        }
        for member in self.members.values_mut() {
            member.heard = member.heard_for > 0;
            if member.heard {
                self.mixer.add(&member.pcm);
            }
        }
        speaking
    }

    fn record(&mut self, all: &[i16], now: Timestamp) {
        if self.recorders.is_empty() {
            return;
        }
        // A resampler may give a sample more or less.
        let mut pcm = [0; NARROW];
        match &mut self.narrow {
            Some(resampler) => {
                resampler.process(all, &mut pcm);
            }
            None => pcm.copy_from_slice(all.split_at(NARROW.min(all.len())).0),
        }
        for recorder in &mut self.recorders {
            recorder.tick(&pcm, None, Buffers::default(), now);
        }
    }
}

impl Member {
    fn listen(&mut self, samples: usize, now: Timestamp) {
        let pcm = self.pcm.split_at_mut(samples).0;
        match self.hearing.as_mut().filter(|_| !self.joined.muted) {
            Some(hearing) => hearing.next(now, pcm),
            None => pcm.fill(0),
        }
        let level_dbfs = level_dbfs(pcm);
        self.level_dbfs = level_dbfs.max(self.level_dbfs - 1.0);
        if level_dbfs > QUIET_DBFS {
            self.heard_for = HANGOVER_TICKS;
        } else {
            self.heard_for = self.heard_for.saturating_sub(1);
        }
    }

    /// What all others say, in this member's own voice.
    fn say_others(&mut self, mixer: &Mixer, rate_hz: u32, alone: bool) -> Option<&Voice> {
        let mut others = [0_i16; WIDE];
        let others = others.split_at_mut(samples_of(rate_hz)).0;
        mixer.write_without(&self.pcm, others);
        if self.own.is_none() {
            self.own = Voice::new(self.joined.codec, rate_hz);
        }
        let voice = self.own.as_mut()?;
        voice.say(others, !alone);
        Some(voice)
    }
}

impl Voice {
    fn new(codec: Codec, rate_hz: u32) -> Option<Self> {
        let encoder = Encoder::new(codec, rate_hz, OpusSettings::default()).ok()?;
        Some(Self { encoder, frame: Frame::silence(codec), silent: SILENT_TICKS })
    }

    /// Encodes 20 ms, or nothing once silence has lasted.
    fn say(&mut self, pcm: &[i16], sounds: bool) {
        self.silent = if sounds { 0 } else { self.silent.saturating_add(1) };
        if self.silent < SILENT_TICKS {
            self.frame.encode(&mut self.encoder, pcm);
        }
    }
}
