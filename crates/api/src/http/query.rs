//! Query strings: decoded, bounded, refused where unknown.

use crate::http::fields::invalid;
use model::fault::{Fault, FaultCode};
use ports::store::PageRequest;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Most parameters in one query.
const PARAMETERS_MAX: usize = 32;

/// The parameters that are not taken yet.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Fault> {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect();
        if pairs.len() > PARAMETERS_MAX {
            return Err(invalid("query", "has more than 32 parameters"));
        }
        Ok(Self { pairs })
    }

    /// The parameter's text; given twice, it is refused.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        let mut found = self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value);
        let first = found.next();
        if found.next().is_some() { Err(invalid(name, "was given more than once")) } else { Ok(first) }
    }

    /// A number within a range.
    pub(crate) fn integer<T>(&mut self, name: &str, range: RangeInclusive<T>) -> Result<Option<T>, Fault>
    where
        T: Copy + PartialOrd + FromStr + std::fmt::Display,
    {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let number = text.parse().ok().filter(|n| range.contains(n));
        number.map(Some).ok_or_else(|| {
            invalid(name, &format!("must be a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = choices.iter().find(|(choice, _)| *choice == text);
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            invalid(name, &format!("must be one of {}", words.join(", ")))
        })
    }

    /// Every text that the parameter was given, at most so many.
    pub(crate) fn texts(&mut self, name: &str, most: usize) -> Result<Vec<String>, Fault> {
        let found = self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value);
        let found: Vec<_> = found.collect();
        if found.len() > most {
            return Err(invalid(name, &format!("was given more than {most} times")));
        }
        Ok(found)
    }

    /// Some of some words; the parameter may be repeated.
    pub(crate) fn choices<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
        most: usize,
    ) -> Result<Vec<T>, Fault> {
        let meaning =
            |text: &String| choices.iter().find(|(choice, _)| choice == text).map(|(_, meaning)| *meaning);
        let found: Option<Vec<T>> = self.texts(name, most)?.iter().map(meaning).collect();
        found.ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            invalid(name, &format!("must be one of {}", words.join(", ")))
        })
    }

    /// A point in time.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<model::Timestamp>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let time = model::Timestamp::parse_rfc3339(&text);
        time.map(Some).ok_or_else(|| invalid(name, "must be a time such as 2026-05-02T09:14:07Z"))
    }

    /// `limit` (1–100, 20 by default) and `offset`.
    pub(crate) fn page(&mut self) -> Result<PageRequest, Fault> {
        let limit = self.integer("limit", 1..=100)?.unwrap_or(20);
        let offset = self.integer("offset", 0..=1_000_000)?.unwrap_or(0);
        Ok(PageRequest { limit, offset })
    }

    /// All parameters of the form `name[key]=value`.
    pub(crate) fn map(&mut self, name: &str, entries_max: usize) -> Result<Vec<(String, String)>, Fault> {
        let inner = |key: &str| {
            let key = key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            Some(key.to_owned())
        };
        let found: Vec<_> = self
            .pairs
            .extract_if(.., |(key, _)| inner(key).is_some())
            .filter_map(|(key, value)| Some((inner(&key)?, value)))
            .collect();
        if found.len() > entries_max {
            return Err(invalid(name, &format!("was given more than {entries_max} times")));
        }
        Ok(found)
    }

    /// Nothing else may be there.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        let Some((name, _)) = self.pairs.into_iter().next() else { return Ok(()) };
        let shown: String = name.chars().take(64).collect();
        let message = format!("{shown} is not a parameter of this list");
        Err(Fault::field(FaultCode::UnknownField, shown, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let mut query = Query::parse(Some("limit=5&metadata%5Bteam%5D=a%20b&from=%2B49")).unwrap();
        let page = query.page().unwrap();
        assert_eq!((page.limit, page.offset), (5, 0));
        assert_eq!(query.map("metadata", 8).unwrap(), [("team".to_owned(), "a b".to_owned())]);
        assert_eq!(query.text("from").unwrap().as_deref(), Some("+49"));
        assert!(query.finish().is_ok());
    }

    #[test]
    fn bad_parameters_are_refused_by_name() {
        for (text, param) in
            [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=1&limit=2", "limit")]
        {
            let fault = Query::parse(Some(text)).unwrap().page().unwrap_err();
            assert_eq!(fault.param.as_deref(), Some(param), "{text}");
        }
        assert_eq!(Query::parse(Some("x=1")).unwrap().finish().unwrap_err().param.as_deref(), Some("x"));
        assert!(Query::parse(Some(&"a=1&".repeat(33))).is_err());
    }
}
