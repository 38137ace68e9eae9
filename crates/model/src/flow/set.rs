//! `set`: give a variable of the call a value.

use crate::secret::Pii;
use serde::{Deserialize, Serialize};

/// Give a variable a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// As in [`super::variable::is_name`].
    pub variable: String,
    /// At most [`super::variable::VALUE_MAX`] characters once its templates are filled in.
    pub value: Pii<String>,
}
