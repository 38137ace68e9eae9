//! What a persona does: one flat enum, its whole outward power.

use model::sound::Impairment;

/// What a persona does.
#[derive(Debug, Clone, PartialEq)]
pub enum PersonaOutput {
    /// Its network says that it works on the call: the first sign of life. Personas say it themselves; nothing else
    /// may say it for them.
    Trying,
    /// It rings.
    Ring,
    /// Its network opens the sound before the answer.
    EarlyMedia,
    /// It answers.
    Answer,
    /// Its answer, when it comes, is lost once on the way and has to be repeated.
    LoseAnswer,
    /// It wants the caller to prove who it is; the call comes again then.
    Challenge,
    /// It does not take the call.
    Refuse(PersonaRefusal),
    /// It sends the caller to another number.
    Redirect {
        /// The number.
        to: String,
    },
    /// It hangs up.
    HangUp,
    /// It says something; what it said or played before is cut.
    Say {
        /// The words.
        text: String,
        /// Cut or repeated to this length; as long as the words take if none.
        length_ms: Option<u32>,
    },
    /// It plays a tone; what it said or played before is cut.
    Play(Tone),
    /// It stops what it says or plays.
    Quiet,
    /// It listens for voice and silence.
    Listen,
    /// It sends back what it hears.
    Echo,
    /// It presses keys.
    Press {
        /// Which; `w` and `W` wait half a second and one second.
        digits: String,
        /// As tones in the sound instead of telephone events.
        in_band: bool,
    },
    /// Its sound breaks: it sends no packet any more and hears none.
    Mute,
    /// Its network spoils the packets of both directions from now on.
    Impair(Impairment),
    /// It puts the other side on hold.
    Hold,
    /// It takes the other side back.
    Resume,
    /// It wants the other side to call another number instead.
    Transfer {
        /// The number.
        to: String,
    },
}

/// A tone of one or two frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tone {
    /// Frequencies; 0 for none.
    pub frequencies_hz: [u16; 2],
    /// How long it sounds.
    pub on_ms: u32,
    /// The silence after it.
    pub off_ms: u32,
    /// Whether it begins again, for ever.
    pub repeat: bool,
}

/// How a persona does not take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonaRefusal {
    /// SIP status code.
    pub code: u16,
    /// Its phrase.
    pub phrase: &'static str,
    /// Q.850 cause.
    pub q850: Option<u8>,
    /// When the caller may try again.
    pub retry_after_s: Option<u32>,
}
