//! Room `carriers`; see ARCHITECTURE.md.
