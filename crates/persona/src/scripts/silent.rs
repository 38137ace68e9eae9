//! 0007: rings and never answers.

use crate::script::{Opening, Script};

pub(crate) struct Silent;

impl Script for Silent {
    fn opening(&self) -> Opening {
        Opening::Ring
    }
}
