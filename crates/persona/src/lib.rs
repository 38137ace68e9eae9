//! The personas: whoever answers, or calls, in the sandbox, as pure state machines. Inputs and time go in by
//! [`Persona::handle`], what the persona does comes out of [`Persona::poll`]. Knows no socket, no clock and no
//! signalling message, so that a simulation can run the same personas in virtual time.

mod catalogue;
mod directory;
mod input;
mod output;
mod play;
mod script;
mod scripts;
mod settings;
mod stage;

pub use catalogue::{CATALOGUE, Entry, entry_named, entry_of_number};
pub use directory::{Directory, DirectoryError, Listed, NamedPersona};
pub use input::PersonaInput;
pub use output::{PersonaOutput, PersonaRefusal, Tone};
pub use play::Persona;
pub use settings::{HEADER, SettingError, SettingFault, Settings};

#[cfg(test)]
mod tests;
