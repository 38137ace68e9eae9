//! Room `store`; see ARCHITECTURE.md.
