//! What each side of a test call heard, as the sandbox kept it.

use crate::actor::measure_wav;
use crate::engine::Engine;
use model::CallId;
use model::fault::{Fault, FaultCode};
use model::tenant::Principal;
use ports::Party;
use std::path::PathBuf;

/// The sound that a side heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardSound {
    /// Which side.
    pub party: Party,
    /// Its length.
    pub duration_ms: u32,
    /// The file's size.
    pub bytes: u64,
}

impl Engine {
    /// What the sides of a call heard, as far as it is kept: test calls that have ended.
    pub async fn heard(&self, who: Principal, call: CallId) -> Result<Vec<HeardSound>, Fault> {
        self.call(who, call).await?;
        let mut sounds = Vec::new();
        for party in Party::ALL {
            let Some(path) = self.heard_path(call, party) else { continue };
            if let Ok((duration_ms, bytes)) = measure_wav(&path).await {
                sounds.push(HeardSound { party, duration_ms, bytes });
            }
        }
        Ok(sounds)
    }

    /// Where the sound that a side heard lies.
    pub async fn heard_file(&self, who: Principal, call: CallId, party: Party) -> Result<PathBuf, Fault> {
        self.call(who, call).await?;
        let path = self.heard_path(call, party).filter(|path| path.is_file());
        path.ok_or_else(|| Fault::new(FaultCode::NotFound))
    }

    fn heard_path(&self, call: CallId, party: Party) -> Option<PathBuf> {
        let dir = self.core.config.heard_dir.as_ref()?;
        Some(party.heard_file(dir, call))
    }
}
