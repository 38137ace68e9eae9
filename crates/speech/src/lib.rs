//! Engines that speak and engines that understand, one file a provider. Knows no call and no door: text in and a wav
//! file's bytes out, or sound in and words out.

mod cache;
mod espeak;
mod figures;
mod flite;
mod lexicon;
mod offline;
mod openai;
mod pocketsphinx;
mod program;
mod utterances;
mod wideband;

pub use offline::{OfflineConfig, OfflineTts};
pub use openai::{OpenAiConfig, OpenAiStt};
pub use pocketsphinx::{PocketSphinx, PocketSphinxConfig};
