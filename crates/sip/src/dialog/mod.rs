//! Dialogs (RFC 3261 §12): what two parties remember of each other. Must not know transactions or what a call is for.

pub mod snapshot;
