//! Pages that the server shows about itself: the catalogue of faults.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use model::fault::FaultCode;
use std::fmt::Write as _;

/// `GET /docs/errors`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/docs/errors", get(async || Html(errors_page())))
}

fn errors_page() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Lyrebird errors</title>\
         <style>body{font:16px/1.5 system-ui;max-width:46rem;margin:2rem auto;padding:0 1rem}\
         h2{font:600 1rem ui-monospace,monospace;margin:2rem 0 0}p{margin:.2rem 0}</style>\
         <h1>Errors</h1><p>Each error answer carries one of these codes.</p>",
    );
    for code in FaultCode::ALL {
        let name = code.as_str();
        let _ = write!(
            page,
            "<h2 id=\"{name}\">{name}</h2><p>{}</p><p><b>Remedy:</b> {}</p>",
            code.cause(),
            code.remedy()
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_anchor() {
        let page = errors_page();
        assert!(FaultCode::ALL.iter().all(|code| page.contains(&format!("id=\"{}\"", code.as_str()))));
    }
}
