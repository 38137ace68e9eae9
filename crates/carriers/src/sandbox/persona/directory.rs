//! Who lives at which number. A further persona is a further line here and a file beside this one.

use super::Script;
use super::dialler::Dialler;
use super::echo::Echo;
use super::human::Human;
use super::menu::Menu;
use super::refuser::{BUSY, DECLINED, OUT_OF_ORDER, Refuser, UNALLOCATED};
use super::silent::Silent;
use crate::sandbox::wishes::Wishes;

/// The script of whoever has this number.
pub(super) fn script(number: &str, wishes: &Wishes) -> Box<dyn Script> {
    let extension = number.trim_start_matches('+').strip_prefix("1500555").unwrap_or_default();
    match extension {
        "0001" => Box::new(Human::impatient(wishes)),
        "0002" => Box::new(Echo),
        "0003" => Box::new(Dialler::new(wishes, false)),
        "0004" => Box::new(Dialler::new(wishes, true)),
        "0005" => Box::new(Refuser(DECLINED)),
        "0006" => Box::new(Refuser(BUSY)),
        "0007" => Box::new(Silent),
        "0008" => Box::new(Refuser(UNALLOCATED)),
        "0009" => Box::new(Refuser(OUT_OF_ORDER)),
        "0014" => Box::new(Menu::new(wishes)),
        _ => Box::new(Human::patient(wishes)),
    }
}
