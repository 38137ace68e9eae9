//! The API's description, OpenAPI 3.1: written by hand as one fragment a resource, put together and completed here.
//! A fragment leaves out what all operations share: the key, the headers, the refusals. Tests hold it against the
//! routes and against real answers, so it cannot drift.

mod assemble;
mod faults;
mod html;
mod page;

use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;
use serde_json::Value;
use std::sync::Arc;

/// One fragment a resource; the order is the order of the page.
const FRAGMENTS: [&str; 13] = [
    include_str!("calls.json"),
    include_str!("flow.json"),
    include_str!("timeline.json"),
    include_str!("recordings.json"),
    include_str!("webhooks.json"),
    include_str!("trunks.json"),
    include_str!("endpoints.json"),
    include_str!("channels.json"),
    include_str!("sandbox.json"),
    include_str!("simulations.json"),
    include_str!("keys.json"),
    include_str!("operations.json"),
    include_str!("common.json"),
];

/// `/openapi/chirp.json`, `/openapi/bird.json`, and what a person reads: `/docs`, `/docs/errors`, `/docs/errors/{code}`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(public_url: &str) -> Router<S> {
    let document = document(public_url);
    let page: Arc<str> = page::operations(&document).into();
    let json: Arc<str> = document.to_string().into();
    let bird: Arc<str> = bird(public_url).to_string().into();
    let errors: Arc<str> = page::errors().into();
    let form = || [(header::CONTENT_TYPE, "application/json")];
    Router::new()
        .route("/openapi/chirp.json", get(async move || (form(), json.to_string())))
        .route("/openapi/bird.json", get(async move || (form(), bird.to_string())))
        .route("/docs", get(async move || Html(page.to_string())))
        .route("/docs/errors", get(async move || Html(errors.to_string())))
        .route("/docs/errors/{code}", get(page::error))
}

/// The document of the Bird door, which shares nothing with the other one's shapes.
fn bird(public_url: &str) -> Value {
    // It is JSON: a test reads it.
    let mut document: Value = serde_json::from_str(include_str!("bird.json")).unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("servers".into(), serde_json::json!([{ "url": public_url }]));
    }
    document
}

/// The whole document. `public_url` is the server's own address.
fn document(public_url: &str) -> Value {
    assemble::document(&FRAGMENTS, public_url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_fragment_is_json_and_every_reference_leads_somewhere() {
        for fragment in FRAGMENTS {
            assert!(
                serde_json::from_str::<Value>(fragment).is_ok(),
                "{}",
                fragment.get(..200).unwrap_or_default()
            );
        }
        let document = document("http://x");
        let text = document.to_string();
        let references: BTreeSet<_> =
            text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 30, "{references:?}");
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_bird_doors_document_is_whole() {
        let document = bird("http://x");
        assert_eq!(document["servers"][0]["url"], "http://x");
        let text = document.to_string();
        let references: BTreeSet<_> =
            text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 15, "{references:?}");
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_has_what_all_have() {
        let document = document("http://x");
        let mut ids = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in
                methods.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
            {
                let what = format!("{method} {path}");
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}");
                assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{what}");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
                for left_over in ["key", "idempotent", "faults"] {
                    assert!(operation.get(left_over).is_none(), "{what}: {left_over}");
                }
                if path.starts_with("/v1") {
                    assert!(responses.contains_key("401") && responses.contains_key("429"), "{what}");
                    assert!(operation["security"].is_array(), "{what}");
                }
            }
        }
        assert!(ids.len() >= 25);
    }
}
