//! A file as an answer: the whole of it or one range (RFC 9110 §14), known again by its entity tag. Knows no recording.

use super::ask::Ask;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::fault::{Fault, FaultCode};
use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::io::ReaderStream;

/// Bytes read from a file at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All of it.
    Whole,
    /// So many bytes from a place on.
    Range { start: u64, len: u64 },
    /// Nothing that is there.
    Nowhere,
}

/// The file at `path` as `ask` wants it; `name` is what it is saved as.
pub(crate) async fn file(
    path: &Path,
    name: &str,
    media_type: &'static str,
    ask: &Ask,
) -> Result<Response, Fault> {
    let gone = |_| Fault::new(FaultCode::NotFound);
    let mut file = File::open(path).await.map_err(gone)?;
    let metadata = file.metadata().await.map_err(gone)?;
    let (whole, tag) = (metadata.len(), entity_tag(&metadata));
    let text = |name| ask.header(name).flatten();
    let mut response = if text("if-none-match").is_some_and(|tags| names(tags, &tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let fresh = text("if-range").is_none_or(|wanted| wanted == tag);
        match text("range").filter(|_| fresh).map_or(Part::Whole, |range| part(range, whole)) {
            Part::Whole => body(StatusCode::OK, file, whole),
            Part::Range { start, len } => {
                file.seek(SeekFrom::Start(start)).await.map_err(gone)?;
                let mut response = body(StatusCode::PARTIAL_CONTENT, file, len);
                let last = start + len.saturating_sub(1);
                set(&mut response, header::CONTENT_RANGE, &format!("bytes {start}-{last}/{whole}"));
                response
            }
            Part::Nowhere => {
                let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
                set(&mut response, header::CONTENT_RANGE, &format!("bytes */{whole}"));
                return Ok(response);
            }
        }
    };
    set(&mut response, header::CONTENT_TYPE, media_type);
    set(&mut response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::ETAG, &tag);
    Ok(response)
}

fn body(status: StatusCode, file: File, len: u64) -> Response {
    let stream = ReaderStream::with_capacity(file.take(len), CHUNK_BYTES);
    let mut response = (status, Body::from_stream(stream)).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    // Names and tags are ours and plain.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Files of ours are written once; size and time tell one from another.
fn entity_tag(metadata: &Metadata) -> String {
    let since = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    format!("\"{:x}-{:x}\"", metadata.len(), since.unwrap_or_default().as_micros())
}

fn names(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|other| other == "*" || other.trim_start_matches("W/") == tag)
}

/// One range of bytes; what is none, or several, is answered by the whole (RFC 9110 §14.2).
fn part(range: &str, whole: u64) -> Part {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|set| set.split_once('-')) else {
        return Part::Whole;
    };
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(Some(last))) if last < first => Part::Whole,
        (Some(Some(first)), Some(_)) if first >= whole => Part::Nowhere,
        (Some(Some(first)), Some(last)) => {
            let end = last.map_or(whole, |last: u64| last.saturating_add(1).min(whole));
            Part::Range { start: first, len: end - first }
        }
        (Some(None), Some(Some(suffix))) if suffix == 0 || whole == 0 => Part::Nowhere,
        (Some(None), Some(Some(suffix))) => {
            let len = suffix.min(whole);
            Part::Range { start: whole - len, len }
        }
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_rfc() {
        let check = |range: &str, expected| assert_eq!(part(range, 100), expected, "{range}");
        check("bytes=0-9", Part::Range { start: 0, len: 10 });
        check("bytes=90-", Part::Range { start: 90, len: 10 });
        check("bytes=90-500", Part::Range { start: 90, len: 10 });
        check("bytes=90-99999999999999999999999", Part::Range { start: 90, len: 10 });
        check("bytes=-1", Part::Range { start: 99, len: 1 });
        check("bytes=-500", Part::Range { start: 0, len: 100 });
        check("bytes=99-99", Part::Range { start: 99, len: 1 });
        for nowhere in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            check(nowhere, Part::Nowhere);
        }
        for whole in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=9-3",
            "bytes=0-1,5-6",
            "chars=0-1",
            "bytes=a-b",
            "bytes=+1-2",
        ] {
            check(whole, Part::Whole);
        }
        assert_eq!(part("bytes=0-", 0), Part::Nowhere);
        assert_eq!(part("bytes=-5", 0), Part::Nowhere);
    }

    #[test]
    fn a_file_is_known_again_by_its_tag() {
        assert!(names("\"a-1\"", "\"a-1\"") && names("\"x\", W/\"a-1\"", "\"a-1\"") && names("*", "\"a-1\""));
        assert!(!names("\"a-2\"", "\"a-1\"") && !names("", "\"a-1\""));
    }
}
