//! Speaking engines, one file a provider. Knows no call and no door: text in, a wav file's bytes out.

mod cache;
mod espeak;
mod figures;
mod flite;
mod offline;
mod program;

pub use offline::{OfflineConfig, OfflineTts};
