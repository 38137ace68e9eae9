//! The engine as the rest of the program sees it: starts the threads, opens legs, and hands everything else on.

use crate::config::{MediaConfig, StartError};
use crate::counters::PacketFigures;
use crate::directory::Directory;
use crate::finish::{encode_mp3, finish};
use crate::lane::{ABILITIES, Lane, Tools};
use crate::leg::listener::Listeners;
use crate::leg::{Equipment, Leg};
use crate::pool::Pool;
use crate::port_pool::{MediaSockets, PortFigures, PortPool};
use crate::prompts::{self, PromptCache};
use crate::random::Dice;
use crate::spool::Spools;
use crate::worker::order::{Inbox, WorkerDoor, WorkerOrder};
use crate::worker::{Time, Worker};
use model::LegId;
use model::sound::RecordSource;
use ports::media::{Clip, FinishedRecording, MediaAbilities, OpenLeg, PlaneOrder};
use ports::{Clock, MediaError, MediaPlane};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How late a worker's turn may be before it counts as standing still.
const STANDSTILL_MAX: Duration = Duration::from_secs(1);

/// The sound of all legs of this process. Dropping it closes all legs and ends its threads.
pub struct MediaEngine {
    config: MediaConfig,
    ports: Arc<PortPool>,
    dice: Mutex<Dice>,
    directory: Directory,
    tools: Arc<Tools>,
    threads: Vec<JoinHandle<()>>,
}

/// What the engine counts for its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineFigures {
    /// Legs that are open.
    pub legs: usize,
    /// Phases of a millisecond, with legs in them, that were left out because a worker was late.
    pub skipped_phases: u64,
    /// Relayed packets that were dropped because another worker's queue was full.
    pub forward_drops: u64,
    /// Orders that were refused because a worker's queue was full.
    pub orders_refused: u64,
    /// Legs in conferences.
    pub conference_members: usize,
    /// Bytes of encoded prompts that are kept.
    pub prompt_bytes: usize,
    /// Packets of all legs, as fresh as a window of figures is long.
    pub packets: PacketFigures,
    /// Ports in use and at rest; none where the kernel chooses them.
    pub ports: Option<PortFigures>,
    /// Recordings that are being written.
    pub recordings: usize,
    /// Greatest lateness of a tick since this was last asked, in microseconds; what is less than 2 ms late counts as
    /// in time.
    pub lag_max_us: u64,
}

impl MediaEngine {
    /// Starts the worker threads, the pool and the recorder's writer.
    pub fn start(config: MediaConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StartError> {
        crate::leg::frame::warm_up();
        crate::sample::describe_figures();
        let mut dice = Dice::from_system()?;
        let ports = PortPool::new(&config, &mut dice)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = if config.workers == 0 { cores } else { config.workers };
        let system = |what, error: std::io::Error| StartError::System { what, reason: error.to_string() };
        let time = Time::starting_at(clock.now());
        let (doors, inboxes): (Vec<WorkerDoor>, Vec<Inbox>) = (0..workers)
            .map(|_| WorkerDoor::new(config.orders_max, time))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| system("an event descriptor", error))?
            .into_iter()
            .unzip();
        let doors: Arc<[WorkerDoor]> = doors.into();
        let tools = Arc::new(Tools {
            doors: Arc::clone(&doors),
            prompts: PromptCache::new(config.prompt_cache_bytes_max),
            spools: Spools::start(config.recordings_max)?,
            listeners: Listeners::new(config.listeners_max),
            pool: Pool::start(config.pool_threads, config.pool_jobs_max)?,
            clock,
        });
        // From here on the engine ends what was started, should a later start fail.
        let mut engine = Self {
            ports,
            dice: Mutex::new(dice),
            directory: Directory::default(),
            tools,
            threads: Vec::with_capacity(workers),
            config,
        };
        for (number, inbox) in inboxes.into_iter().enumerate() {
            let worker = Worker::new(number, Arc::clone(&doors), inbox, time)
                .map_err(|error| system("an epoll descriptor", error))?;
            let thread = engine.spawn(number, worker).map_err(|error| system("a worker thread", error))?;
            engine.threads.push(thread);
        }
        Ok(Arc::new(engine))
    }

    /// Whether every worker runs.
    pub fn is_running(&self) -> bool {
        self.threads.iter().all(|thread| !thread.is_finished())
    }

    /// Whether every worker keeps its time: none has stood still for longer than a second.
    pub fn is_ticking(&self) -> bool {
        self.tools.doors.iter().all(|door| door.standstill() <= STANDSTILL_MAX)
    }

    /// Counts for the operator.
    pub fn figures(&self) -> EngineFigures {
        let mut figures = EngineFigures { legs: self.directory.len(), ..EngineFigures::default() };
        for door in self.tools.doors.iter() {
            figures.skipped_phases += door.counters.skipped_phases.load(Ordering::Relaxed);
            figures.orders_refused += door.counters.orders_refused.load(Ordering::Relaxed);
            figures.forward_drops += door.counters.forward_drops.load(Ordering::Relaxed);
            figures.lag_max_us = figures.lag_max_us.max(door.counters.lag_max_us.swap(0, Ordering::Relaxed));
            door.counters.add_to(&mut figures.packets);
        }
        figures.ports = self.ports.figures();
        figures.recordings = self.tools.spools.open();
        figures.conference_members = self.directory.members();
        figures.prompt_bytes = self.tools.prompts.bytes();
        figures
    }

    fn spawn(&self, number: usize, worker: Worker) -> std::io::Result<JoinHandle<()>> {
        let cores = &self.config.pin_to_cores;
        let nice = self.config.worker_nice;
        let core = number.checked_rem(cores.len()).and_then(|at| cores.get(at)).copied();
        std::thread::Builder::new().name(format!("media-{number}")).spawn(move || {
            if let Some(core) = core {
                pin(core);
            }
            // Refused without privileges; the worker then competes with everybody else.
            let _ = rustix::process::setpriority_process(None, nice);
            worker.run();
        })
    }

    /// The worker with the fewest legs.
    fn least_busy(&self) -> Option<(usize, &WorkerDoor)> {
        self.tools.doors.iter().enumerate().min_by_key(|(_, door)| door.legs())
    }

    fn equip(&self, open: &OpenLeg, door: &WorkerDoor) -> Result<Equipment<MediaSockets>, MediaError> {
        let seed = self.dice.lock().unwrap_or_else(PoisonError::into_inner).next_u64();
        Ok(Equipment {
            wire: self.ports.open(open.bind)?,
            dice: Dice::new(seed),
            report_interval: self.config.report_interval,
            figures_interval: self.config.figures_interval,
            counters: Arc::clone(&door.counters),
        })
    }

    /// Runs a job on the pool and waits for it without blocking a thread.
    async fn on_pool<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
        lost: fn(String) -> MediaError,
    ) -> Result<T, MediaError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let submitted = self.tools.pool.submit(move || {
            // Whoever asked may have gone.
            let _ = answer.send(job());
        });
        submitted.map_err(|_| MediaError::Busy)?;
        answered.await.unwrap_or_else(|_| Err(lost("the job was given up".to_owned())))
    }
}

#[async_trait::async_trait]
impl MediaPlane for MediaEngine {
    fn abilities(&self) -> MediaAbilities {
        ABILITIES
    }

    fn open(&self, open: OpenLeg) -> Result<SocketAddr, MediaError> {
        if self.directory.len() >= self.config.legs_max {
            return Err(MediaError::Busy);
        }
        let (number, door) = self.least_busy().ok_or(MediaError::Busy)?;
        let equipment = self.equip(&open, door)?;
        let (leg, local) = (open.leg, equipment.wire.local);
        let lane = Arc::new(Lane::new(leg, number, Arc::clone(&open.sink)));
        if !self.directory.enter(lane) {
            return Err(MediaError::Socket("the leg is open already".to_owned()));
        }
        door.leg_opened();
        let taken = door.order(WorkerOrder::Open(Box::new(Leg::new(open, equipment))));
        taken.map(|()| local).inspect_err(|_| {
            door.leg_closed();
            self.directory.remove(leg, &self.tools);
        })
    }

    fn order(&self, leg: LegId, order: PlaneOrder) -> Result<(), MediaError> {
        match order {
            PlaneOrder::Bridge { with } => self.directory.bridge(leg, with, &self.tools),
            PlaneOrder::Unbridge => self.directory.unbridge(leg, &self.tools),
            PlaneOrder::JoinConference { conference, muted, deaf } => {
                self.directory.join(leg, conference, (muted, deaf), &self.tools)
            }
            PlaneOrder::ChangeMember { muted, deaf } => {
                self.directory.change_member(leg, (muted, deaf), &self.tools)
            }
            PlaneOrder::RecordConference { recording, spool } => {
                self.directory.membership(leg)?;
                let now = self.tools.clock.now();
                let spools = &self.tools.spools;
                let recorder = spools.begin(recording, RecordSource::Received, spool.clone(), now)?;
                let taken = self.directory.record_conference(leg, recorder, &self.tools);
                taken.inspect_err(|_| spools.withdraw(spool))
            }
            PlaneOrder::StopConferenceRecording { recording } => {
                self.directory.stop_conference_recording(leg, recording, &self.tools)
            }
            order => self.directory.find(leg)?.order(order, &self.tools),
        }
    }

    fn close(&self, leg: LegId) {
        if let Some(lane) = self.directory.remove(leg, &self.tools) {
            lane.close(&self.tools);
        }
    }

    async fn prepare(&self, content: bytes::Bytes) -> Result<Arc<Clip>, MediaError> {
        let limits = self.config.clip_limits;
        let decode = move || prompts::read(&content, &limits);
        self.on_pool(decode, MediaError::NotSound).await
    }

    async fn finish_recording(&self, spool: PathBuf, file: PathBuf) -> Result<FinishedRecording, MediaError> {
        self.tools.spools.closed(&spool).await?;
        self.on_pool(move || finish(&spool, &file), MediaError::Recording).await
    }

    async fn encode_mp3(&self, wav: PathBuf, mp3: PathBuf) -> Result<u64, MediaError> {
        self.on_pool(move || encode_mp3(&wav, &mp3), MediaError::Recording).await
    }
}

impl Drop for MediaEngine {
    fn drop(&mut self) {
        for door in self.tools.doors.iter() {
            door.stop();
        }
        for thread in self.threads.drain(..) {
            // A worker that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

fn pin(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    if core < rustix::thread::CpuSet::MAX_CPU {
        cores.set(core);
    }
    if let Err(error) = rustix::thread::sched_setaffinity(None, &cores) {
        tracing::warn!(core, %error, "a media worker cannot be pinned to its core");
    }
}
