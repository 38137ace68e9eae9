//! Pages (contract §2.1): `limit` and `pageToken` in, `{results, nextPageToken}` out. A token says where the last page
//! ended; it names a place and no row's content, so it needs no signature, and it stays good while rows come and go.

use crate::http::fields::invalid;
use crate::http::query::Query;
use crate::http::refusal::Faults;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use model::fault::Fault;
use ports::store::Place;
use serde::Serialize;
use std::ops::RangeInclusive;
use uuid::Uuid;

/// The first byte of a token; another layout gets another one.
const VERSION: u8 = 1;
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 8_000;

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageAsk {
    /// Most entries.
    pub(crate) limit: u32,
    /// Where the page before it ended.
    pub(crate) after: Option<Place>,
}

impl PageAsk {
    /// Takes `limit` and `pageToken` from a query.
    pub(crate) fn take(
        query: &mut Query,
        limits: RangeInclusive<u32>,
        usual: u32,
        faults: &mut Faults,
    ) -> Self {
        let limit = faults.keep(query.integer("limit", limits)).unwrap_or(usual);
        let after = faults.keep(query.text("pageToken")).filter(|token| !token.is_empty());
        let after = after.and_then(|token| faults.of(parse(&token)));
        Self { limit, after }
    }
}

/// A page as this door shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageView<T> {
    results: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl<T> PageView<T> {
    /// The results, and where the next page begins, if there is one.
    pub(crate) fn new(results: Vec<T>, next: Option<Place>) -> Self {
        Self { results, next_page_token: next.map(token) }
    }
}

fn token(place: Place) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(place.at.as_micros().to_be_bytes());
    bytes.extend(place.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn parse(text: &str) -> Result<Place, Fault> {
    let wrong = || invalid("pageToken", "is no token of this list; take it from nextPageToken as it is");
    let bytes = Some(text).filter(|text| text.len() <= TOKEN_BYTES_MAX);
    let bytes = bytes.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or_else(wrong)?;
    let (version, rest) = bytes.split_first().ok_or_else(wrong)?;
    let (at, id) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
    let id = Uuid::from_slice(id).map_err(|_| wrong())?;
    if *version == VERSION {
        Ok(Place { at: Timestamp::from_micros(u64::from_be_bytes(*at)), id })
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back_and_nothing_else_is() {
        let place = Place { at: Timestamp::from_micros(1_777_713_247_120_001), id: Uuid::from_u128(7) };
        assert_eq!(parse(&token(place)), Ok(place));
        for bad in ["", "x", "AAAA", &token(place).replace('A', "B"), &"A".repeat(9_000), "é"] {
            let parsed = parse(bad);
            assert!(parsed.is_err() || parsed != Ok(place), "{bad}");
        }
        assert_eq!(parse("AAAA").unwrap_err().param.as_deref(), Some("pageToken"));
    }
}
