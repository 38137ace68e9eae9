//! Transcriptions of recordings as this door shows them.

use super::ids;
use model::Timestamp;
use model::transcription::Transcription;
use serde::Serialize;

/// A transcription. Its words are not in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TranscriptionView {
    id: String,
    recording_id: String,
    call_id: String,
    status: &'static str,
    locale: String,
    stereo: bool,
    confidence: Option<f32>,
    reason: Option<String>,
    created_at: String,
    completed_at: Option<String>,
}

impl TranscriptionView {
    pub(crate) fn new(transcription: &Transcription) -> Self {
        let Transcription { id, recording, call, mode, locale, status, stereo, .. } = transcription;
        let done = status.is_final().then_some(transcription.updated_at);
        Self {
            id: ids::transcription(*id, *mode),
            recording_id: ids::recording(*recording, *mode),
            call_id: ids::call_of(*call, *mode),
            status: status.as_str(),
            locale: locale.clone(),
            stereo: *stereo,
            confidence: transcription.confidence,
            reason: transcription.failure.clone(),
            created_at: transcription.created_at.to_rfc3339_millis(),
            completed_at: done.map(Timestamp::to_rfc3339_millis),
        }
    }
}
