//! From a recording's spool to its kept file, also after a crash at whatever moment.

use super::mailbox::Mailbox;
use crate::core::Core;
use model::RecordingId;
use model::recording::Recording;
use model::sound::RecordFact;
use model::timeline::TimelineKind;
use ports::BlobError;
use serde_json::json;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::fs;
use tokio::io::AsyncReadExt;

/// Bytes before the samples of a wav file as it is written here.
const WAV_HEADER_BYTES: u64 = 44;

/// Under which key a recording's file is kept.
pub(crate) fn recording_key(recording: RecordingId) -> String {
    format!("recordings/{recording}.wav")
}

/// Under which key its mp3 form is kept, once somebody asked for it.
pub(crate) fn mp3_key(recording: RecordingId) -> String {
    format!("recordings/{recording}.mp3")
}

/// Where a recording's sound gathers during the call.
pub(super) fn spool(spool_dir: &Path, recording: RecordingId) -> PathBuf {
    spool_dir.join(format!("{recording}.spool"))
}

/// Where the file lies between being made and being kept.
fn finished(spool_dir: &Path, recording: RecordingId) -> PathBuf {
    spool_dir.join(format!("{recording}.wav"))
}

/// Makes and keeps the file in the background, and tells the call.
pub(super) fn finish_later(core: &Arc<Core>, mailbox: &Mailbox, recording: RecordingId) {
    let (core, mailbox) = (core.clone(), mailbox.clone());
    tokio::spawn(async move {
        let fact = match finish(&core, recording).await {
            Ok((duration_ms, bytes)) => RecordFact::Finished { recording, duration_ms, bytes },
            Err(reason) => RecordFact::Failed { recording, reason },
        };
        mailbox.record(fact).await;
    });
}

/// Goes on from whichever step was reached: spool, finished file, kept file. Returns length (ms) and size.
async fn finish(core: &Core, recording: RecordingId) -> Result<(u32, u64), String> {
    let spool = spool(&core.config.spool_dir, recording);
    let file = finished(&core.config.spool_dir, recording);
    let key = recording_key(recording);
    if exists(&spool).await {
        let made =
            core.media.finish_recording(spool, file.clone()).await.map_err(|error| error.to_string())?;
        core.blob.keep(&key, &file).await.map_err(|error| error.to_string())?;
        return Ok((made.duration_ms, made.bytes));
    }
    if exists(&file).await {
        core.blob.keep(&key, &file).await.map_err(|error| error.to_string())?;
    }
    match core.blob.path(&key).await {
        Ok(path) => measure_wav(&path).await.map_err(|error| error.to_string()),
        Err(BlobError::NotFound) => Err("No sound was kept.".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Length and size of a file that was made before: its header says how many bytes a second has (RIFF WAVE,
/// `nAvgBytesPerSec` at byte 28).
pub(crate) async fn measure_wav(path: &Path) -> std::io::Result<(u32, u64)> {
    let bytes = fs::metadata(path).await?.len();
    let mut header = [0u8; 32];
    fs::File::open(path).await?.read_exact(&mut header).await?;
    let rate = header.last_chunk::<4>().map_or(0, |rate| u32::from_le_bytes(*rate));
    let duration_ms = bytes.saturating_sub(WAV_HEADER_BYTES).saturating_mul(1_000) / u64::from(rate.max(1));
    Ok((u32::try_from(duration_ms).unwrap_or(u32::MAX), bytes))
}

async fn exists(path: &Path) -> bool {
    fs::try_exists(path).await.unwrap_or(false)
}

/// Looks through what an earlier process left beside the recordings that are being finished (`claimed`): what has a row
/// is made a file after all, what has none is removed, for its row never became durable. Only where no other process
/// uses the directory. Returns the recordings that are to be made files.
pub(super) async fn sweep(core: &Core, claimed: &BTreeSet<RecordingId>) -> std::io::Result<Vec<Recording>> {
    let mut found = BTreeSet::new();
    let mut entries = fs::read_dir(&core.config.spool_dir).await?;
    while let Some(entry) = entries.next_entry().await? {
        let path = entry.path();
        if matches!(path.extension().and_then(OsStr::to_str), Some("mp3" | "partial")) {
            // Made again when somebody asks for it.
            fs::remove_file(&path).await?;
            continue;
        }
        let ours = matches!(path.extension().and_then(OsStr::to_str), Some("spool" | "wav"));
        let id = path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse::<RecordingId>().ok());
        found.extend(id.filter(|id| ours && !claimed.contains(id)));
    }
    let mut left = Vec::new();
    for id in found {
        match core.store.recording(id).await {
            Ok(Some(recording)) => left.push(recording),
            Ok(None) => {
                tracing::warn!(recording = %id, "a spool that belongs to no recording is removed");
                remove(&core.config.spool_dir, id).await?;
            }
            Err(error) => tracing::warn!(recording = %id, %error, "a spool is left for the next start"),
        }
    }
    Ok(left)
}

/// Removes what lies of a recording in the spool directory, if anything.
pub(crate) async fn remove(spool_dir: &Path, id: RecordingId) -> std::io::Result<()> {
    for path in [spool(spool_dir, id), finished(spool_dir, id)] {
        match fs::remove_file(path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes files of recordings whose calls have ended long since. Their rows stay as they are; the timeline says where the
/// sound lies. What cannot be made now is left for the next start.
pub(super) async fn salvage(core: Arc<Core>, left: Vec<Recording>) {
    for recording in left {
        match finish(&core, recording.id).await {
            Ok((duration_ms, bytes)) => {
                let key = recording_key(recording.id);
                let detail = json!({ "file": key, "durationMs": duration_ms, "bytes": bytes });
                let summary = "the file of a failed recording was made after all";
                core.note(recording.call, TimelineKind::Recording, summary, detail);
                tracing::info!(recording = %recording.id, file = key, "a left spool was made a file");
            }
            Err(reason) => {
                tracing::warn!(recording = %recording.id, reason, "a left spool cannot be made a file");
            }
        }
    }
}
