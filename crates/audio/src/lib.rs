//! Room `audio`; see ARCHITECTURE.md.
