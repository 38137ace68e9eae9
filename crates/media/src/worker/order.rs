//! What reaches a worker from outside: orders about legs, and packets of legs that other workers serve. All of
//! it in queues of fixed size.

use super::Time;
use crate::counters::Counters;
use crate::hub::room::RoomOrder;
use crate::io::Bell;
use crate::leg::Leg;
use crate::leg::frame::NARROW_HZ;
use crate::leg::listener::Listener;
use crate::leg::player::Player;
use crate::leg::recorder::Recorder;
use crate::leg::relay::{PeerRef, RelayedPacket};
use crate::port_pool::MediaSockets;
use audio::amd::AmdDetector;
use model::sound::PlaybackId;
use model::speech::ListenId;
use model::{LegId, RecordingId, Timestamp};
use ports::MediaError;
use ports::media::{Blend, ConferenceId, MediaConnection, PlaneOrder};
use rtp::digits::Script;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Packets on their way from one worker to another; two milliseconds of a thousand bridged calls.
const FORWARDED_MAX: usize = 512;

/// An order to a worker.
pub(crate) enum WorkerOrder {
    /// Serve a leg.
    Open(Box<Leg<MediaSockets>>),
    /// Order one of its legs.
    Leg(LegId, LegOrder),
    /// Order a conference that it mixes.
    Room(ConferenceId, RoomOrder),
}

/// An order to a leg, with everything made ready that would cost time.
pub(crate) enum LegOrder {
    /// As [`ports::media::PlaneOrder::Connect`].
    Connect(Box<MediaConnection>),
    /// Play; what plays is cut.
    Play(Box<Player>),
    /// Cut a playback.
    StopPlayback(PlaybackId),
    /// Send digits.
    Digits(Script),
    /// Report voice.
    WatchVoice(bool),
    /// Listen for who answered, or no longer.
    Detect(Option<Box<AmdDetector>>),
    /// Listen for something that is said.
    Listen(Box<Listener>),
    /// Listen no longer.
    StopListening(ListenId),
    /// Record.
    StartRecording(Box<Recorder>),
    /// Keep nothing of a recording.
    PauseRecording(RecordingId),
    /// Go on with it.
    ResumeRecording(RecordingId),
    /// End a recording.
    StopRecording(RecordingId),
    /// Send on what arrives to another leg, or no longer.
    Relay(Option<PeerRef>),
    /// What becomes of relayed sound under a playback.
    Blend(Blend),
    /// Send back what arrives.
    Echo(bool),
    /// Neither send nor hear.
    Mute(bool),
}

impl LegOrder {
    /// The order of a plane, where it needs neither an encoded prompt nor a file, and concerns this leg alone.
    pub(crate) fn plain(order: PlaneOrder) -> Result<Self, MediaError> {
        Ok(match order {
            PlaneOrder::Connect(connection) => Self::Connect(Box::new(connection)),
            PlaneOrder::StopPlayback { playback } => Self::StopPlayback(playback),
            PlaneOrder::SendDigits { id, digits, in_band } => {
                let script = Script::parse(id, &digits, in_band);
                Self::Digits(script.map_err(|error| MediaError::NotSound(error.to_string()))?)
            }
            PlaneOrder::WatchVoice { on } => Self::WatchVoice(on),
            PlaneOrder::DetectMachine { settings } => {
                Self::Detect(Some(Box::new(AmdDetector::new(&settings, NARROW_HZ))))
            }
            PlaneOrder::StopDetecting => Self::Detect(None),
            PlaneOrder::StopListening { listen } => Self::StopListening(listen),
            PlaneOrder::PauseRecording { recording } => Self::PauseRecording(recording),
            PlaneOrder::ResumeRecording { recording } => Self::ResumeRecording(recording),
            PlaneOrder::StopRecording { recording } => Self::StopRecording(recording),
            PlaneOrder::Echo { on } => Self::Echo(on),
            PlaneOrder::Mute { on } => Self::Mute(on),
            PlaneOrder::BlendPlayback { blend } => Self::Blend(blend),
            // Made by whoever has prompts and files; or a matter of several legs.
            PlaneOrder::Play { .. }
            | PlaneOrder::Listen { .. }
            | PlaneOrder::StartRecording { .. }
            | PlaneOrder::Bridge { .. }
            | PlaneOrder::Unbridge
            | PlaneOrder::JoinConference { .. }
            | PlaneOrder::ChangeMember { .. }
            | PlaneOrder::RecordConference { .. }
            | PlaneOrder::StopConferenceRecording { .. } => return Err(MediaError::UnknownLeg),
        })
    }

    /// The playback that it begins.
    pub(crate) fn playback(&self) -> Option<PlaybackId> {
        match self {
            Self::Play(player) => Some(player.playback()),
            _ => None,
        }
    }
}

/// The side of a worker that others see.
pub(crate) struct WorkerDoor {
    orders: SyncSender<WorkerOrder>,
    forwarded: SyncSender<RelayedPacket>,
    bell: Bell,
    /// Set while the worker may sleep longer than a millisecond; then the bell must be rung.
    parked: AtomicBool,
    stopping: AtomicBool,
    time: Time,
    /// The moment by which the worker begins its next turn, in microseconds; `u64::MAX` while nothing is due.
    turn_due_us: AtomicU64,
    /// Legs to be closed; a list and not a queue, so that a close is never refused. Its lock is taken only when a leg
    /// closes.
    closing: Mutex<Vec<LegId>>,
    any_closing: AtomicBool,
    legs: AtomicUsize,
    /// Counts for the operator.
    pub(crate) counters: Arc<Counters>,
}

/// The worker's own ends of its queues.
pub(crate) struct Inbox {
    /// Orders, oldest first.
    pub(crate) orders: Receiver<WorkerOrder>,
    /// Packets of other workers' legs.
    pub(crate) forwarded: Receiver<RelayedPacket>,
}

impl WorkerDoor {
    /// A door and what is behind it.
    pub(crate) fn new(orders_max: usize, time: Time) -> std::io::Result<(Self, Inbox)> {
        let (orders, orders_in) = sync_channel(orders_max.max(1));
        let (forwarded, forwarded_in) = sync_channel(FORWARDED_MAX);
        let door = Self {
            orders,
            forwarded,
            bell: Bell::new()?,
            parked: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            time,
            turn_due_us: AtomicU64::new(time.now().as_micros()),
            closing: Mutex::default(),
            any_closing: AtomicBool::new(false),
            legs: AtomicUsize::new(0),
            counters: Arc::default(),
        };
        Ok((door, Inbox { orders: orders_in, forwarded: forwarded_in }))
    }

    /// Hands over an order; it is carried out within a tick.
    pub(crate) fn order(&self, order: WorkerOrder) -> Result<(), MediaError> {
        self.try_order(order).map_err(|_| {
            self.counters.orders_refused.fetch_add(1, Ordering::Relaxed);
            MediaError::Busy
        })
    }

    /// Hands over an order, or gives it back when the queue is full.
    pub(crate) fn try_order(&self, order: WorkerOrder) -> Result<(), WorkerOrder> {
        self.orders.try_send(order).map_err(|refused| match refused {
            TrySendError::Full(order) | TrySendError::Disconnected(order) => order,
        })?;
        self.wake();
        Ok(())
    }

    /// Hands over a packet; false when the queue is full.
    pub(crate) fn forward(&self, packet: RelayedPacket) -> bool {
        let taken = self.forwarded.try_send(packet).is_ok();
        if taken {
            self.wake();
        }
        taken
    }

    /// Has a leg closed; what was ordered before is carried out first.
    pub(crate) fn close(&self, leg: LegId) {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner).push(leg);
        self.any_closing.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// The legs to be closed now.
    pub(crate) fn take_closing(&self) -> Vec<LegId> {
        if !self.any_closing.swap(false, Ordering::SeqCst) {
            return Vec::new();
        }
        std::mem::take(&mut *self.closing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the worker to close its legs and end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    /// Whether it was asked to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Legs it serves or is about to.
    pub(crate) fn legs(&self) -> usize {
        self.legs.load(Ordering::Relaxed)
    }

    /// A leg comes.
    pub(crate) fn leg_opened(&self) {
        self.legs.fetch_add(1, Ordering::Relaxed);
    }

    /// A leg went.
    pub(crate) fn leg_closed(&self) {
        self.legs.fetch_sub(1, Ordering::Relaxed);
    }

    /// The bell, for the worker's poller.
    pub(crate) const fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Says whether the worker may sleep long. It looks into its queues once more after saying yes.
    pub(crate) fn park(&self, parked: bool) {
        self.parked.store(parked, Ordering::SeqCst);
    }

    /// The worker says by when its next turn begins.
    pub(crate) fn turn_due(&self, at: Option<Timestamp>) {
        self.turn_due_us.store(at.map_or(u64::MAX, Timestamp::as_micros), Ordering::Relaxed);
    }

    /// For how long a turn has been due that did not begin: the worker hangs in the one before, or gets no time.
    pub(crate) fn standstill(&self) -> Duration {
        let late_us = self.time.now().as_micros().saturating_sub(self.turn_due_us.load(Ordering::Relaxed));
        Duration::from_micros(late_us)
    }

    fn wake(&self) {
        if self.parked.load(Ordering::SeqCst) {
            self.turn_due_us.fetch_min(self.time.now().as_micros(), Ordering::Relaxed);
            self.bell.ring();
        }
    }
}
