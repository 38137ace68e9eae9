//! Room `media`; see ARCHITECTURE.md.
