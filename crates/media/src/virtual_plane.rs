//! The media plane in virtual time: the same legs, without a thread, a socket or a clock. Packets are handed in and
//! out, time is what the caller says it is, and the same seed gives the same bytes. For simulations.

use crate::config::MediaConfig;
use crate::hub::room::{Joining, RoomOrder};
use crate::hub::slab::Key;
use crate::hub::{Abroad, Hub};
use crate::lane::ABILITIES;
use crate::leg::listener::Listeners;
use crate::leg::player::Player;
use crate::leg::recorder::{Recorder, Tape};
use crate::leg::relay::{PeerRef, RelayedPacket, Taker};
use crate::leg::{Equipment, Leg};
use crate::prompts::{EncodedClip, PromptCache};
use crate::random::Dice;
use crate::wire::{Channel, Wire};
use crate::worker::order::LegOrder;
use model::sound::{Codec, MediaFact, RecordSource};
use model::{LegId, RecordingId, Timestamp};
use ports::media::{
    CONFERENCE_MEMBERS_MAX, Clip, ConferenceId, FinishedRecording, MediaAbilities, OpenLeg, PlaneOrder,
};
use ports::speech::HeardSpeech;
use ports::{LegSink, MediaError, MediaPlane};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Packets on their way out that nobody has taken yet; what comes beyond is lost.
const PACKETS_MAX: usize = 65_536;
/// The recordings' rate, samples a millisecond.
const SAMPLES_PER_MS: u64 = 8;

/// A datagram that a leg has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualPacket {
    /// The leg's address, RTP or RTCP.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// Its bytes.
    pub datagram: Vec<u8>,
}

/// The plane. Facts reach the sinks before the call that caused them returns.
pub struct VirtualPlane {
    config: MediaConfig,
    prompts: PromptCache,
    listeners: Listeners,
    state: Mutex<State>,
    facts: Arc<Facts>,
}

struct State {
    hub: Hub<VirtualWire>,
    now: Timestamp,
    dice: Dice,
    outbox: Outbox,
    ports: BTreeSet<u16>,
    legs: BTreeMap<LegId, Entry>,
    by_address: BTreeMap<SocketAddr, (Key, Channel)>,
    /// Samples of each recording, by its spool.
    recordings: HashMap<PathBuf, Arc<AtomicU64>>,
}

struct Entry {
    local: SocketAddr,
    codec: Codec,
    bridged: Option<LegId>,
    conference: Option<ConferenceId>,
}

/// What is on its way out.
type Outbox = Arc<Mutex<VecDeque<VirtualPacket>>>;

/// Facts wait here until the plane is unlocked: a sink may give orders at once.
#[derive(Default)]
struct Facts(Mutex<VecDeque<Told>>);

/// Whom to tell, of which leg, what.
type Told = (Arc<dyn LegSink>, LegId, MediaFact);

/// A leg's sink while the plane is locked.
struct Held {
    facts: Arc<Facts>,
    sink: Arc<dyn LegSink>,
}

impl LegSink for Held {
    fn leg(&self, leg: LegId, fact: model::leg::LegFact) {
        self.sink.leg(leg, fact);
    }

    fn media(&self, leg: LegId, fact: MediaFact) {
        lock(&self.facts.0).push_back((Arc::clone(&self.sink), leg, fact));
    }

    fn heard(&self, leg: LegId, speech: HeardSpeech) {
        self.sink.heard(leg, speech);
    }
}

struct VirtualWire {
    local: SocketAddr,
    outbox: Outbox,
}

impl Wire for VirtualWire {
    fn send(&self, channel: Channel, datagram: &[u8], to: SocketAddr) -> bool {
        let from = match channel {
            Channel::Sound => self.local,
            Channel::Reports => reports_of(self.local),
        };
        let mut outbox = lock(&self.outbox);
        if outbox.len() >= PACKETS_MAX {
            return false;
        }
        outbox.push_back(VirtualPacket { from, to, datagram: datagram.to_vec() });
        true
    }
}

/// There is one thread only.
struct Nowhere;

impl Abroad for Nowhere {
    fn forward(&self, _worker: usize, _packet: RelayedPacket) {}
}

impl VirtualPlane {
    /// A plane without legs. Of the configuration it uses the ports, the limits and the intervals.
    pub fn new(config: MediaConfig, seed: u64, now: Timestamp) -> Arc<Self> {
        let state = State {
            hub: Hub::new(0, now),
            now,
            dice: Dice::new(seed),
            outbox: Outbox::default(),
            ports: BTreeSet::new(),
            legs: BTreeMap::new(),
            by_address: BTreeMap::new(),
            recordings: HashMap::new(),
        };
        let prompts = PromptCache::new(config.prompt_cache_bytes_max);
        let listeners = Listeners::new(config.listeners_max);
        Arc::new(Self { config, prompts, listeners, state: Mutex::new(state), facts: Arc::default() })
    }

    /// A datagram from `source` has come to `local`, a leg's RTP or RTCP address; any other address is nobody's.
    pub fn on_packet(&self, local: SocketAddr, source: SocketAddr, datagram: &mut [u8], now: Timestamp) {
        let mut state = self.lock(now);
        match state.by_address.get(&local).copied() {
            Some((key, Channel::Sound)) => state.hub.on_datagram(key, datagram, source, now, &Nowhere),
            Some((key, Channel::Reports)) => state.hub.on_report(key, datagram, source, now),
            None => {}
        }
        drop(state);
        self.tell();
    }

    /// Lets all legs tick whose time has come.
    pub fn tick(&self, now: Timestamp) {
        self.lock(now).hub.tick(now, &Nowhere);
        self.tell();
    }

    /// When `tick` must next be called; none without legs.
    pub fn deadline(&self) -> Option<Timestamp> {
        let due_ms = lock(&self.state).hub.next_due_ms();
        due_ms.map(Timestamp::from_millis)
    }

    /// The next datagram that a leg has sent, oldest first.
    pub fn poll_packet(&self) -> Option<VirtualPacket> {
        let state = lock(&self.state);
        lock(&state.outbox).pop_front()
    }

    /// Legs that are open, each with its ports.
    pub fn legs(&self) -> usize {
        lock(&self.state).legs.len()
    }

    fn lock(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.now = state.now.max(now);
        state
    }

    /// Delivers the facts; a sink may give orders meanwhile.
    fn tell(&self) {
        loop {
            let next = lock(&self.facts.0).pop_front();
            let Some((sink, leg, fact)) = next else { return };
            sink.media(leg, fact);
        }
    }

    fn encode(&self, clips: &[Arc<Clip>], codec: Codec) -> Result<Box<[EncodedClip]>, MediaError> {
        clips.iter().map(|clip| self.prompts.encode(clip, codec)).collect()
    }

    /// An order of one leg, as the leg takes it.
    fn leg_order(&self, state: &mut State, leg: LegId, order: PlaneOrder) -> Result<LegOrder, MediaError> {
        let entry = state.legs.get_mut(&leg).ok_or(MediaError::UnknownLeg)?;
        if let PlaneOrder::Connect(connection) = &order {
            entry.codec = connection.codec;
        }
        Ok(match order {
            PlaneOrder::Play { playback, clips, times, gap_ms } => {
                let clips = self.encode(&clips, entry.codec)?;
                LegOrder::Play(Box::new(Player::new(playback, entry.codec, clips, times, gap_ms)))
            }
            PlaneOrder::Listen { listen, end_silence_ms, length_ms_max } => {
                LegOrder::Listen(Box::new(self.listeners.begin(listen, end_silence_ms, length_ms_max)?))
            }
            PlaneOrder::StartRecording { recording, source, spool } => {
                LegOrder::StartRecording(Box::new(state.recorder(recording, source, spool)))
            }
            other => LegOrder::plain(other)?,
        })
    }
}

impl State {
    fn bridge(&mut self, leg: LegId, with: LegId) -> Result<(), MediaError> {
        if leg == with || !self.legs.contains_key(&with) {
            return Err(MediaError::UnknownLeg);
        }
        self.part(leg)?;
        self.part(with)?;
        for (from, to) in [(leg, with), (with, leg)] {
            if let Some(entry) = self.legs.get_mut(&from) {
                entry.bridged = Some(to);
            }
            self.hub.order(
                from,
                LegOrder::Relay(Some(PeerRef { worker: 0, taker: Taker::Leg(to) })),
                self.now,
            );
        }
        Ok(())
    }

    fn part(&mut self, leg: LegId) -> Result<(), MediaError> {
        let entry = self.legs.get_mut(&leg).ok_or(MediaError::UnknownLeg)?;
        if let Some(conference) = entry.conference.take() {
            self.hub.order(leg, LegOrder::Relay(None), self.now);
            self.hub.order_room(conference, RoomOrder::Leave(leg), self.now);
        }
        let entry = self.legs.get_mut(&leg).ok_or(MediaError::UnknownLeg)?;
        let Some(peer) = entry.bridged.take() else { return Ok(()) };
        if let Some(entry) = self.legs.get_mut(&peer) {
            entry.bridged = None;
        }
        for leg in [leg, peer] {
            self.hub.order(leg, LegOrder::Relay(None), self.now);
        }
        Ok(())
    }

    fn join(&mut self, leg: LegId, id: ConferenceId, (muted, deaf): (bool, bool)) -> Result<(), MediaError> {
        let others =
            self.legs.iter().filter(|(other, entry)| **other != leg && entry.conference == Some(id)).count();
        if others >= CONFERENCE_MEMBERS_MAX {
            return Err(MediaError::ConferenceFull);
        }
        self.part(leg)?;
        let entry = self.legs.get_mut(&leg).ok_or(MediaError::UnknownLeg)?;
        entry.conference = Some(id);
        let joining = Joining { leg, worker: 0, codec: entry.codec, muted, deaf };
        self.hub.order_room(id, RoomOrder::Join(Box::new(joining)), self.now);
        let taker = Taker::Member(id, leg);
        self.hub.order(leg, LegOrder::Relay(Some(PeerRef { worker: 0, taker })), self.now);
        Ok(())
    }

    /// An order about the conference that a leg is in.
    fn order_conference(&mut self, leg: LegId, order: RoomOrder) -> Result<(), MediaError> {
        let entry = self.legs.get(&leg).ok_or(MediaError::UnknownLeg)?;
        let id = entry.conference.ok_or(MediaError::NoConference)?;
        self.hub.order_room(id, order, self.now);
        Ok(())
    }

    fn change_member(&mut self, leg: LegId, muted: bool, deaf: bool) -> Result<(), MediaError> {
        let codec = self.legs.get(&leg).ok_or(MediaError::UnknownLeg)?.codec;
        let joining = Joining { leg, worker: 0, codec, muted, deaf };
        self.order_conference(leg, RoomOrder::Join(Box::new(joining)))
    }

    fn recorder(&mut self, recording: RecordingId, source: RecordSource, spool: PathBuf) -> Recorder {
        let samples = Arc::new(AtomicU64::new(0));
        self.recordings.insert(spool, Arc::clone(&samples));
        Recorder::new(recording, source, Tape::Counted(samples))
    }

    /// The lowest free pair of ports.
    fn take_port(&mut self, config: &MediaConfig) -> Option<u16> {
        let (first, last) = (*config.rtp_ports.start(), *config.rtp_ports.end());
        let (first, last) = if (first, last) == (0, 0) { (2, u16::MAX) } else { (first.max(2), last) };
        let port = (first..last).find(|port| port.is_multiple_of(2) && !self.ports.contains(port))?;
        self.ports.insert(port);
        Some(port)
    }
}

#[async_trait::async_trait]
impl MediaPlane for VirtualPlane {
    fn abilities(&self) -> MediaAbilities {
        ABILITIES
    }

    fn open(&self, open: OpenLeg) -> Result<SocketAddr, MediaError> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        if state.legs.len() >= self.config.legs_max {
            return Err(MediaError::Busy);
        }
        if state.legs.contains_key(&open.leg) {
            return Err(MediaError::Socket("the leg is open already".to_owned()));
        }
        let port = state.take_port(&self.config).ok_or(MediaError::NoPort)?;
        let local = SocketAddr::new(open.bind, port);
        let leg = open.leg;
        let equipment = Equipment {
            wire: VirtualWire { local, outbox: Arc::clone(&state.outbox) },
            dice: Dice::new(state.dice.next_u64()),
            report_interval: self.config.report_interval,
            figures_interval: self.config.figures_interval,
            counters: Arc::default(),
        };
        let sink: Arc<dyn LegSink> = Arc::new(Held { facts: Arc::clone(&self.facts), sink: open.sink });
        let key = state.hub.open(Box::new(Leg::new(OpenLeg { sink, ..open }, equipment)));
        state.by_address.insert(local, (key, Channel::Sound));
        state.by_address.insert(reports_of(local), (key, Channel::Reports));
        state.legs.insert(leg, Entry { local, codec: Codec::Pcmu, bridged: None, conference: None });
        Ok(local)
    }

    fn order(&self, leg: LegId, order: PlaneOrder) -> Result<(), MediaError> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let done = match order {
            PlaneOrder::Bridge { with } => state.bridge(leg, with),
            PlaneOrder::Unbridge => state.part(leg),
            PlaneOrder::JoinConference { conference, muted, deaf } => {
                state.join(leg, conference, (muted, deaf))
            }
            PlaneOrder::ChangeMember { muted, deaf } => state.change_member(leg, muted, deaf),
            PlaneOrder::RecordConference { recording, spool } => {
                let recorder = state.recorder(recording, RecordSource::Received, spool);
                state.order_conference(leg, RoomOrder::Record(Box::new(recorder)))
            }
            PlaneOrder::StopConferenceRecording { recording } => {
                state.order_conference(leg, RoomOrder::StopRecording(recording))
            }
            order => self.leg_order(state, leg, order).map(|order| state.hub.order(leg, order, state.now)),
        };
        drop(guard);
        self.tell();
        done
    }

    fn close(&self, leg: LegId) {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        // A leg that is not open has no bridge.
        let _ = state.part(leg);
        if let Some(entry) = state.legs.remove(&leg) {
            state.ports.remove(&entry.local.port());
            state.by_address.remove(&entry.local);
            state.by_address.remove(&reports_of(entry.local));
            if let Some(leg) = state.hub.remove(leg) {
                state.hub.close(leg, state.now);
            }
        }
        drop(guard);
        self.tell();
    }

    async fn prepare(&self, content: bytes::Bytes) -> Result<Arc<Clip>, MediaError> {
        crate::prompts::read(&content, &self.config.clip_limits)
    }

    async fn finish_recording(
        &self,
        spool: PathBuf,
        _file: PathBuf,
    ) -> Result<FinishedRecording, MediaError> {
        let samples = lock(&self.state).recordings.remove(&spool);
        let samples = samples.map_or(0, |samples| samples.load(Ordering::Relaxed));
        let duration_ms = u32::try_from(samples / SAMPLES_PER_MS).unwrap_or(u32::MAX);
        Ok(FinishedRecording { duration_ms, bytes: samples * 2 })
    }
}

fn reports_of(local: SocketAddr) -> SocketAddr {
    SocketAddr::new(local.ip(), local.port().saturating_add(1))
}

/// A panic elsewhere leaves lists as usable as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
