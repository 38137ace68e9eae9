//! All personas that a caller can reach: those of the catalogue, and those that the configuration names. A named one
//! is one of the catalogue with settings of its own.

use crate::catalogue::{CATALOGUE, entry_named, entry_of_number};
use crate::settings::{SettingError, Settings, is_name, join};
use model::E164;

/// Most named personas.
const NAMED_MAX: usize = 256;

/// A persona of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPersona {
    /// Its name.
    pub name: String,
    /// Its number, if it has one of its own.
    pub number: Option<E164>,
    /// The persona of the catalogue that it is.
    pub base: String,
    /// What is set of it.
    pub settings: Settings,
}

/// Why a persona cannot be named so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Its name is no name.
    #[error("the persona {0:?} must have a name of 1 to 64 lower-case letters, digits and _ -")]
    BadName(String),
    /// Its name is taken.
    #[error("there is more than one persona named {0}")]
    NameTaken(String),
    /// Its number is taken.
    #[error("the number of the persona {0} is another persona's")]
    NumberTaken(String),
    /// Its base is not in the catalogue.
    #[error("the base of the persona {name} must be one of {}; it is {base:?}", catalogue_names())]
    UnknownBase {
        /// The persona.
        name: String,
        /// Its base.
        base: String,
    },
    /// Its settings name a persona.
    #[error("the persona {0} names its base by `base`, not within its settings")]
    SetsPersona(String),
    /// Too many.
    #[error("there may be at most {NAMED_MAX} named personas")]
    TooMany,
}

/// A line of the directory, for those who choose from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its number, if it has one.
    pub number: Option<&'a str>,
    /// What it does, one sentence.
    pub summary: &'static str,
    /// The persona of the catalogue that a named one is.
    pub base: Option<&'a str>,
    /// What is set of it.
    pub settings: Option<&'a Settings>,
}

/// All personas.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Directory {
    named: Vec<NamedPersona>,
}

impl Directory {
    /// The catalogue and these.
    pub fn new(named: Vec<NamedPersona>) -> Result<Self, DirectoryError> {
        if named.len() > NAMED_MAX {
            return Err(DirectoryError::TooMany);
        }
        let mut directory = Self::default();
        for persona in named {
            directory.check(&persona)?;
            directory.named.push(persona);
        }
        Ok(directory)
    }

    fn check(&self, persona: &NamedPersona) -> Result<(), DirectoryError> {
        let name = || persona.name.clone();
        if !is_name(&persona.name) {
            return Err(DirectoryError::BadName(name()));
        }
        if entry_named(&persona.name).is_some() || self.named.iter().any(|known| known.name == persona.name) {
            return Err(DirectoryError::NameTaken(name()));
        }
        if entry_named(&persona.base).is_none() {
            return Err(DirectoryError::UnknownBase { name: name(), base: persona.base.clone() });
        }
        if persona.settings.persona.is_some() {
            return Err(DirectoryError::SetsPersona(name()));
        }
        let taken = persona.number.as_ref().is_some_and(|number| {
            CATALOGUE.iter().any(|entry| entry.number == number.as_str())
                || self.named.iter().any(|known| known.number.as_ref() == Some(number))
        });
        if taken { Err(DirectoryError::NumberTaken(name())) } else { Ok(()) }
    }

    /// Whoever is meant by these settings or else lives at this number, as settings that need no directory: the persona
    /// they name is one of the catalogue. `place` is where the settings stand, for errors.
    pub fn resolve(&self, number: &str, settings: Settings, place: &str) -> Result<Settings, SettingError> {
        let named = match settings.persona.as_deref() {
            Some(name) if entry_named(name).is_some() => None,
            Some(name) => Some(self.named(name).ok_or_else(|| {
                let expected = "the name of a persona; GET /v1/sandbox/personas lists them";
                SettingError::invalid(&join(place, "persona"), expected)
            })?),
            None => self
                .named
                .iter()
                .find(|known| known.number.as_ref().is_some_and(|own| own.as_str() == number)),
        };
        Ok(match named {
            Some(named) => Settings { persona: Some(named.base.clone()), ..settings.over(&named.settings) },
            None => settings,
        })
    }

    /// Everybody, the catalogue first.
    pub fn list(&self) -> Vec<Listed<'_>> {
        let catalogue = CATALOGUE.iter().map(|entry| Listed {
            name: entry.name,
            number: Some(entry.number),
            summary: entry.summary,
            base: None,
            settings: None,
        });
        let named = self.named.iter().map(|named| Listed {
            name: &named.name,
            number: named.number.as_ref().map(E164::as_str),
            summary: entry_named(&named.base).unwrap_or_else(|| entry_of_number("")).summary,
            base: Some(&named.base),
            settings: Some(&named.settings),
        });
        catalogue.chain(named).collect()
    }

    fn named(&self, name: &str) -> Option<&NamedPersona> {
        self.named.iter().find(|known| known.name == name)
    }
}

fn catalogue_names() -> String {
    CATALOGUE.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn named(name: &str, number: Option<&str>, base: &str) -> NamedPersona {
        NamedPersona {
            name: name.to_owned(),
            number: number.map(|number| number.parse().unwrap()),
            base: base.to_owned(),
            settings: Settings::from_value(&json!({"text": "Reception.", "digits": "1"}), "").unwrap(),
        }
    }

    #[test]
    fn a_named_persona_is_found_by_name_and_by_number() {
        let directory = Directory::new(vec![named("desk", Some("+15005551000"), "menu")]).unwrap();
        let check = |number: &str, settings: serde_json::Value, wanted: serde_json::Value| {
            let settings = Settings::from_value(&settings, "").unwrap();
            let resolved = directory.resolve(number, settings, "s").unwrap();
            assert_eq!(serde_json::Value::Object(resolved.to_object()), wanted, "{number}");
        };
        let desk = json!({"persona": "menu", "text": "Reception.", "digits": "1"});
        check("+15005551000", json!({}), desk.clone());
        check("+15005550006", json!({"persona": "desk"}), desk);
        check(
            "+15005551000",
            json!({"text": "Mine."}),
            json!({"persona": "menu", "text": "Mine.", "digits": "1"}),
        );
        check("+15005551000", json!({"persona": "busy"}), json!({"persona": "busy"}));
        check("+15005550006", json!({}), json!({}));
    }

    #[test]
    fn who_does_not_exist_is_an_error_of_the_field() {
        let nobody = Settings { persona: Some("nobody".into()), ..Settings::default() };
        let error = Directory::default().resolve("+15005550000", nobody, "metadata.sandbox").unwrap_err();
        assert_eq!(error.field, "metadata.sandbox.persona");
    }

    #[test]
    fn what_cannot_be_named_is_refused() {
        let check = |personas: Vec<NamedPersona>, wanted: &str| {
            let error = Directory::new(personas).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        };
        check(vec![named("Desk", None, "menu")], "must have a name");
        check(vec![named("busy", None, "menu")], "more than one persona named busy");
        check(vec![named("a", None, "menu"), named("a", None, "menu")], "more than one");
        check(vec![named("a", None, "butler")], "it is \"butler\"");
        check(vec![named("a", Some("+15005550006"), "menu")], "another persona's");
        let number = Some("+15005551000");
        check(vec![named("a", number, "menu"), named("b", number, "menu")], "another persona's");
        let mut within = named("a", None, "menu");
        within.settings.persona = Some("busy".into());
        check(vec![within], "by `base`");
        let many = (0..257).map(|n| named(&format!("p{n}"), None, "menu")).collect();
        check(many, "at most 256");
    }

    #[test]
    fn the_list_has_everybody() {
        let directory = Directory::new(vec![named("desk", None, "menu")]).unwrap();
        let list = directory.list();
        assert_eq!(list.len(), CATALOGUE.len() + 1);
        let last = list.last().unwrap();
        assert_eq!((last.name, last.number, last.base), ("desk", None, Some("menu")));
    }

    #[test]
    fn names_and_numbers_of_the_catalogue_are_unique_and_in_order() {
        for (at, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(entry.number, format!("+1500555{at:04}"));
            assert!(is_name(entry.name), "{}", entry.name);
            assert_eq!(entry_named(entry.name).map(|found| found.number), Some(entry.number));
            assert_eq!(entry_of_number(entry.number).name, entry.name);
        }
    }
}
