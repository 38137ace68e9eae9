//! Holds answers against the server's own OpenAPI document. Stricter than JSON Schema: an object has no field that its
//! schema does not name, unless it says that it may.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The document.
#[derive(Debug, Clone)]
pub struct Description(pub Value);

impl Description {
    /// All operations, as `(METHOD, path with {names})`.
    pub fn operations(&self) -> BTreeSet<(String, String)> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let methods = |(path, methods): (&String, &Value)| {
            let names = methods.as_object().into_iter().flatten().map(|(name, _)| name.to_uppercase());
            names.filter(|name| name != "PARAMETERS").map(|name| (name, path.clone())).collect::<Vec<_>>()
        };
        paths.flat_map(methods).collect()
    }

    /// What is wrong with an answer; nothing also where the path is none of the document's.
    pub fn fault(
        &self,
        method: &str,
        path: &str,
        status: u16,
        (kind, json): (&str, &Value),
    ) -> Option<String> {
        let operation = self.operation(path)?.get(&method.to_lowercase())?;
        let what = format!("{method} {path}: {status}");
        let Some(response) = operation["responses"].get(status.to_string()) else {
            return Some(format!("{what} is not described: {json}"));
        };
        let content = response["content"].as_object()?;
        let kind = kind.split(';').next().unwrap_or_default();
        let Some(described) = content.get(kind) else {
            return Some(format!("{what}: {kind} is not described"));
        };
        let schema = described.get("schema").filter(|_| kind == "application/json")?;
        self.check(schema, json, "").err().map(|fault| format!("{what}: {fault} in {json}"))
    }

    /// The path item whose pattern the path fits; the one with the fewest names, if several do.
    fn operation(&self, path: &str) -> Option<&Map<String, Value>> {
        let path = path.split('?').next().unwrap_or_default();
        let fitting = self.0["paths"].as_object()?.iter().filter(|(pattern, _)| fits(pattern, path));
        fitting.min_by_key(|(pattern, _)| pattern.matches('{').count())?.1.as_object()
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        target.map_or(schema, |pointer| self.0.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")))
    }

    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let schema = self.resolved(schema);
        for alternatives in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[alternatives].as_array() {
                let faults: Vec<_> =
                    choices.iter().filter_map(|choice| self.check(choice, value, at).err()).collect();
                if faults.len() == choices.len() {
                    return Err(faults.join(" or "));
                }
            }
        }
        if let Some(choices) = schema["enum"].as_array()
            && !choices.contains(value)
        {
            return Err(format!("{at}: {value} is none of {choices:?}"));
        }
        check_type(schema, value, at)?;
        match value {
            Value::Object(fields) => self.check_object(schema, fields, at),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.check(&schema["items"], item, &format!("{at}[{index}]"))),
            Value::String(text) => check_text(schema, text, at),
            _ => Ok(()),
        }
    }

    fn check_object(&self, schema: &Value, fields: &Map<String, Value>, at: &str) -> Result<(), String> {
        let parts = self.parts(schema);
        if parts.iter().all(|part| part.get("properties").is_none())
            && schema.get("additionalProperties").is_none()
        {
            return Ok(());
        }
        for part in &parts {
            for name in part["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !fields.contains_key(name) {
                    return Err(format!("{at}: {name} is missing"));
                }
            }
        }
        for (name, value) in fields {
            let place = format!("{at}.{name}");
            match parts.iter().find_map(|part| part["properties"].get(name)) {
                Some(schema) => self.check(schema, value, &place)?,
                None => match schema.get("additionalProperties") {
                    Some(Value::Bool(true)) => {}
                    Some(schema @ Value::Object(_)) => self.check(schema, value, &place)?,
                    _ => return Err(format!("{place} is not described")),
                },
            }
        }
        Ok(())
    }

    /// The schema and all that it is made of.
    fn parts<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.resolved(schema);
        let all = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| self.parts(part));
        std::iter::once(schema).chain(all).collect()
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut names, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (names.next(), parts.next()) {
            (None, None) => return true,
            (Some(name), Some(part)) if name.starts_with('{') && !part.is_empty() || name == part => {}
            _ => return false,
        }
    }
}

fn check_type(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    let good = match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    if good { Ok(()) } else { Err(format!("{at}: {value} is no {}", schema["type"])) }
}

fn check_text(schema: &Value, text: &str, at: &str) -> Result<(), String> {
    if schema["format"] == "date-time" && !((20..=24).contains(&text.len()) && text.ends_with('Z')) {
        return Err(format!("{at}: {text} is no time"));
    }
    let id = schema["pattern"].as_str().and_then(|pattern| {
        let prefix = pattern.strip_prefix('^')?.strip_suffix("[a-zA-Z0-9]{27}$")?;
        Some((prefix.trim_end_matches("(?:test_)?"), prefix.ends_with("(?:test_)?")))
    });
    let Some((prefix, with_mode)) = id else { return Ok(()) };
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    let rest = rest.strip_prefix("test_").filter(|_| with_mode).unwrap_or(rest);
    let good = rest.len() == 27 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if good { Ok(()) } else { Err(format!("{at}: {text} does not look like {prefix}…")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: &Value, value: &Value, good: bool) {
        let description =
            Description(json!({ "components": { "Id": { "pattern": "^c_(?:test_)?[a-zA-Z0-9]{27}$" } } }));
        let result = description.check(schema, value, "");
        assert_eq!(result.is_ok(), good, "{schema} {value}: {result:?}");
    }

    #[test]
    fn shapes() {
        let named =
            json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "integer" } } });
        check(&named, &json!({ "a": 1 }), true);
        check(&named, &json!({ "a": 1.5 }), false);
        check(&named, &json!({}), false);
        check(&named, &json!({ "a": 1, "b": 2 }), false);
        let more = json!({ "allOf": [named, { "properties": { "b": { "type": ["string", "null"] } } }] });
        check(&more, &json!({ "a": 1, "b": null }), true);
        check(&more, &json!({ "a": 1, "c": null }), false);
        check(&json!({ "anyOf": [{ "type": "null" }, { "enum": ["x"] }] }), &json!("x"), true);
        check(&json!({ "anyOf": [{ "type": "null" }, { "enum": ["x"] }] }), &json!("y"), false);
        check(&json!({ "$ref": "#/components/Id" }), &json!(format!("c_test_{}", "a".repeat(27))), true);
        check(&json!({ "$ref": "#/components/Id" }), &json!("c_test_a"), false);
    }

    #[test]
    fn the_most_exact_path_is_taken() {
        let item = |status: &str| json!({ "get": { "responses": { status: {} } } });
        let paths = json!({ "paths": { "/a/{id}": item("200"), "/a/b": item("204") } });
        let description = Description(paths);
        assert_eq!(description.fault("GET", "/a/b?x=1", 204, ("", &Value::Null)), None);
        assert!(description.fault("GET", "/a/c", 204, ("", &Value::Null)).is_some());
        assert_eq!(description.fault("GET", "/other", 500, ("", &Value::Null)), None);
    }
}
