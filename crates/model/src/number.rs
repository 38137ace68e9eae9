//! Phone numbers in E.164 form.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `+`, a country code that does not start with 0, at most 15 digits in all (ITU-T E.164). `Debug` shows only
/// the last two digits; whoever needs the number asks for it by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// Why a text is no phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// It does not start with `+` (or `00`).
    #[error("a phone number must be in international form, starting with + and the country code")]
    NotInternational,
    /// It holds something else than digits and the usual separators.
    #[error("a phone number may hold only digits after the +")]
    NotDigits,
    /// Too few or too many digits.
    #[error("a phone number has 7 to 15 digits after the +")]
    Length,
}

impl E164 {
    /// The number as `+` and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits without the `+`.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix('+').unwrap_or(&self.0)
    }

    /// All but the last two digits hidden, for logs and for people who need not know.
    pub fn masked(&self) -> String {
        let shown = self.0.len().saturating_sub(2);
        format!("+{}{}", "*".repeat(shown.saturating_sub(1)), self.0.get(shown..).unwrap_or_default())
    }
}

impl FromStr for E164 {
    type Err = NumberError;

    /// Reads the international form; spaces, dots, dashes and brackets between digits are dropped, a leading
    /// `00` counts as `+`.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let text = text.trim();
        let national = text.strip_prefix('+').or_else(|| text.strip_prefix("00"));
        let rest = national.ok_or(NumberError::NotInternational)?;
        let mut number = String::from("+");
        for c in rest.chars() {
            match c {
                '0'..='9' if number.len() > 15 => return Err(NumberError::Length),
                '0'..='9' => number.push(c),
                ' ' | '-' | '.' | '(' | ')' | '/' => {}
                _ => return Err(NumberError::NotDigits),
            }
        }
        match number.as_bytes().get(1) {
            Some(b'0') => Err(NumberError::NotInternational),
            _ if number.len() < 8 => Err(NumberError::Length),
            _ => Ok(Self(number)),
        }
    }
}

impl TryFrom<String> for E164 {
    type Error = NumberError;
    fn try_from(text: String) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, NumberError>) {
        let got = text.parse::<E164>();
        assert_eq!(got.as_ref().map(E164::as_str).map_err(|e| *e), expected, "{text}");
    }

    #[test]
    fn spellings() {
        check("+4930123456", Ok("+4930123456"));
        check(" +49 (30) 123-456 ", Ok("+4930123456"));
        check("004930123456", Ok("+4930123456"));
        check("+123456789012345", Ok("+123456789012345"));
        check("+1234567890123456", Err(NumberError::Length));
        check("+123456", Err(NumberError::Length));
        check("+", Err(NumberError::Length));
        check("030123456", Err(NumberError::NotInternational));
        check("+0301234567", Err(NumberError::NotInternational));
        check("+49x30123456", Err(NumberError::NotDigits));
        check("+49\u{660}30123456", Err(NumberError::NotDigits));
        check("", Err(NumberError::NotInternational));
    }

    #[test]
    fn debug_masks() {
        assert_eq!(format!("{:?}", "+4930123456".parse::<E164>().unwrap()), "+********56");
    }
}
