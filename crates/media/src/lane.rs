//! One leg as those who order it see it: its orders reach the worker in the order they were given, even where one of
//! them must first be made ready by the pool.

use crate::leg::listener::Listeners;
use crate::leg::player::Player;
use crate::pool::Pool;
use crate::prompts::{EncodedClip, PromptCache};
use crate::spool::Spools;
use crate::worker::order::{LegOrder, WorkerDoor, WorkerOrder};
use model::sound::{Codec, MediaFact, PlaybackId};
use model::{LegId, RecordingId};
use ports::media::{Clip, MediaAbilities, PlaneOrder};
use ports::{Clock, LegSink, MediaError};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the engine can do.
pub(crate) const ABILITIES: MediaAbilities =
    MediaAbilities { codecs: &Codec::ALL, srtp: true, comfort_noise: true };
/// Most orders that wait for one to be made ready.
const WAITING_MAX: usize = 64;
/// Most recordings of one leg at once.
const RECORDINGS_MAX: usize = 4;
/// How often, and how long apart, the pool tries to hand an order to a busy worker.
const TRIES: usize = 50;
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// What it takes to make orders ready.
pub(crate) struct Tools {
    /// The workers.
    pub(crate) doors: Arc<[WorkerDoor]>,
    /// Encoded prompts.
    pub(crate) prompts: PromptCache,
    /// Recordings.
    pub(crate) spools: Spools,
    /// Room for what is listened for.
    pub(crate) listeners: Listeners,
    /// Threads for encoding.
    pub(crate) pool: Pool,
    /// When recordings begin.
    pub(crate) clock: Arc<dyn Clock>,
}

/// A leg from outside.
pub(crate) struct Lane {
    leg: LegId,
    worker: usize,
    sink: Arc<dyn LegSink>,
    queue: Mutex<Queue>,
}

struct Queue {
    /// Of the codec that was ordered last.
    codec: Codec,
    /// Whether the pool is at work for this leg; then orders wait.
    encoding: bool,
    waiting: VecDeque<Step>,
    recordings: Vec<RecordingId>,
}

/// An order that can be carried out, or a playback whose prompts must first be encoded.
enum Step {
    Ready(LegOrder),
    Encode(Score),
}

/// What the lane remembers of an order, once it is taken.
enum Memory {
    Codec(Codec),
    Begun { recording: RecordingId, spool: PathBuf },
    Ended(RecordingId),
}

/// A playback as it was ordered.
struct Score {
    playback: PlaybackId,
    clips: Vec<Arc<Clip>>,
    times: u16,
    gap_ms: u32,
    codec: Codec,
}

impl Lane {
    /// The lane of a leg that `worker` serves.
    pub(crate) fn new(leg: LegId, worker: usize, sink: Arc<dyn LegSink>) -> Self {
        let queue =
            Queue { codec: Codec::Pcmu, encoding: false, waiting: VecDeque::new(), recordings: Vec::new() };
        Self { leg, worker, sink, queue: Mutex::new(queue) }
    }

    /// Which leg it is.
    pub(crate) const fn leg(&self) -> LegId {
        self.leg
    }

    /// The number of its worker.
    pub(crate) const fn worker(&self) -> usize {
        self.worker
    }

    /// The codec that was agreed last.
    pub(crate) fn codec(&self) -> Codec {
        self.lock().codec
    }

    /// Has the leg closed. Needs no room in any queue.
    pub(crate) fn close(&self, tools: &Tools) {
        if let Some(door) = tools.doors.get(self.worker) {
            door.close(self.leg);
        }
    }

    /// Takes an order of the plane; bridging is not a matter of one leg and comes through [`Self::hand_over`].
    pub(crate) fn order(self: &Arc<Self>, order: PlaneOrder, tools: &Arc<Tools>) -> Result<(), MediaError> {
        let mut queue = self.lock();
        let memory = Memory::of(&order);
        let step = queue.make_step(order, tools)?;
        let taken = self.take(&mut queue, step, tools);
        match memory {
            Some(memory) if taken.is_ok() => queue.remember(&memory),
            Some(Memory::Begun { spool, .. }) => tools.spools.withdraw(spool),
            _ => {}
        }
        taken
    }

    /// Takes an order that is ready.
    pub(crate) fn hand_over(self: &Arc<Self>, order: LegOrder, tools: &Arc<Tools>) -> Result<(), MediaError> {
        let mut queue = self.lock();
        self.take(&mut queue, Step::Ready(order), tools)
    }

    /// Has the leg relay no longer. Needs no room in any queue: a worker that is busy for a moment hears of it from
    /// the pool, and what is ordered meanwhile comes after it.
    pub(crate) fn end_relay(self: &Arc<Self>, tools: &Arc<Tools>) {
        let mut queue = self.lock();
        if queue.encoding {
            if !matches!(queue.waiting.back(), Some(Step::Ready(LegOrder::Relay(None)))) {
                queue.waiting.push_back(Step::Ready(LegOrder::Relay(None)));
            }
        } else if self.send(LegOrder::Relay(None), tools).is_err()
            && self.begin_work(&mut queue, Step::Ready(LegOrder::Relay(None)), tools).is_err()
        {
            tracing::error!(leg = ?self.leg, "worker and pool are busy; the leg goes on relaying");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, queue: &mut Queue, step: Step, tools: &Arc<Tools>) -> Result<(), MediaError> {
        if queue.encoding {
            if queue.waiting.len() >= WAITING_MAX {
                return Err(MediaError::Busy);
            }
            queue.waiting.push_back(step);
            return Ok(());
        }
        match step {
            Step::Ready(order) => self.send(order, tools),
            Step::Encode(_) => self.begin_work(queue, step, tools),
        }
    }

    fn begin_work(
        self: &Arc<Self>,
        queue: &mut Queue,
        step: Step,
        tools: &Arc<Tools>,
    ) -> Result<(), MediaError> {
        let (lane, pool_tools) = (Arc::clone(self), Arc::clone(tools));
        tools.pool.submit(move || lane.work(step, &pool_tools)).map_err(|_| MediaError::Busy)?;
        queue.encoding = true;
        Ok(())
    }

    fn send(&self, order: LegOrder, tools: &Tools) -> Result<(), MediaError> {
        let door = tools.doors.get(self.worker).ok_or(MediaError::UnknownLeg)?;
        door.order(WorkerOrder::Leg(self.leg, order))
    }

    /// The pool's part: encodes, sends, and goes on with what waited meanwhile.
    fn work(&self, first: Step, tools: &Tools) {
        let mut next = Some(first);
        while let Some(step) = next {
            match step {
                Step::Ready(order) => self.insist(order, tools),
                Step::Encode(score) => self.encode(&score, tools),
            }
            let mut queue = self.lock();
            next = queue.waiting.pop_front();
            queue.encoding = next.is_some();
        }
    }

    fn encode(&self, score: &Score, tools: &Tools) {
        let encoded = score.clips.iter().map(|clip| tools.prompts.encode(clip, score.codec));
        match encoded.collect::<Result<Box<[EncodedClip]>, MediaError>>() {
            Ok(clips) => self.insist(score.play(clips), tools),
            Err(error) => {
                tracing::warn!(leg = ?self.leg, %error, "a prompt cannot be encoded");
                self.not_played(score.playback);
            }
        }
    }

    /// Whoever ordered was told that it will be done; a worker that is busy for a moment must not undo that.
    fn insist(&self, order: LegOrder, tools: &Tools) {
        let playback = order.playback();
        if tools.insist(self.worker, WorkerOrder::Leg(self.leg, order)) {
            return;
        }
        tracing::error!(leg = ?self.leg, "a media worker takes no orders; one is lost");
        if let Some(playback) = playback {
            self.not_played(playback);
        }
    }

    fn not_played(&self, playback: PlaybackId) {
        self.sink.media(self.leg, MediaFact::PlaybackFinished { playback, played_ms: 0, completed: false });
    }
}

impl Tools {
    /// Hands an order to a worker that may be busy for a moment; false when it is lost. Sleeps: only for the pool.
    pub(crate) fn insist(&self, worker: usize, mut order: WorkerOrder) -> bool {
        let Some(door) = self.doors.get(worker) else { return false };
        for _ in 0..TRIES {
            match door.try_order(order) {
                Ok(()) => return true,
                Err(refused) => order = refused,
            }
            std::thread::sleep(TRY_AGAIN);
        }
        false
    }
}

impl Memory {
    fn of(order: &PlaneOrder) -> Option<Self> {
        match order {
            PlaneOrder::Connect(connection) => Some(Self::Codec(connection.codec)),
            PlaneOrder::StartRecording { recording, spool, .. } => {
                Some(Self::Begun { recording: *recording, spool: spool.clone() })
            }
            PlaneOrder::StopRecording { recording } => Some(Self::Ended(*recording)),
            _ => None,
        }
    }
}

impl Queue {
    fn remember(&mut self, memory: &Memory) {
        match memory {
            Memory::Codec(codec) => self.codec = *codec,
            Memory::Begun { recording, .. } => self.recordings.push(*recording),
            Memory::Ended(recording) => self.recordings.retain(|other| other != recording),
        }
    }

    /// Makes everything ready that costs no time, so that what is wrong is said at once.
    fn make_step(&self, order: PlaneOrder, tools: &Tools) -> Result<Step, MediaError> {
        Ok(Step::Ready(match order {
            PlaneOrder::Play { playback, clips, times, gap_ms } => {
                let score = Score { playback, clips, times, gap_ms, codec: self.codec };
                let Some(encoded) = score.encoded(&tools.prompts) else { return Ok(Step::Encode(score)) };
                score.play(encoded)
            }
            PlaneOrder::Listen { listen, end_silence_ms, length_ms_max } => {
                LegOrder::Listen(Box::new(tools.listeners.begin(listen, end_silence_ms, length_ms_max)?))
            }
            PlaneOrder::StartRecording { recording, source, spool } => {
                if self.recordings.len() >= RECORDINGS_MAX {
                    let reason = format!("a leg may have {RECORDINGS_MAX} recordings at once");
                    return Err(MediaError::Recording(reason));
                }
                let recorder = tools.spools.begin(recording, source, spool, tools.clock.now())?;
                LegOrder::StartRecording(Box::new(recorder))
            }
            other => LegOrder::plain(other)?,
        }))
    }
}

impl Score {
    /// The prompts, if all of them are in the cache.
    fn encoded(&self, prompts: &PromptCache) -> Option<Box<[EncodedClip]>> {
        self.clips.iter().map(|clip| prompts.get(clip.id, self.codec)).collect()
    }

    fn play(&self, clips: Box<[EncodedClip]>) -> LegOrder {
        LegOrder::Play(Box::new(Player::new(self.playback, self.codec, clips, self.times, self.gap_ms)))
    }
}
