//! 0007: rings and never answers.

use super::{Opening, Script};

pub(super) struct Silent;

impl Script for Silent {
    fn opening(&self) -> Opening {
        Opening::Ring
    }
}
