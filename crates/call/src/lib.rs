//! Room `call`; see ARCHITECTURE.md.
