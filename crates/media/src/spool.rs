//! Recordings on their way to the disk: one writer thread behind a bounded queue appends samples to spool files,
//! and a board says which spools are open, closed or failed. Knows no call; no tick ever waits for it.

use crate::config::StartError;
use crate::leg::recorder::{Recorder, SpoolTape, Tape};
use audio::wav::{SpoolCodec, SpoolHeader};
use model::sound::RecordSource;
use model::{RecordingId, Timestamp};
use ports::MediaError;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Bytes of a chunk: 240 ms of 16-bit samples at 8 kHz, 120 ms of two channels.
pub(crate) const CHUNK_BYTES: usize = 3_840;
/// Chunks of one recording and channel: how long a disk may stand still, about two seconds.
const CHUNKS: usize = 8;
/// Most channels of a recording.
const CHANNELS_MAX: usize = 2;
/// Messages in the writer's queue for one recording: its chunks, its beginning, its end, the end by failure and that
/// it is withdrawn.
const MESSAGES: usize = CHUNKS * CHANNELS_MAX + 4;
/// How long the end of a recording is waited for; the tick orders it within 20 ms.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Samples on their way to a spool.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: [u8; CHUNK_BYTES],
    len: usize,
}

impl Chunk {
    /// Room for [`CHUNK_BYTES`].
    pub(crate) fn empty() -> Box<Self> {
        Box::new(Self { bytes: [0; CHUNK_BYTES], len: 0 })
    }

    /// Bytes in it.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// What was added.
    pub(crate) fn samples(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Adds 20 ms of one or two channels, little-endian; a chunk holds a whole number of them.
    pub(crate) fn push(&mut self, pcm: &[i16]) {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        for (to, sample) in room.chunks_exact_mut(2).zip(pcm) {
            to.copy_from_slice(&sample.to_le_bytes());
        }
        self.len = (self.len + pcm.len() * 2).min(CHUNK_BYTES);
    }
}

/// What the writer is told.
#[derive(Debug)]
pub(crate) enum SpoolMessage {
    /// A file begins.
    Begin(Box<Beginning>),
    /// It goes on.
    Data {
        /// Which one.
        spool: u64,
        /// The samples.
        chunk: Box<Chunk>,
    },
    /// It ends.
    End {
        /// Which one.
        spool: u64,
        /// Why it holds less than it should.
        failure: Option<&'static str>,
    },
    /// A file that ended is not wanted.
    Discard(PathBuf),
}

/// A spool about to be written.
#[derive(Debug)]
pub(crate) struct Beginning {
    spool: u64,
    path: PathBuf,
    channels: u8,
    started_at: Timestamp,
    state: watch::Sender<SpoolState>,
    spares: SyncSender<Box<Chunk>>,
}

/// How a spool stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SpoolState {
    /// It is being written.
    Open,
    /// All of it is in the file.
    Closed,
    /// Something is missing, and why.
    Failed(String),
}

/// Starts recordings and knows how they stand.
#[derive(Debug)]
pub(crate) struct Spools {
    writer: SyncSender<SpoolMessage>,
    board: Mutex<HashMap<PathBuf, watch::Receiver<SpoolState>>>,
    open: Arc<AtomicUsize>,
    open_max: usize,
    next: AtomicU64,
}

impl Spools {
    /// Starts the writer for at most `recordings_max` recordings at once. It ends when the last recording and
    /// this are gone.
    pub(crate) fn start(recordings_max: usize) -> Result<Self, StartError> {
        let (writer, messages) = sync_channel(recordings_max.max(1).saturating_mul(MESSAGES));
        let open = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&open);
        std::thread::Builder::new()
            .name("media-spool".to_owned())
            .spawn(move || write_spools(&messages, &counted))
            .map_err(|error| StartError::System {
                what: "the recorder's thread",
                reason: error.to_string(),
            })?;
        let board = Mutex::default();
        Ok(Self { writer, board, open, open_max: recordings_max, next: AtomicU64::new(0) })
    }

    /// Has the spool file made, and makes the recorder that fills it. A file that cannot be made is a failed
    /// spool.
    pub(crate) fn begin(
        &self,
        recording: RecordingId,
        source: RecordSource,
        path: PathBuf,
        started_at: Timestamp,
    ) -> Result<Recorder, MediaError> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.open_max {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(MediaError::Recording(format!("{} recordings are running already", self.open_max)));
        }
        let (state, watched) = watch::channel(SpoolState::Open);
        let chunks = CHUNKS * usize::from(source.channels());
        let (spares, empty) = sync_channel(chunks);
        for _ in 0..chunks {
            let _ = spares.try_send(Chunk::empty());
        }
        let spool = self.next.fetch_add(1, Ordering::Relaxed);
        let beginning =
            Beginning { spool, path: path.clone(), channels: source.channels(), started_at, state, spares };
        if self.writer.try_send(SpoolMessage::Begin(Box::new(beginning))).is_err() {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(MediaError::Recording("the recorder has too much to write".to_owned()));
        }
        self.announce(path, watched);
        let tape = SpoolTape::new(spool, self.writer.clone(), empty);
        Ok(Recorder::new(recording, source, Tape::Spool(tape)))
    }

    /// Takes back a spool whose recorder was dropped before it recorded: no file stays.
    pub(crate) fn withdraw(&self, path: PathBuf) {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).remove(&path);
        // Where there is no room, an empty file stays.
        let _ = self.writer.try_send(SpoolMessage::Discard(path));
    }

    /// Recordings that are being written.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn announce(&self, path: PathBuf, watched: watch::Receiver<SpoolState>) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        if board.len() >= self.open_max.saturating_mul(2) {
            // What nobody asked for in all that time, nobody will.
            board.retain(|_, state| *state.borrow() == SpoolState::Open);
        }
        board.insert(path, watched);
    }

    /// Waits until a spool is closed. One that was never begun here is what a crash left, and closed.
    pub(crate) async fn closed(&self, path: &Path) -> Result<(), MediaError> {
        let watched = self.board.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let Some(mut watched) = watched else { return Ok(()) };
        let settled = watched.wait_for(|state| *state != SpoolState::Open);
        let state = match tokio::time::timeout(CLOSE_TIMEOUT, settled).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) => SpoolState::Failed("the recorder has ended".to_owned()),
            Err(_) => return Err(MediaError::Recording("the recording was not stopped".to_owned())),
        };
        self.board.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        match state {
            SpoolState::Failed(reason) => Err(MediaError::Recording(reason)),
            SpoolState::Open | SpoolState::Closed => Ok(()),
        }
    }
}

fn create_spool(path: &Path, channels: u8, started_at: Timestamp) -> std::io::Result<File> {
    let header = SpoolHeader {
        codec: SpoolCodec::Pcm16,
        rate_hz: crate::leg::frame::NARROW_HZ,
        channels,
        started_at_us: started_at.as_micros(),
    };
    let mut file = File::create(path)?;
    file.write_all(&header.encode())?;
    Ok(file)
}

/// A spool as the writer has it.
struct Spool {
    file: Option<File>,
    state: watch::Sender<SpoolState>,
    spares: SyncSender<Box<Chunk>>,
    failure: Option<String>,
}

fn write_spools(messages: &Receiver<SpoolMessage>, open: &AtomicUsize) {
    let mut spools: HashMap<u64, Spool> = HashMap::new();
    while let Ok(message) = messages.recv() {
        match message {
            SpoolMessage::Begin(beginning) => {
                spools.insert(beginning.spool, Spool::begin(*beginning));
            }
            SpoolMessage::Data { spool, chunk } => {
                if let Some(spool) = spools.get_mut(&spool) {
                    spool.append(chunk);
                }
            }
            SpoolMessage::End { spool, failure } => {
                if let Some(spool) = spools.remove(&spool) {
                    spool.close(failure);
                    open.fetch_sub(1, Ordering::Relaxed);
                }
            }
            SpoolMessage::Discard(path) => {
                // It may never have been made.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

impl Spool {
    fn begin(beginning: Beginning) -> Self {
        let Beginning { path, channels, started_at, state, spares, .. } = beginning;
        let (file, failure) = match create_spool(&path, channels, started_at) {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(format!("cannot write {}: {error}", path.display()))),
        };
        Self { file, state, spares, failure }
    }

    /// The first failure ends the file: what follows a hole would be at the wrong time.
    fn append(&mut self, mut chunk: Box<Chunk>) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(chunk.samples())
        {
            self.failure = Some(format!("the spool cannot be written: {error}"));
            self.file = None;
        }
        chunk.len = 0;
        // The recorder may have ended, and its chunks with it.
        let _ = self.spares.try_send(chunk);
    }

    fn close(self, failure: Option<&'static str>) {
        let failure = self.failure.or_else(|| failure.map(str::to_owned));
        self.state.send_replace(failure.map_or(SpoolState::Closed, SpoolState::Failed));
    }
}
