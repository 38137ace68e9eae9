//! What happens to a persona: one flat enum.

/// What happens to a persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonaInput {
    /// Somebody calls.
    Called {
        /// The caller proved that it knows the sandbox's credential.
        authorized: bool,
    },
    /// The call is answered and sound flows, whichever side placed it.
    Connected,
    /// The other side pressed a key.
    Digit(char),
    /// The other side began to speak.
    VoiceStarted,
    /// The other side fell silent.
    VoiceStopped,
    /// What was said or played last is over.
    Said,
    /// All digits are pressed.
    Pressed,
    /// The other side answered the wish to hold or to resume.
    HoldAnswered {
        /// Whether it agreed.
        accepted: bool,
    },
    /// The other side answered the wish to be transferred.
    TransferAnswered {
        /// Whether it agreed.
        accepted: bool,
    },
}
