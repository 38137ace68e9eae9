//! A media plane without sound: it keeps orders, and takes everything that begins with `RIFF` for a file.

use super::Log;
use bytes::Bytes;
use model::sound::PlaybackId;
use model::{LegId, RecordingId};
use ports::media::{Clip, ClipId, FinishedRecording, OpenLeg, PlaneOrder};
use ports::{MediaError, MediaPlane};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) struct FakePlane {
    log: Log,
    pub(crate) played: Mutex<Vec<(PlaybackId, Vec<Arc<Clip>>)>>,
    pub(crate) recordings: Mutex<Vec<RecordingId>>,
    pub(crate) prepared: AtomicUsize,
    /// The next order panics.
    pub(crate) panic_next: AtomicBool,
    /// The next order is refused as one too many.
    pub(crate) busy_next: AtomicBool,
    /// No spool can be made a file.
    pub(crate) disk_full: AtomicBool,
}

impl FakePlane {
    pub(crate) fn new(log: Log) -> Self {
        Self {
            log,
            played: Mutex::default(),
            recordings: Mutex::default(),
            prepared: AtomicUsize::new(0),
            panic_next: AtomicBool::new(false),
            busy_next: AtomicBool::new(false),
            disk_full: AtomicBool::new(false),
        }
    }
}

#[async_trait::async_trait]
impl MediaPlane for FakePlane {
    fn open(&self, _open: OpenLeg) -> Result<SocketAddr, MediaError> {
        Err(MediaError::NoPort)
    }

    fn order(&self, _leg: LegId, order: PlaneOrder) -> Result<(), MediaError> {
        assert!(!self.panic_next.swap(false, Ordering::SeqCst), "told to panic");
        if self.busy_next.swap(false, Ordering::SeqCst) {
            return Err(MediaError::Busy);
        }
        match order {
            PlaneOrder::Play { playback, clips, .. } => {
                self.played.lock().unwrap().push((playback, clips));
                self.log.add("play");
            }
            PlaneOrder::StartRecording { recording, spool, .. } => {
                std::fs::write(spool, b"sound").unwrap();
                self.recordings.lock().unwrap().push(recording);
                self.log.add("record");
            }
            PlaneOrder::StopRecording { .. } => self.log.add("stop recording"),
            other => self.log.add(&format!("plane {other:?}")),
        }
        Ok(())
    }

    fn close(&self, _leg: LegId) {
        self.log.add("close");
    }

    async fn prepare(&self, content: Bytes) -> Result<Arc<Clip>, MediaError> {
        self.prepared.fetch_add(1, Ordering::SeqCst);
        if !content.starts_with(b"RIFF") {
            return Err(MediaError::NotSound("the file is no sound: neither wav nor mp3".into()));
        }
        Ok(Arc::new(Clip { id: ClipId([1; 16]), rate_hz: 8_000, samples: vec![0; 8_000].into() }))
    }

    async fn finish_recording(&self, spool: PathBuf, file: PathBuf) -> Result<FinishedRecording, MediaError> {
        if self.disk_full.load(Ordering::SeqCst) {
            return Err(MediaError::Recording("the disk is full".into()));
        }
        let content = std::fs::read(&spool).map_err(|error| MediaError::Recording(error.to_string()))?;
        std::fs::write(file, &content).unwrap();
        std::fs::remove_file(spool).unwrap();
        Ok(FinishedRecording { duration_ms: 1_500, bytes: content.len() as u64 })
    }

    async fn encode_mp3(&self, wav: PathBuf, mp3: PathBuf) -> Result<u64, MediaError> {
        self.log.add("encode");
        tokio::task::yield_now().await;
        std::fs::write(mp3, [b"mp3 of ".to_vec(), std::fs::read(wav).unwrap()].concat()).unwrap();
        Ok(12)
    }
}
