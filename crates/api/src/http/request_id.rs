//! The id of a request: the client's own where it is usable, else a new one. Echoed in the answer, kept with the
//! call, written with every log line.

use axum::http::HeaderMap;

/// The header.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Longest id that is taken from a client.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The client's id, if it is printable ASCII of at most 128 bytes.
pub(crate) fn from_client(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let usable = !text.is_empty()
        && text.len() <= REQUEST_ID_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    usable.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_usable_ids_are_taken() {
        let from = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, value.parse().unwrap());
            from_client(&headers)
        };
        assert_eq!(from("abc-1").as_deref(), Some("abc-1"));
        assert_eq!(from(""), None);
        assert_eq!(from("a b"), None);
        assert_eq!(from(&"x".repeat(129)), None);
    }
}
