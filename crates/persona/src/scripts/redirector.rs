//! 0020: sends the caller to another number.

use crate::catalogue::HUMAN;
use crate::script::{Opening, Script};
use crate::settings::Settings;

pub(crate) struct Redirector {
    to: String,
}

impl Redirector {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { to: settings.redirect_to.clone().unwrap_or_else(|| HUMAN.number.to_owned()) }
    }
}

impl Script for Redirector {
    fn opening(&self) -> Opening {
        Opening::Redirect { to: self.to.clone() }
    }
}
