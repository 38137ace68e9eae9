//! Takes a JSON object apart field by field. Every complaint names the field by its path and says what would be
//! right; a field that nobody asked for is refused.

use model::Timestamp;
use model::fault::{Fault, FaultCode};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Most unknown fields of one object that are named.
const UNKNOWN_MAX: usize = 16;

/// The fields of one object that are not taken yet.
pub(crate) struct Fields {
    path: String,
    map: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Of the request's body.
    pub(crate) const fn of_body(map: Map<String, Value>) -> Self {
        Self { path: String::new(), map, known: Vec::new() }
    }

    /// Of a value at `path`, which must be an object.
    pub(crate) fn of_value(path: String, value: Value) -> Result<Self, Fault> {
        match value {
            Value::Object(map) => Ok(Self { path, map, known: Vec::new() }),
            _ => Err(invalid(&path, "must be an object")),
        }
    }

    /// The path of a field of this object.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The value, whatever it is; `null` counts as absent.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// Whether the field is there and `null`, where that means more than being absent.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::is_null)
    }

    /// A text of so many characters.
    pub(crate) fn text(
        &mut self,
        name: &'static str,
        chars: RangeInclusive<usize>,
    ) -> Result<Option<String>, Fault> {
        let path = self.path(name);
        match self.take(name) {
            None => Ok(None),
            Some(value) => text(&path, value, chars).map(Some),
        }
    }

    /// A whole number within a range.
    pub(crate) fn integer<T>(
        &mut self,
        name: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, Fault>
    where
        T: Copy + PartialOrd + TryFrom<u64> + std::fmt::Display,
    {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = value.as_u64().and_then(|n| T::try_from(n).ok()).filter(|n| range.contains(n));
        number.map(Some).ok_or_else(|| {
            let message = format!("must be a whole number from {} to {}", range.start(), range.end());
            invalid(&self.path(name), &message)
        })
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(invalid(&self.path(name), "must be true or false")),
        }
    }

    /// A point in time.
    pub(crate) fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, Fault> {
        let path = self.path(name);
        let Some(text) = self.text(name, 1..=64)? else { return Ok(None) };
        let time = Timestamp::parse_rfc3339(&text);
        time.map(Some).ok_or_else(|| invalid(&path, "must be a time such as 2026-05-02T09:14:07Z"))
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let word = value.as_str().unwrap_or_default();
        let found = choices.iter().find(|(choice, _)| *choice == word);
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            invalid(&self.path(name), &format!("must be one of {}", words.join(", ")))
        })
    }

    /// An object, taken as it is.
    pub(crate) fn object(&mut self, name: &'static str) -> Result<Option<Map<String, Value>>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(invalid(&self.path(name), "must be an object")),
        }
    }

    /// A list of so many values, each with its path.
    pub(crate) fn list(
        &mut self,
        name: &'static str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<Vec<(String, Value)>>, Fault> {
        let path = self.path(name);
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) if length.contains(&items.len()) => {
                Ok(Some(items.into_iter().enumerate().map(|(i, v)| (format!("{path}[{i}]"), v)).collect()))
            }
            Some(_) => {
                let message = format!("must be a list of {} to {} entries", length.start(), length.end());
                Err(invalid(&path, &message))
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(
        &mut self,
        name: &'static str,
        length: RangeInclusive<usize>,
        chars: RangeInclusive<usize>,
    ) -> Result<Option<Vec<String>>, Fault> {
        let Some(items) = self.list(name, length)? else { return Ok(None) };
        let texts = items.into_iter().map(|(path, value)| text(&path, value, chars.clone()));
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// The value, or the complaint that the field is missing.
    pub(crate) fn required<T>(&self, name: &'static str, value: Option<T>) -> Result<T, Fault> {
        value.ok_or_else(|| {
            let path = self.path(name);
            Fault::field(FaultCode::MissingField, &path, format!("{path} is required"))
        })
    }

    /// Nothing else may be there.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        self.unknown().into_iter().next().map_or(Ok(()), Err)
    }

    /// A fault for each field that nobody took, at most [`UNKNOWN_MAX`].
    pub(crate) fn unknown(self) -> Vec<Fault> {
        let names = self.map.keys().take(UNKNOWN_MAX);
        names
            .map(|name| {
                let shown: String = name.chars().take(64).collect();
                let path = self.path(&shown);
                let message =
                    format!("{path} is not a field here; known fields are {}", self.known.join(", "));
                Fault::field(FaultCode::UnknownField, path, message)
            })
            .collect()
    }
}

/// A complaint about the value at `path`.
pub(crate) fn invalid(path: &str, what: &str) -> Fault {
    Fault::field(FaultCode::InvalidField, path, format!("{path} {what}"))
}

/// A text of so many characters, without control characters other than line breaks and tabs.
pub(crate) fn text(path: &str, value: Value, chars: RangeInclusive<usize>) -> Result<String, Fault> {
    let Value::String(text) = value else { return Err(invalid(path, "must be a text")) };
    let count = text.chars().count();
    if !chars.contains(&count) {
        let message =
            format!("must be {} to {} characters long, and has {count}", chars.start(), chars.end());
        return Err(invalid(path, &message));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(invalid(path, "must not contain control characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        Fields::of_value("o".into(), value).unwrap_or_else(|fault| panic!("{fault}"))
    }

    fn param<T>(result: Result<T, Fault>) -> Option<String> {
        result.err().and_then(|fault| fault.param)
    }

    #[test]
    fn complaints_name_the_path() {
        assert_eq!(param(fields(json!({"a": 1})).text("a", 0..=9)).as_deref(), Some("o.a"));
        assert_eq!(param(fields(json!({"a": "xx"})).text("a", 3..=9)).as_deref(), Some("o.a"));
        assert_eq!(param(fields(json!({"a": "\u{7}"})).text("a", 0..=9)).as_deref(), Some("o.a"));
        assert_eq!(param(fields(json!({"a": 11})).integer("a", 1_u8..=10)).as_deref(), Some("o.a"));
        assert_eq!(param(fields(json!({"a": 1.5})).integer("a", 1_u8..=10)).as_deref(), Some("o.a"));
        assert_eq!(param(fields(json!({"a": -1})).integer("a", 0_u32..=10)).as_deref(), Some("o.a"));
        assert_eq!(param(fields(json!({"a": ["x", 2]})).texts("a", 0..=9, 0..=9)).as_deref(), Some("o.a[1]"));
        assert_eq!(param(fields(json!({"b": 1})).finish()).as_deref(), Some("o.b"));
        assert_eq!(param(fields(json!({"a": "up"})).choice("a", &[("on", 1)])).as_deref(), Some("o.a"));
    }

    #[test]
    fn null_counts_as_absent() {
        let mut fields = fields(json!({"a": null}));
        assert_eq!(fields.integer("a", 1_u8..=10).unwrap(), None);
        assert!(fields.finish().is_ok());
    }
}
