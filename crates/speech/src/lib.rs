//! Room `speech`; see ARCHITECTURE.md.
