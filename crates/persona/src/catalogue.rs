//! Who lives at which number. A further persona is a further line here and a file in `scripts`.

use crate::script::Script;
use crate::scripts::bad_network::BadNetwork;
use crate::scripts::challenger::Challenger;
use crate::scripts::dialler::Dialler;
use crate::scripts::early::EarlyMedia;
use crate::scripts::echo::Echo;
use crate::scripts::fading::Fading;
use crate::scripts::fax::Fax;
use crate::scripts::holder::Holder;
use crate::scripts::human::Human;
use crate::scripts::late::Late;
use crate::scripts::machine::AnsweringMachine;
use crate::scripts::menu::Menu;
use crate::scripts::redirector::Redirector;
use crate::scripts::refuser::{BUSY, DECLINED, OUT_OF_ORDER, Refuser, UNALLOCATED};
use crate::scripts::screener::Screener;
use crate::scripts::silent::Silent;
use crate::scripts::transferrer::Transferrer;
use crate::settings::Settings;

/// One persona of the catalogue.
pub struct Entry {
    /// Its number, E.164.
    pub number: &'static str,
    /// Its name, for settings and the command line.
    pub name: &'static str,
    /// What it does, one sentence.
    pub summary: &'static str,
    make: fn(&Settings) -> Box<dyn Script>,
}

impl Entry {
    pub(crate) fn script(&self, settings: &Settings) -> Box<dyn Script> {
        (self.make)(settings)
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({} {})", self.number, self.name)
    }
}

pub(crate) const HUMAN: Entry = Entry {
    number: "+15005550000",
    name: "human",
    summary: "answers after 1 s, says \"Hello?\", listens, never hangs up",
    make: |settings| Box::new(Human::patient(settings)),
};

/// Every persona, in the order of their numbers.
pub static CATALOGUE: &[Entry] = &[
    HUMAN,
    Entry {
        number: "+15005550001",
        name: "impatient",
        summary: "a human who hangs up 3 s after answering",
        make: |settings| Box::new(Human::impatient(settings)),
    },
    Entry {
        number: "+15005550002",
        name: "echo",
        summary: "sends back what it hears",
        make: |_| Box::new(Echo),
    },
    Entry {
        number: "+15005550003",
        name: "dialler",
        summary: "presses 1234# after each prompt falls silent, as telephone events (RFC 4733)",
        make: |settings| Box::new(Dialler::new(settings, false)),
    },
    Entry {
        number: "+15005550004",
        name: "tone_dialler",
        summary: "presses 1234# after each prompt falls silent, as tones in the sound",
        make: |settings| Box::new(Dialler::new(settings, true)),
    },
    Entry {
        number: "+15005550005",
        name: "decline",
        summary: "declines: 603",
        make: |_| Box::new(Refuser(DECLINED)),
    },
    Entry {
        number: "+15005550006",
        name: "busy",
        summary: "is busy: 486",
        make: |_| Box::new(Refuser(BUSY)),
    },
    Entry {
        number: "+15005550007",
        name: "no_answer",
        summary: "rings and never answers",
        make: |_| Box::new(Silent),
    },
    Entry {
        number: "+15005550008",
        name: "unallocated",
        summary: "a number that nobody has: 404, Q.850 cause 1",
        make: |_| Box::new(Refuser(UNALLOCATED)),
    },
    Entry {
        number: "+15005550009",
        name: "outage",
        summary: "a carrier that fails: 503 with Retry-After",
        make: |_| Box::new(Refuser(OUT_OF_ORDER)),
    },
    Entry {
        number: "+15005550010",
        name: "voicemail",
        summary: "an answering machine: a greeting of 6 s, a beep of 1 kHz, then it listens",
        make: |settings| Box::new(AnsweringMachine::with_beep(settings)),
    },
    Entry {
        number: "+15005550011",
        name: "voicemail_no_beep",
        summary: "an answering machine without a beep",
        make: |settings| Box::new(AnsweringMachine::without_beep(settings)),
    },
    Entry {
        number: "+15005550012",
        name: "screening",
        summary: "a call screener: asks who is calling, waits for an answer, passes the call on to a human",
        make: |settings| Box::new(Screener::new(settings)),
    },
    Entry {
        number: "+15005550013",
        name: "fax",
        summary: "a fax machine: its answer tone (CED, 2100 Hz, 3 s) again and again",
        make: |_| Box::new(Fax),
    },
    Entry {
        number: "+15005550014",
        name: "menu",
        summary: "an interactive menu: speaks its choices, says what was pressed, repeats",
        make: |settings| Box::new(Menu::new(settings)),
    },
    Entry {
        number: "+15005550015",
        name: "early_media",
        summary: "rings with sound before the answer (183 with ringback), then a human answers",
        make: |settings| Box::new(EarlyMedia(Human::patient(settings))),
    },
    Entry {
        number: "+15005550016",
        name: "media_loss",
        summary: "a human whose sound stops for good 3 s after the answer",
        make: |settings| Box::new(Fading::new(settings)),
    },
    Entry {
        number: "+15005550017",
        name: "bad_network",
        summary: "a human behind a bad network: 5 % loss, 40 ms jitter, reordering",
        make: |settings| Box::new(BadNetwork::new(settings)),
    },
    Entry {
        number: "+15005550018",
        name: "slow",
        summary: "late and slow: no sign of life for 3 s, and its answer is lost once",
        make: |settings| Box::new(Late::new(settings)),
    },
    Entry {
        number: "+15005550019",
        name: "challenge",
        summary: "wants a digest of the caller before it rings (401)",
        make: |settings| Box::new(Challenger(Human::patient(settings))),
    },
    Entry {
        number: "+15005550020",
        name: "redirect",
        summary: "sends the caller to another persona (302)",
        make: |settings| Box::new(Redirector::new(settings)),
    },
    Entry {
        number: "+15005550021",
        name: "hold",
        summary: "a human who puts the caller on hold 3 s after the answer and is back 3 s later",
        make: |settings| Box::new(Holder::new(settings)),
    },
    Entry {
        number: "+15005550022",
        name: "transfer",
        summary: "a human who wants to transfer the caller to another persona 3 s after the answer (REFER)",
        make: |settings| Box::new(Transferrer::new(settings)),
    },
];

static NOBODY_ELSE: Entry = HUMAN;

/// The persona of this name.
pub fn entry_named(name: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == name)
}

/// The persona at this number, with or without its plus sign; a human where nobody else lives.
pub fn entry_of_number(number: &str) -> &'static Entry {
    let digits = number.trim_start_matches('+');
    let found = CATALOGUE.iter().find(|entry| entry.number.strip_prefix('+') == Some(digits));
    found.unwrap_or(&NOBODY_ELSE)
}
