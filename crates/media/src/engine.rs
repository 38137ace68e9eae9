//! The engine as the rest of the program sees it.

use crate::config::{MediaConfig, StartError};
use model::LegId;
use ports::media::{Clip, FinishedRecording, OpenLeg, PlaneOrder};
use ports::{Clock, MediaError, MediaPlane};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The sound of all legs of this process.
pub struct MediaEngine {
    _config: MediaConfig,
    _clock: Arc<dyn Clock>,
}

impl MediaEngine {
    /// Starts the worker threads, the pool and the recorder's writer.
    pub fn start(config: MediaConfig, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StartError> {
        Ok(Arc::new(Self { _config: config, _clock: clock }))
    }
}

#[async_trait::async_trait]
impl MediaPlane for MediaEngine {
    fn open(&self, _open: OpenLeg) -> Result<SocketAddr, MediaError> {
        Err(MediaError::NoPort)
    }

    fn order(&self, _leg: LegId, _order: PlaneOrder) -> Result<(), MediaError> {
        Err(MediaError::UnknownLeg)
    }

    fn close(&self, _leg: LegId) {}

    async fn prepare(&self, _content: bytes::Bytes) -> Result<Arc<Clip>, MediaError> {
        Err(MediaError::NotSound(String::new()))
    }

    async fn finish_recording(
        &self,
        _spool: PathBuf,
        _file: PathBuf,
    ) -> Result<FinishedRecording, MediaError> {
        Err(MediaError::Recording(String::new()))
    }
}
