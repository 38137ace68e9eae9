//! The background's part: recordings whose flow wants them written down become transcriptions, unfinished ones are worked
//! off, finished ones are told.

use crate::actor::recording_key;
use crate::core::Core;
use audio::pcm::read_pcm;
use model::flow::Say;
use model::recording::{Recording, RecordingStatus};
use model::speech::Transcript;
use model::timeline::TimelineKind;
use model::transcription::{Transcription, TranscriptionStatus};
use model::{AppId, TranscriptionId};
use ports::speech::{SpokenSound, SttRequest};
use ports::{BlobError, StoreError, SttError};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Most transcriptions at once.
const AT_ONCE_MAX: usize = 2;
/// Most rows looked at in one go.
const ROWS: u32 = 64;
/// Largest file: two hours of two channels at 8 kHz.
const FILE_BYTES_MAX: u64 = 2 * 3_600 * 8_000 * 2 * 2 + 4_096;
/// How long is waited for a call that still runs to be told, and after a store that failed.
const AGAIN: Duration = Duration::from_secs(2);
/// How often is looked when nothing is known to be due.
const LOOK: Duration = Duration::from_secs(60);
/// How often, and how long apart, an engine that has too much to do is asked.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Works until the engine stops.
pub(super) async fn run(core: Arc<Core>) {
    let mut stopping = core.stopping();
    let mut tasks: JoinSet<TranscriptionId> = JoinSet::new();
    let mut under_way = BTreeSet::new();
    loop {
        let settled = look(&core, &mut tasks, &mut under_way).await.inspect_err(|error| {
            tracing::warn!(%error, "transcriptions wait for the store");
        });
        let wait = if settled.unwrap_or(false) { LOOK } else { AGAIN };
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            Some(done) = tasks.join_next() => {
                match done {
                    Ok(id) => { under_way.remove(&id); }
                    // One that panicked is not begun again before the next start.
                    Err(error) => tracing::error!(%error, "a transcription was given up"),
                }
            }
            () = core.transcription_wake.notified() => {}
            () = sleep(wait) => {}
        }
    }
}

/// Begins what is due and tells what is done. False: something is to be looked at again soon.
async fn look(
    core: &Arc<Core>,
    tasks: &mut JoinSet<TranscriptionId>,
    under_way: &mut BTreeSet<TranscriptionId>,
) -> Result<bool, StoreError> {
    for (recording, transcription) in wanted(core).await? {
        match core.store.create_transcription(&transcription).await {
            Err(StoreError::Conflict(why)) => {
                tracing::debug!(%recording, why, "a recording waits to be written down");
            }
            other => other?,
        }
    }
    let free = AT_ONCE_MAX.saturating_sub(tasks.len());
    let due = core.store.unfinished_transcriptions(ROWS).await?;
    let fresh: Vec<Transcription> =
        due.into_iter().filter(|due| !under_way.contains(&due.id)).take(free).collect();
    for transcription in fresh {
        under_way.insert(transcription.id);
        tasks.spawn(work(core.clone(), transcription));
    }
    let mut all_told = true;
    for done in core.store.untold_transcriptions(ROWS).await? {
        if core.store.tell_transcription(done.id, core.now()).await? {
            core.events_written(done.call);
        } else {
            all_told = false;
        }
    }
    Ok(all_told)
}

/// Transcriptions to be, of recordings whose flow wants them.
async fn wanted(core: &Core) -> Result<Vec<(model::RecordingId, Transcription)>, StoreError> {
    let recordings = core.store.recordings_to_transcribe(ROWS).await?;
    let now = core.now();
    let of = |(recording, mode): (Recording, _)| {
        let transcription = Transcription {
            id: core.with_ids(|ids| TranscriptionId::generate(ids, now)),
            recording: recording.id,
            call: recording.call,
            app: recording.app,
            mode,
            stereo: recording.is_stereo(),
            locale: recording.transcribe_locale.unwrap_or_else(|| Say::LOCALE.to_owned()),
            status: TranscriptionStatus::Accepted,
            confidence: None,
            failure: None,
            created_at: now,
            updated_at: now,
        };
        (recording.id, transcription)
    };
    Ok(recordings.into_iter().map(of).collect())
}

/// Works one off. Whatever happens to the store is tried again at the next start.
async fn work(core: Arc<Core>, mut transcription: Transcription) -> TranscriptionId {
    let id = transcription.id;
    transcription.status = TranscriptionStatus::Ongoing;
    if !keep(&core, &mut transcription, None).await {
        return id;
    }
    let begun = core.now();
    let words = match understand(&core, &mut transcription).await {
        Ok(words) if words.segments.is_empty() => {
            transcription.status = TranscriptionStatus::Absent;
            transcription.failure = Some("nobody speaks in the recording".to_owned());
            None
        }
        Ok(words) => {
            transcription.status = TranscriptionStatus::Available;
            transcription.confidence = words.confidence();
            Some(words)
        }
        Err((status, reason)) => {
            transcription.status = status;
            transcription.failure = Some(reason);
            None
        }
    };
    let took_ms = core.now().since(begun).as_millis();
    if keep(&core, &mut transcription, words.as_ref()).await {
        let status = transcription.status.as_str();
        let detail = json!({
            "transcriptionId": id.to_string(),
            "recordingId": transcription.recording.to_string(),
            "status": status,
            "utterances": words.as_ref().map(|words| words.segments.len()),
            "confidence": transcription.confidence,
            "reason": transcription.failure,
            "tookMs": took_ms,
        });
        core.note(transcription.call, TimelineKind::Speech, format!("transcription {status}"), detail);
        core.transcription_wake.notify_one();
    }
    id
}

/// False: it was deleted meanwhile, or the store does not take it.
async fn keep(core: &Core, transcription: &mut Transcription, words: Option<&Transcript>) -> bool {
    transcription.updated_at = core.now();
    let kept = core.store.update_transcription(transcription, words).await;
    if let Err(error) = &kept
        && *error != StoreError::NotFound
    {
        tracing::warn!(%error, "a transcription could not be kept");
    }
    kept.is_ok()
}

type Verdict<T> = Result<T, (TranscriptionStatus, String)>;

async fn understand(core: &Core, transcription: &mut Transcription) -> Verdict<Transcript> {
    let path = file(core, transcription).await?;
    let read = tokio::task::spawn_blocking(move || sound(&path)).await;
    let sound = read.map_err(|error| failed(error.to_string()))??;
    transcription.stereo = sound.channels > 1;
    let locale = transcription.locale.clone();
    let request = SttRequest { sound, locale, hints: Vec::new(), single: false };
    for _ in 0..TRIES {
        match core.stt.transcribe(&request).await {
            Err(SttError::Busy) => sleep(TRY_AGAIN).await,
            understood => return understood.map_err(|error| failed(error.to_string())),
        }
    }
    Err(failed(SttError::Busy.to_string()))
}

/// Where the recording's file lies.
async fn file(core: &Core, transcription: &Transcription) -> Verdict<PathBuf> {
    let gone = || (TranscriptionStatus::Absent, "the recording's sound is gone".to_owned());
    let found = core.store.recording(transcription.recording).await;
    let recording = found.map_err(|error| failed(error.to_string()))?.filter(owned_by(transcription.app));
    let Some(recording) = recording.filter(|recording| recording.status == RecordingStatus::Completed) else {
        return Err(gone());
    };
    core.blob.path(&recording_key(recording.id)).await.map_err(|error| match error {
        BlobError::NotFound => gone(),
        BlobError::Unavailable(reason) => failed(reason),
    })
}

fn owned_by(app: AppId) -> impl Fn(&Recording) -> bool {
    move |recording| recording.app == app
}

/// Reads a file's samples. Blocks.
fn sound(path: &std::path::Path) -> Verdict<SpokenSound> {
    let unreadable = |error: std::io::Error| failed(format!("the recording cannot be read: {error}"));
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(failed("the recording is longer than two hours".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let pcm = read_pcm(std::io::BufReader::new(file)).map_err(|error| failed(error.to_string()))?;
    let channels = u8::try_from(pcm.channels).ok().filter(|channels| (1..=2).contains(channels));
    let channels = channels.ok_or_else(|| failed("the recording has more than two channels".to_owned()))?;
    Ok(SpokenSound { rate_hz: pcm.rate_hz, channels, samples: pcm.samples.into() })
}

const fn failed(reason: String) -> (TranscriptionStatus, String) {
    (TranscriptionStatus::Failed, reason)
}
