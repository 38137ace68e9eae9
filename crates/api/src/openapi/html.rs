//! A few pieces of HTML.

use serde_json::Value;

const STYLE: &str = ":root{color-scheme:light dark;--line:#8883;--soft:#8881}\
body{font:16px/1.55 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}\
h1 small{font-weight:400;opacity:.6;font-size:1rem}h2{margin-top:3rem}\
h3{font:600 1rem/1.4 ui-monospace,monospace;margin:0 0 .4rem;overflow-wrap:anywhere}\
section{border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.2rem;margin:1rem 0}\
nav{columns:2 18rem;font-size:.9rem}nav ul{list-style:none;padding:0;margin:0 0 1rem;break-inside:avoid}\
nav a{text-decoration:none;font-family:ui-monospace,monospace;font-size:.82rem}\
i{font-style:normal;text-transform:uppercase;font-size:.75em;font-weight:700;color:#2a7de1}\
i.post{color:#1a9a55}i.put{color:#c07a00}i.delete{color:#d23b3b}\
pre{background:var(--soft);padding:.8rem;border-radius:.4rem;overflow:auto;font-size:.85rem}\
code{font-size:.88em}table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.6rem 0}\
td{border-top:1px solid var(--line);padding:.3rem .5rem .3rem 0;vertical-align:top}\
dl{display:grid;grid-template-columns:3rem 1fr;gap:.2rem .6rem;font-size:.9rem}dt{font-weight:600}dd{margin:0}";

/// A whole page.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{}</title>\
         <style>{STYLE}</style></head><body>{body}</body></html>",
        escaped(title)
    )
}

/// Text as it stands.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text with `code` in backquotes.
pub(super) fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let shown = parts.map(|(index, part)| match index % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    shown.collect()
}

/// JSON, indented.
pub(super) fn code(value: &Value) -> String {
    // A JSON value can always be written.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("<pre>{}</pre>", escaped(&text))
}
