//! The description as pages for a person: no script, no asset from elsewhere, light and dark.

use super::html::{code, escaped, page, prose};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use model::fault::{Fault, FaultCode};
use serde_json::Value;
use std::fmt::Write as _;

/// All operations of the document, by tag.
pub(super) fn operations(document: &Value) -> String {
    let mut body = String::new();
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let server = text("/servers/0/url");
    let _ = write!(body, "<h1>{} <small>{}</small></h1>", text("/info/title"), text("/info/version"));
    let _ = write!(body, "<p>{}</p>", prose(text("/info/description")));
    body.push_str(
        "<p><a href=\"/openapi/chirp.json\">OpenAPI document</a> · <a href=\"/openapi/bird.json\">that of Bird's API</a> · <a href=\"/docs/errors\">Errors</a></p><nav>",
    );
    let all: Vec<Operation> = Operation::all(document);
    let tags = document.pointer("/tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for tag in tags {
        let name = tag["name"].as_str().unwrap_or_default();
        let _ = write!(body, "<b>{name}</b><ul>");
        for operation in all.iter().filter(|operation| operation.tag == name) {
            let Operation { id, method, path, .. } = operation;
            let _ = write!(body, "<li><a href=\"#{id}\"><i class=\"{method}\">{method}</i> {path}</a></li>");
        }
        body.push_str("</ul>");
    }
    body.push_str("</nav>");
    for tag in tags {
        let name = tag["name"].as_str().unwrap_or_default();
        let _ =
            write!(body, "<h2>{name}</h2><p>{}</p>", prose(tag["description"].as_str().unwrap_or_default()));
        for operation in all.iter().filter(|operation| operation.tag == name) {
            operation.write(document, server, &mut body);
        }
    }
    page("Lyrebird API", &body)
}

/// One operation of the document.
struct Operation<'a> {
    id: &'a str,
    tag: &'a str,
    method: &'a str,
    path: &'a str,
    shared: &'a Value,
    fields: &'a Value,
}

impl<'a> Operation<'a> {
    fn all(document: &'a Value) -> Vec<Self> {
        let paths = document.pointer("/paths").and_then(Value::as_object);
        let of_path = |(path, methods): (&'a String, &'a Value)| {
            let methods = methods.as_object().into_iter().flatten();
            let operations = methods.filter(|(name, _)| *name != "parameters");
            let shared = document.pointer("/paths").and_then(|all| all.get(path)?.get("parameters"));
            operations
                .map(|(method, fields)| Operation {
                    id: fields["operationId"].as_str().unwrap_or_default(),
                    tag: fields.pointer("/tags/0").and_then(Value::as_str).unwrap_or_default(),
                    method,
                    path,
                    shared: shared.unwrap_or(&Value::Null),
                    fields,
                })
                .collect::<Vec<_>>()
        };
        paths.into_iter().flatten().flat_map(of_path).collect()
    }

    fn write(&self, document: &Value, server: &str, body: &mut String) {
        let Self { id, method, path, fields, .. } = self;
        let text = |name: &str| fields[name].as_str().unwrap_or_default();
        let _ = write!(
            body,
            "<section id=\"{id}\"><h3><i class=\"{method}\">{method}</i> {path}</h3><p><b>{}.</b> {} {}</p>",
            escaped(text("summary").trim_end_matches(['.', '?'])),
            prose(text("description")),
            self.key()
        );
        self.write_parameters(document, body);
        let _ = write!(body, "<pre>{}</pre>", escaped(&self.curl(document, server)));
        body.push_str("<dl>");
        for (status, response) in fields["responses"].as_object().into_iter().flatten() {
            let description = response["description"].as_str().unwrap_or_default();
            let _ = write!(body, "<dt>{status}</dt><dd>{}</dd>", linked(status, description));
        }
        body.push_str("</dl>");
        if let Some(example) = self.answer(document) {
            let _ = write!(body, "<details><summary>Answer</summary>{}</details>", code(example));
        }
        body.push_str("</section>");
    }

    fn key(&self) -> &'static str {
        let schemes = self.fields["security"].as_array();
        match schemes
            .map(|schemes| (schemes.len(), schemes.first().is_some_and(|s| s.get("appKey").is_some())))
        {
            None => "No key.",
            Some((1, true)) => "App key.",
            Some((1, false)) => "Admin key.",
            Some(_) => "App or admin key.",
        }
    }

    fn write_parameters(&self, document: &Value, body: &mut String) {
        let mut parameters = self.parameters(document).peekable();
        if parameters.peek().is_none() {
            return;
        }
        body.push_str("<table>");
        for parameter in parameters {
            let text = |name: &str| parameter[name].as_str().unwrap_or_default();
            let schema = resolved(document, &parameter["schema"]);
            let _ = write!(
                body,
                "<tr><td><code>{}</code></td><td>{}</td><td>{} {}</td></tr>",
                escaped(text("name")),
                escaped(text("in")),
                prose(text("description")),
                escaped(&bounds(schema))
            );
        }
        body.push_str("</table>");
    }

    fn parameters<'d>(&self, document: &'d Value) -> impl Iterator<Item = &'d Value>
    where
        'a: 'd,
    {
        let own = self.fields["parameters"].as_array().into_iter().flatten();
        let shared = self.shared.as_array().into_iter().flatten();
        shared.chain(own).map(|parameter| resolved(document, parameter))
    }

    /// The request as a command to copy.
    fn curl(&self, document: &Value, server: &str) -> String {
        let mut path = self.path.to_owned();
        for parameter in self.parameters(document).filter(|parameter| parameter["in"] == "path") {
            let [name, example] =
                ["name", "example"].map(|field| parameter[field].as_str().unwrap_or_default());
            path = path.replace(&format!("{{{name}}}"), example);
        }
        let method = self.method.to_uppercase();
        let mut curl = format!("curl -X {method} {server}{path}");
        if self.fields["security"].is_array() {
            curl.push_str(" \\\n  -H \"Authorization: Bearer $LYREBIRD_KEY\"");
        }
        let example = self.fields.pointer("/requestBody/content/application~1json/example");
        if let Some(example) = example {
            let _ = write!(curl, " \\\n  -H 'Content-Type: application/json' \\\n  -d '{example}'");
        }
        curl
    }

    /// What a good answer looks like.
    fn answer<'d>(&self, document: &'d Value) -> Option<&'d Value>
    where
        'a: 'd,
    {
        let (_, good) =
            self.fields["responses"].as_object()?.iter().find(|(status, _)| status.starts_with('2'))?;
        let schema = resolved(document, good.pointer("/content/application~1json/schema")?);
        let first = || schema.pointer("/allOf/0").map(|part| resolved(document, part));
        let item = || schema.pointer("/properties/data/items").map(|item| resolved(document, item));
        schema.get("example").or_else(|| first()?.get("example")).or_else(|| item()?.get("example"))
    }
}

/// What a `$ref` leads to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// A schema's type and limits in a few words.
fn bounds(schema: &Value) -> String {
    let number = |name: &str| schema[name].as_i64();
    let mut words = Vec::new();
    if let Some(choices) = schema["enum"].as_array() {
        words.push(choices.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "));
    }
    if let (Some(least), Some(most)) = (number("minimum"), number("maximum")) {
        words.push(format!("{least} to {most}"));
    }
    if let Some(default) = schema.get("default") {
        words.push(format!("default {default}"));
    }
    if words.is_empty() { String::new() } else { format!("({})", words.join("; ")) }
}

/// The codes of a refusal's description lead to their pages.
fn linked(status: &str, description: &str) -> String {
    if status.starts_with('2') || !description.starts_with('`') {
        return prose(description);
    }
    let link = |name: &str| {
        format!("<a href=\"/docs/errors/{0}\"><code>{0}</code></a>", escaped(name.trim_matches('`')))
    };
    description.split(", ").map(link).collect::<Vec<_>>().join(", ")
}

/// `/docs/errors`: the whole catalogue.
pub(super) fn errors() -> String {
    let mut body = String::from(
        "<h1>Errors</h1><p>Each error answer carries one of these codes. <a href=\"/docs\">All operations</a></p>",
    );
    for code in FaultCode::ALL {
        let name = code.as_str();
        let _ = write!(
            body,
            "<section id=\"{name}\"><h3><a href=\"/docs/errors/{name}\">{name}</a></h3><p>{}</p>\
             <p><b>Remedy:</b> {}</p></section>",
            escaped(code.cause()),
            escaped(code.remedy())
        );
    }
    page("Lyrebird errors", &body)
}

/// `/docs/errors/{code}`: one of them, with an answer that carries it.
pub(super) async fn error(Path(name): Path<String>) -> Response {
    let Some(found) = FaultCode::ALL.iter().find(|code| code.as_str() == name) else {
        let body = "<h1>No such error</h1><p><a href=\"/docs/errors\">All errors</a></p>";
        return (StatusCode::NOT_FOUND, Html(page("No such error", body))).into_response();
    };
    let (status, example) = crate::chirp::fault_body(Fault::new(*found), "");
    let body = format!(
        "<h1>{name}</h1><p>{}</p><p><b>Remedy:</b> {}</p><p>Status {status}, as in:</p>{}\
         <p><a href=\"/docs/errors\">All errors</a></p>",
        escaped(found.cause()),
        escaped(found.remedy()),
        code(&example)
    );
    Html(page(&name, &body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_anchor() {
        let page = errors();
        assert!(FaultCode::ALL.iter().all(|code| page.contains(&format!("id=\"{}\"", code.as_str()))));
    }

    #[test]
    fn every_operation_stands_on_the_page_with_a_command_to_copy() {
        let document = super::super::document("http://x");
        let page = operations(&document);
        for operation in Operation::all(&document) {
            assert!(page.contains(&format!("<section id=\"{}\">", operation.id)), "{}", operation.id);
            let curl = operation.curl(&document, "http://x");
            assert!(!curl.contains('{') || curl.contains("-d '{"), "{curl}");
        }
        assert!(page.contains("curl -X POST http://x/v1/calls"));
        assert!(!page.contains("<script") && !page.contains("src="));
    }
}
