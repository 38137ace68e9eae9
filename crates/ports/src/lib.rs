//! Room `ports`; see ARCHITECTURE.md.
