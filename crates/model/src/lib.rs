//! The nouns of the project; knows no other room. See ARCHITECTURE.md.

pub mod time;

pub use time::Timestamp;
