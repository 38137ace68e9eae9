//! `label` and `goto`: marks in a flow and jumps to them.

use serde::{Deserialize, Serialize};

/// A mark to jump to. It does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// As in [`Label::is_name`]; each name once in a flow.
    pub name: String,
}

impl Label {
    /// Longest name.
    pub const NAME_MAX: usize = 64;

    /// Letters, digits, `_` and `-`, starting with a letter or `_`.
    pub fn is_name(text: &str) -> bool {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let first = text.bytes().next();
        first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && text.len() <= Self::NAME_MAX
            && text.bytes().all(usual)
    }
}

/// Go on at a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goto {
    /// Its name.
    pub label: String,
}
