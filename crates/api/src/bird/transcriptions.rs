//! Transcriptions of recordings (contract §2.9): asked for, listed, read as an object or as words, removed.

use super::Door;
use super::page::{PageAsk, PageView};
use super::scope::{id, workspace};
use super::time::time;
use crate::http::ask::{Ask, PathId, PathIds, answer, response};
use crate::http::query::Query;
use crate::http::refusal::{Faults, Refusal};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::fault::{Fault, FaultCode};
use model::flow::Say;
use model::speech::Transcript;
use model::transcription::{Transcription, TranscriptionStatus};
use model::{RecordingId, TranscriptionId};
use serde::Serialize;
use story::transcript;

/// Transcriptions of one page, and how many where nothing is said.
const LIMITS: std::ops::RangeInclusive<u32> = 1..=99;
const LIMIT: u32 = 10;
/// Longest locale, in characters (RFC 5646 §4.4.1).
const LOCALE_CHARS: std::ops::RangeInclusive<usize> = 2..=35;
/// Longest id that is taken and kept nowhere.
const ID_CHARS: std::ops::RangeInclusive<usize> = 0..=64;

/// A form of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Srt,
    Vtt,
    Txt,
}

const FORMS: &[(&str, Form)] =
    &[("json", Form::Json), ("srt", Form::Srt), ("vtt", Form::Vtt), ("txt", Form::Txt)];

/// The object of the contract. Unset fields are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TranscriptionView {
    id: String,
    recording_id: String,
    status: &'static str,
    stereo: bool,
    locale: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    created_at: String,
    updated_at: String,
}

impl TranscriptionView {
    pub(crate) fn new(transcription: &Transcription) -> Self {
        let Transcription { id, app, recording, status, stereo, locale, .. } = transcription;
        let there = *status == TranscriptionStatus::Available;
        Self {
            id: id.to_string(),
            recording_id: recording.to_string(),
            status: status.as_str(),
            stereo: *stereo,
            locale: locale.clone(),
            url: there.then(|| format!("/workspaces/{app}/transcriptions/{id}.json")),
            created_at: time(transcription.created_at),
            updated_at: time(transcription.updated_at),
        }
    }
}

/// `POST /workspaces/{workspaceId}/recordings/{recordingId}/transcriptions`.
pub(crate) async fn create(
    State(door): State<Door>,
    PathIds((workspace_id, recording)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    workspace(ask.who(), &workspace_id)?;
    let recording: RecordingId = id(&recording)?;
    let mut faults = Faults::default();
    let mut fields = ask.fields()?;
    let locale = faults.keep(fields.text("locale", LOCALE_CHARS));
    for name in ["messageId", "conversationId"] {
        // Taken, because clients send them; there is nothing here that they could mean.
        faults.keep(fields.text(name, ID_CHARS));
    }
    if let Some(named) = faults.keep(fields.text("recordingId", ID_CHARS))
        && id::<RecordingId>(&named) != Ok(recording)
    {
        let message = "recordingId names another recording than the path";
        faults.push(Fault::field(FaultCode::InvalidField, "recordingId", message));
    }
    faults.extend(fields.unknown());
    faults.check()?;
    let locale = locale.unwrap_or_else(|| Say::LOCALE.to_owned());
    let render = |made: &Transcription| response(StatusCode::ACCEPTED, &TranscriptionView::new(made));
    let made = door.engine.transcribe(ask.who(), recording, locale, ask.idempotency()?, &render).await?;
    Ok(answer(made))
}

/// `GET /workspaces/{workspaceId}/transcriptions`.
pub(crate) async fn list(
    State(door): State<Door>,
    PathId(workspace_id): PathId,
    ask: Ask,
) -> Result<Response, Refusal> {
    workspace(ask.who(), &workspace_id)?;
    let mut faults = Faults::default();
    let mut query = ask.query()?;
    let page = PageAsk::take(&mut query, LIMITS, LIMIT, &mut faults);
    faults.of(query.finish());
    faults.check()?;
    let (found, next) = door.engine.transcriptions(ask.who(), page.after, page.limit).await?;
    let results = found.iter().map(TranscriptionView::new).collect();
    Ok(Json(PageView::new(results, next)).into_response())
}

/// `GET /workspaces/{workspaceId}/transcriptions/{id}`: the object; with an ending or `format`, the words.
pub(crate) async fn get(
    State(door): State<Door>,
    PathIds((workspace_id, named)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    workspace(ask.who(), &workspace_id)?;
    let (id, ending) = read_name(&named)?;
    let mut query: Query = ask.query()?;
    let format = query.choice("format", FORMS)?;
    query.finish()?;
    match ending.or(format) {
        Some(form) => {
            let (_, words) = door.engine.transcript(ask.who(), id).await?;
            Ok(written(&words, form))
        }
        None => {
            let found = door.engine.transcription(ask.who(), id).await?;
            Ok(Json(TranscriptionView::new(&found)).into_response())
        }
    }
}

/// `DELETE /workspaces/{workspaceId}/transcriptions/{id}`.
pub(crate) async fn remove(
    State(door): State<Door>,
    PathIds((workspace_id, transcription)): PathIds<(String, String)>,
    ask: Ask,
) -> Result<Response, Refusal> {
    workspace(ask.who(), &workspace_id)?;
    door.engine.delete_transcription(ask.who(), id(&transcription)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An id, with or without the ending of a form.
fn read_name(named: &str) -> Result<(TranscriptionId, Option<Form>), Fault> {
    let Some((bare, ending)) = named.split_once('.') else { return Ok((id(named)?, None)) };
    let form = FORMS.iter().find(|(name, _)| *name == ending).map(|(_, form)| *form);
    Ok((id(bare)?, Some(form.ok_or_else(|| Fault::new(FaultCode::NotFound))?)))
}

fn written(words: &Transcript, form: Form) -> Response {
    let (content_type, body) = match form {
        Form::Json => ("application/json", transcript::to_json(words).to_string()),
        Form::Srt => ("application/x-subrip; charset=utf-8", transcript::to_srt(words)),
        Form::Vtt => ("text/vtt; charset=utf-8", transcript::to_vtt(words)),
        Form::Txt => ("text/plain; charset=utf-8", transcript::to_txt(words)),
    };
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_names_the_form() {
        let bare = "01890000-0000-7000-8000-000000000009";
        let check = |named: &str, wanted: Option<Option<Form>>| {
            assert_eq!(read_name(named).ok().map(|(_, form)| form), wanted, "{named}");
        };
        check(bare, Some(None));
        check(&format!("{bare}.srt"), Some(Some(Form::Srt)));
        check(&format!("{bare}.mp3"), None);
        check(&format!("{bare}."), None);
        check("x.json", None);
    }
}
